"""One prompt as every statement sees it: the reference policy over its responses, and what each of them earns.

Statements on many prompts are means of this one: a response to one prompt never competes with a response to another,
since each prompt's probabilities add up to one by themselves. (Shared parameters change that: `shared_parameters`.)
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from theory.distribution import checked_log_p, checked_reward


@dataclass(frozen=True, eq=False)
class Problem:
    """log p (nats) and reward of each response, and its length in tokens (EOS counted) where that is known.

    A response of probability zero is allowed on purpose: it stands as log p = -inf, stays at zero under every
    objective [T24], and keeps its row beside the others of a file. Learners that compute returns leave such
    responses out, see `on_support`. ValueError: log_p is no distribution, shapes differ, a reward or length that is
    not finite, a length below 1.

    >>> problem = Problem(np.log([0.5, 0.3, 0.2]), np.array([0.0, 1.0, 0.0]))
    >>> len(problem)
    3
    """

    log_p: Float[np.ndarray, " y"]
    reward: Float[np.ndarray, " y"]
    length: Float[np.ndarray, " y"] | None = None

    def __post_init__(self) -> None:
        log_p = checked_log_p(self.log_p)
        if log_p.ndim != 1:
            raise ValueError(f"log_p has shape {log_p.shape}; a problem is one prompt, so give one number a response")
        checked_reward(self.reward, log_p)
        if self.length is not None:
            length = checked_reward(self.length, log_p, "length")
            if np.min(length) < 1:
                raise ValueError(
                    f"length holds {np.min(length)}; count tokens with EOS, so that each response has at least 1"
                )

    def __len__(self) -> int:
        """How many responses it lists."""
        return len(self.log_p)

    def on_support(self) -> "Problem":
        """The same without the responses of probability zero, whose return c log p - τ log π would be inf - inf.

        >>> with_an_impossible_one = Problem(np.array([np.log(0.5), np.log(0.5), -np.inf]), np.array([0.0, 1.0, 1.0]))
        >>> len(with_an_impossible_one), len(with_an_impossible_one.on_support())
        (3, 2)
        """
        on = ~np.isneginf(self.log_p)
        return Problem(self.log_p[on], self.reward[on], None if self.length is None else self.length[on])
