"""Where a run stands in the (alpha, b) plane, and what the base model's samples say that it should look like there.

Everything is computed from base responses y_i ~ p, prompt by prompt, by the self-normalised weights
    w_i ∝ e^{t_i},   t = (alpha - 1) l/|y|^kappa + b r.    [T23; T20 for kappa]
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import logsumexp

from theory.estimation.samples import BaseSamples
from theory.reweighting import log_weights, tilt_score

LARGEST_ALPHA, LARGEST_B = 64.0, 20.0  # beyond, a few dozen samples of a prompt are down to their best one


class Prediction(NamedTuple):
    """Prompt by prompt under the weights w: E[r], E[l], E|y|, entropy (nats), and the variance of |y| and of -log q."""

    accuracy: Float[np.ndarray, " prompts"]
    log_p: Float[np.ndarray, " prompts"]
    length: Float[np.ndarray, " prompts"]
    entropy: Float[np.ndarray, " prompts"]
    var_length: Float[np.ndarray, " prompts"]
    var_entropy: Float[np.ndarray, " prompts"]


def predicted(samples: BaseSamples, alpha: float, b: float, kappa: float = 0.0) -> Prediction:
    """What q ∝ p e^t looks like on each prompt. alpha = 1, b = 0: the base samples themselves.    [T23]

    Entropy: -log q = -l - t + log Z, Z = E_p[e^t] estimated by the mean over the samples.
    """
    log_weight = log_weights(tilt_score(samples.log_p, samples.reward, alpha, b, samples.length, kappa))
    weight = np.exp(log_weight)
    surprise = -samples.log_p - log_weight - np.log(log_weight.shape[1])

    def mean(values):
        return np.sum(weight * values, axis=1)

    def variance(values):
        return mean((values - mean(values)[:, None]) ** 2)

    return Prediction(
        mean(samples.reward),
        mean(samples.log_p),
        mean(samples.length),
        mean(surprise),
        variance(samples.length),
        variance(surprise),
    )


def coordinate(samples: BaseSamples, mean_log_p: float, mean_reward: float) -> tuple[float, float]:
    """(alpha_t, b_t): the point of the plane with a run's own E[l] and E[r], averaged over prompts.    [T2, T23]

    The averages are the gradient of Φ = mean log Z, which is convex, so the point maximises
    alpha E[l] + b E[r] - Φ(alpha, b): Newton from the base model, halved where a step would not improve. Both stay
    within [0, 64] x [-20, 20]; a mean that no point reaches (accuracy 1 on every prompt) ends on that border.
    """
    target = np.array([mean_log_p, mean_reward])
    low, high = np.array([0.0, -LARGEST_B]), np.array([LARGEST_ALPHA, LARGEST_B])

    def value_gradient_curvature(point):
        tilt = (point[0] - 1) * samples.log_p + point[1] * samples.reward
        total = logsumexp(tilt, axis=1, keepdims=True)
        weight = np.exp(tilt - total)
        features = np.stack([samples.log_p, samples.reward])
        means = np.einsum("ps,fps->fp", weight, features)
        centred = features - means[:, :, None]
        curvature = np.einsum("ps,fps,gps->fg", weight, centred, centred) / len(weight)
        return (point - [1.0, 0.0]) @ target - total.mean(), target - means.mean(1), curvature

    point = np.array([1.0, 0.0])
    value, gradient, curvature = value_gradient_curvature(point)
    for _ in range(50):
        # A direction in which every prompt's samples agree has no curvature; the ridge leaves it where it is.
        step = np.linalg.solve(curvature + 1e-9 * np.eye(2), gradient)
        scale = 1.0
        while scale > 1e-6:
            trial = np.clip(point + scale * step, low, high)
            new = value_gradient_curvature(trial)
            if new[0] >= value:
                break
            scale /= 2
        else:
            break
        moved = np.abs(trial - point).max()
        point, (value, gradient, curvature) = trial, new
        if moved < 1e-7:
            break
    return float(point[0]), float(point[1])
