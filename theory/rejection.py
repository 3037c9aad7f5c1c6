"""The price of a target in draws from p: rejection sampling, and supervised training on what it keeps.

Draw y from p, keep it with probability q(y)/(M p(y)): what is kept has the law q. The smallest M that will do is
max q/p, and one draw in M is kept. So every target has a price before any training, and the prices of sharpening and
of a reward are of different kinds. A reward costs at most 1/A₀ draws, A₀ the base model's accuracy, at any length.
Sharpening costs the ratio of the mode's probability after and before, which multiplies from token to token.
"""

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

    >>> token = np.log([0.6, 0.25, 0.15])
    >>> [f"{np.exp(n * sharpening_log_draws(token, alpha=2)):.3g}" for n in (1, 20, 60)]  # for n such tokens
    ['1.35', '394', '6.13e+07']
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

    Why it is the tilt: right and wrong samples are kept in the ratio 1 : e^{-b}, which is e^b : 1, and nothing else is
    looked at. Over prompts one b keeps few samples where accuracy is low: to train on prompts in equal parts, draw
    until each has its share, or the kept samples are mostly those of easy prompts.

    >>> [round(float(np.exp(reward_log_draws(0.3, b))), 2) for b in (0, 2, np.inf)]
    [1.0, 2.53, 3.33]
    """
    if not np.all(np.greater_equal(accuracy, 0) & np.less_equal(accuracy, 1)):
        raise ValueError(f"accuracy must be between 0 and 1, got {accuracy}")
    if not np.all(np.greater_equal(b, 0)):
        raise ValueError(f"b must be >= 0, got {b}")
    accuracy = np.asarray(accuracy, float)
    with np.errstate(divide="ignore"):
        return plain(0.0 - np.log(accuracy + (1 - accuracy) * np.exp(-np.asarray(b, float))))
