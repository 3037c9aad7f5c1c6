"""The price of a target in draws from p: rejection sampling, and supervised training on what it keeps."""

import numpy as np
from jaxtyping import Float, Real

from theory.distribution import checked_exponent, plain, renyi_entropy


def sharpening_log_draws(log_p: Float[np.ndarray, "*batch y"], alpha: float) -> Float[np.ndarray, "*batch"] | float:
    """log of the draws from p for one of p^α/Z: D_∞ = (α-1)(H_α(p) - H_∞(p)), α >= 1.    [T28]

    Rejection keeps y with probability e^{-D_∞} q(y)/p(y); D_∞ = max log q/p is at the mode. Entropies of independent
    tokens add up, so the price grows like e^{tokens}.

    It is the price of an exact sample without training; power-SMC and power-MH pay in other coin (particles, moves) and
    end near p^α, not at it. 0 at α = 1 and for a uniform p; at α → ∞ it tends to H_∞ less the log of how many modes
    there are, so waiting for a mode is the most that it can cost.
    ValueError: alpha < 1, where the maximum is at the rarest.
    """
    if checked_exponent(alpha) < 1:
        raise ValueError(f"alpha must be >= 1 to sharpen, got {alpha}")
    return (alpha - 1) * (renyi_entropy(log_p, alpha) - renyi_entropy(log_p, np.inf))


def reward_log_draws(
    accuracy: float | Real[np.ndarray, "*#batch"], b: float | Real[np.ndarray, "*#batch"]
) -> Float[np.ndarray, "*batch"] | float:
    """log of the draws from p for one of q_{1,b}: -log(A₀ + (1-A₀) e^{-b}) <= -log A₀, at any length.    [T28]

    Keep each right sample, and each wrong one with probability e^{-b}: what is kept has the law q_{1,b}, so supervised
    training on it is tilted RL (of a table). b = inf is rejection to right samples. inf for A₀ = 0 and b = inf.
    ValueError: accuracy outside [0, 1], b negative or nan.
    """
    if not np.all(np.greater_equal(accuracy, 0) & np.less_equal(accuracy, 1)):
        raise ValueError(f"accuracy must be between 0 and 1, got {accuracy}")
    if not np.all(np.greater_equal(b, 0)):
        raise ValueError(f"b must be >= 0, got {b}")
    accuracy = np.asarray(accuracy, float)
    with np.errstate(divide="ignore"):
        return plain(0.0 - np.log(accuracy + (1 - accuracy) * np.exp(-np.asarray(b, float))))
