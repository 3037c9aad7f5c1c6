"""Responses from another program than the one that trains: how far apart the two are, and what the difference weighs.

vLLM rounds otherwise than the trainer, and it has whatever weights it was sent last. It says the log-probability log μ
of each token that it draws; the trainer scores the same tokens under the policy π and under the base model p. From the
three follow the size of the difference, the weights min(π/μ, cap) of the responses, and whether the weights that the
sampler has are the policy's at all.    [T33]
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

CLEAR = 4.0  # times the smaller of two distances is told apart from it
GROWN = 10.0  # times as far from the policy as at the start, and more than FAR: the sampler does not follow it
FAR = 0.1  # nats a token
Tokens = Float[np.ndarray, " _"]


class SamplerMismatch:
    """What a run remembers of its sampler. cap: where weights are cut off; 0 for no weights at all."""

    def __init__(self, cap: float):
        self.cap = cap
        self.log_mu: list[list[float]] = []
        """of each token of the responses that were drawn last"""
        self.at_start: float | None = None

    def listen(self, generation: Any) -> None:
        """Ask TRL's VLLMGeneration for the log-probabilities of what it draws, and keep those of the last batch."""
        generation.logprobs = 0  # of the token that is drawn, and no others
        draw = generation.generate

        def generate(*args, **kwargs):
            drawn = draw(*args, **kwargs)
            self.log_mu = [[token[0] for token in row] for row in drawn[2]]
            return drawn

        generation.generate = generate

    def weights(self, log_pi: Sequence[Tokens]) -> Float[np.ndarray, " responses"]:
        """min(π(y)/μ(y), cap) of each response, 1 where none are wanted."""
        if not self.cap:
            return np.ones(len(log_pi))
        total = [float(np.sum(own - mu)) for own, mu in zip(log_pi, self.log_mu, strict=True)]
        return np.exp(np.minimum(total, np.log(self.cap)))

    def compared(
        self, log_pi: Sequence[Tokens], log_p: Sequence[Tokens], gather: Callable[[list], list] = list
    ) -> dict[str, float]:
        """The step's metrics: mean and 99th percentile of |log π - log μ| a token, and the mass that is kept.

        gather brings the lists of all processes together, so that all see the same numbers. ValueError where the
        sampler has other weights than the policy.
        """
        mine = np.array([np.concatenate(rows) for rows in (log_pi, log_p, self.log_mu)], float)
        pi, p, mu = np.concatenate(gather([mine]), axis=1)
        kept = np.concatenate(gather([self.weights(log_pi)]))
        apart = float(np.mean(np.abs(pi - mu)))
        self._check(apart, float(np.mean(np.abs(p - mu))), float(np.mean(np.abs(pi - p))))
        return {
            "sampler_gap": apart,
            "sampler_gap_p99": float(np.quantile(np.abs(pi - mu), 0.99)),
            **({"sampler_mass_kept": float(kept.mean())} if self.cap else {}),
        }

    def _check(self, from_policy: float, from_base: float, moved: float) -> None:
        """Once policy and base model can be told apart, the sampler must be nearer to the policy."""
        if moved > CLEAR * min(from_policy, from_base) and from_base < from_policy:
            raise ValueError(
                f"vLLM samples from the base model ({from_base:.2g} nats a token from it, {from_policy:.2g} from the "
                "policy): it was not given the new weights; drop --use_vllm, or try another version of vLLM"
            )
        if self.at_start is None:
            self.at_start = from_policy
        if from_policy > max(GROWN * self.at_start, FAR):
            raise ValueError(
                f"vLLM is {from_policy:.2g} nats a token from the policy, {self.at_start:.2g} at the start: it no "
                "longer gets the new weights; start its server again and go on with --resume"
            )
