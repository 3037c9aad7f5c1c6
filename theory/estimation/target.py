"""What is asked of base rollouts, an optimum, and what reweighting them answers, prompt by prompt."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from theory.vocabulary import LengthControl

Prompts = Float[np.ndarray, " prompts"]


class Target(NamedTuple):
    """An optimum: q ∝ p exp((alpha - 1) log p/|y|^kappa + b r - length term). alpha or b may be inf, not both.

    (1, 0) is the base model. With kappa the first factor stays p, unchanged: only what is added to it is divided. Both
    infinite would be a race between likelihood and reward that nothing decides.

    >>> Target(np.inf, 0.0).is_face, Target(2.0, 0.0, length_control="content").has_length_term
    (True, True)
    """

    alpha: float
    b: float
    kappa: float = 0.0
    length_control: str = LengthControl.NONE
    """trajectory-balance and content take something off that depends on length"""

    @property
    def is_face(self) -> bool:
        """A limit: equal weights on what is best, and no weights that could be smoothed."""
        return bool(np.isinf(self.alpha) or np.isinf(self.b))

    @property
    def has_length_term(self) -> bool:
        """Is something taken off that has to be fitted to the samples?"""
        return not self.is_face and self.length_control in (LengthControl.TRAJECTORY_BALANCE, LengthControl.CONTENT)


class Reweighted(NamedTuple):
    """What a target would give, prompt by prompt.

    Prompt by prompt, because intervals are over prompts and need every one. `value` has `bias` taken off already; where
    the bias is not known it is as it was estimated.
    """

    value: dict[str, Prompts]
    """jackknife-corrected accuracy, length, log_p, entropy, kl, finished and pass@k"""
    bias: dict[str, Prompts]
    """the correction that was subtracted; nan where a prompt has a single sample"""
    ess: Prompts
    """1/Σ w², before smoothing; where each length keeps its probability, the harmonic mean of that of its lengths"""
    weight: Float[np.ndarray, " rows"] | None
    """normalised in each prompt, smoothed; None where nothing was weighted"""
    pareto_k: float
    """shape of the tail of the weights, all prompts together; nan where there is none to fit"""
    untold: Mapping[str, Prompts] = MappingProxyType({})
    """what was put in for samples that have no equal in length, for a target that keeps each length's probability"""
