"""Where a run stands in the (alpha, b) plane, and what the base model's samples say that it should look like there.

Everything is computed from base responses y_i ~ p, prompt by prompt, by the self-normalised weights
    w_i ∝ e^{t_i},   t = (alpha - 1) l/|y|^kappa + b r.    [T23; T20 for kappa]

For use inside a training run: a few dozen samples of each prompt, the same number of each, drawn once before the first
step. They are asked again and again as the run goes on, so everything is one array operation, without jackknife or
smoothing; the forecast before training, which has those, is `theory.estimation.forecast`.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from theory.coordinates import coordinates_of_means
from theory.estimation.samples import BaseSamples
from theory.objectives import Coordinates
from theory.reweighting import log_weights, tilt_score

Prompts = Float[np.ndarray, " prompts"]
LARGEST_ALPHA, LARGEST_B = 64.0, 20.0  # beyond, a few dozen samples of a prompt are down to their best one


class Prediction(NamedTuple):
    """Prompt by prompt under the weights w: E[r], E[log p], E|y|, entropy (nats), and the variances of |y|, -log q."""

    accuracy: Prompts
    log_p: Prompts
    length: Prompts
    entropy: Prompts
    var_length: Prompts
    var_entropy: Prompts


def predicted(samples: BaseSamples, alpha: float, b: float, kappa: float = 0.0) -> Prediction:
    """What q ∝ p e^t looks like on each prompt. alpha = 1, b = 0: the base samples themselves.    [T23]

    Entropy: -log q = -log p - t + log Z, Z = E_p[e^t] estimated by the mean over the samples. As w = e^t/(n Z), that is
    -log p - log w - log n. Far from the base model one sample has all the weight and every variance is 0: the spread
    that is then reported is that of the sample, not of q.
    """
    log_weight = log_weights(tilt_score(samples.log_p, samples.reward, alpha, b, samples.length, kappa))
    weight = np.exp(log_weight)
    surprise = -samples.log_p - log_weight - np.log(log_weight.shape[1])

    def mean(values: np.ndarray) -> Prompts:
        return np.sum(weight * values, axis=1)

    def variance(values: np.ndarray) -> Prompts:
        return mean((values - mean(values)[:, None]) ** 2)

    return Prediction(
        mean(samples.reward),
        mean(samples.log_p),
        mean(samples.length),
        mean(surprise),
        variance(samples.length),
        variance(surprise),
    )


def coordinate(samples: BaseSamples, mean_log_p: float, mean_reward: float) -> Coordinates:
    """(alpha_t, b_t): the point of the plane with a run's own E[log p] and E[r], averaged over prompts.    [T2, T23]

    Within [0, 64] x [-20, 20]; a mean that no point reaches (accuracy 1 on every prompt) ends on that border.
    Base samples stand for p, each with mass 1. What a run has learnt beyond the plane does not show here: two runs with
    the same two means have the same point.
    """
    border = LARGEST_ALPHA, LARGEST_B
    log_mass = np.zeros_like(samples.log_p)
    return coordinates_of_means(samples.log_p, samples.reward, mean_log_p, mean_reward, log_mass, border)
