"""How many samples a prompt would be enough, to an order of magnitude, where those that there are cannot tell."""

import numpy as np

from theory.estimation.reweight import Target, score_of
from theory.estimation.samples import Rollouts

SMALLEST_ESS = 5.0  # mean effective samples a prompt
MOST_SAMPLES = 1e6  # a prompt: nobody draws more


def samples_needed(rollouts: Rollouts, target: Target, shortfall: float) -> float:
    """Samples a prompt that would do: a power of two, at least twice those that there are; inf where none would. [T23]

    The larger of what leaves SMALLEST_ESS effective ones, n e^{-D₂} with D₂ ≈ Var_p(t) (exact for a Gaussian t), and
    what brings an error that falls as 1/n down by the factor `shortfall`. Known to an order of magnitude only: one more
    than there are is no advice, and what nobody draws is none either.

    At a limit t has no variance. For alpha = inf only the second says anything; for b = inf nothing does, since which
    prompts can be solved at all is settled by no number of samples.
    """
    n = float(rollouts.count.max())
    if target.is_face:
        known = np.isfinite(target.b) and np.isfinite(shortfall)
        return _worth_drawing(n * shortfall, n) if known else np.inf
    t = score_of(rollouts, target)
    within = np.sum((t - rollouts.each(rollouts.mean(t))) ** 2)
    freedom = len(t) - len(rollouts.start)
    variance = within / freedom if freedom else np.var(t)
    with np.errstate(over="ignore"):
        return _worth_drawing(float(max(SMALLEST_ESS * np.exp(variance), n * np.nan_to_num(shortfall))), n)


def _worth_drawing(needed: float, n: float) -> float:
    """Rounded up to a power of two; inf above a million samples a prompt."""
    most = max(needed, 2 * n)
    return np.inf if most > MOST_SAMPLES else float(2 ** np.ceil(np.log2(most)))
