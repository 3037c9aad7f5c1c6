"""One measured number names the point on a line of the plane: a KL budget, or the mean of log p.

At an equal distance KL(π‖p) sharpening and tilting can be compared; at an equal mean of log p a run with theory.
"""

import numpy as np
from jaxtyping import Float, Shaped

from theory.distribution import checked_log_p, checked_reward, kl
from theory.tilt import log_tilt, moments, sharpening_limit, task_limit


def tilting_at_budget(log_p: Float[np.ndarray, " y"], reward: Shaped[np.ndarray, " y"], budget: float) -> float:
    """The b >= 0 with KL(q_{1,b}‖p) = budget (nats): the best accuracy that the budget can buy.    [T5]

    inf where the budget reaches -log p(best reward), beyond which no b goes.
    ValueError: budget < 0, a reward that is constant on the support, or log_tilt's.
    """
    log_p, reward = checked_log_p(log_p), checked_reward(reward, log_p)
    supported = reward[~np.isneginf(log_p)]
    if np.ptp(supported) == 0:
        raise ValueError(f"reward is {supported[0]} on the whole support; no tilt moves p, so there is no b")
    if _checked(budget) >= kl(task_limit(log_p, reward), log_p):
        return np.inf
    return _root(lambda b: kl(log_tilt(log_p, reward, 1, b), log_p) - budget, 0.0)


def sharpening_at_budget(log_p: Float[np.ndarray, " y"], budget: float) -> float:
    """The alpha >= 1 with KL(q_{α,0}‖p) = budget (nats).    [T5]

    inf where the budget reaches -log p(modes), beyond which no alpha goes.
    ValueError: budget < 0, a reference that is uniform on its support, or log_tilt's.
    """
    log_p = checked_log_p(log_p)
    nothing = np.zeros(log_p.shape)
    if np.ptp(log_p[~np.isneginf(log_p)]) == 0:
        raise ValueError("log_p is uniform on its support; no power moves it, so there is no alpha")
    if _checked(budget) >= kl(sharpening_limit(log_p, nothing), log_p):
        return np.inf
    return _root(lambda alpha: kl(log_tilt(log_p, nothing, alpha, 0), log_p) - budget, 1.0)


def small_budget_ratio(
    log_p: Float[np.ndarray, "*#batch y"], reward: Shaped[np.ndarray, "*#batch y"]
) -> Float[np.ndarray, "*batch"] | float:
    """Corr_p(r, log p): (gain of sharpening)/(gain of tilting) at equal budget, as the budget vanishes.    [T5]

    Negative where sharpening loses accuracy; nan where r or log p is constant on the support.
    """
    at_base = moments(log_p, reward, 1, 0)
    with np.errstate(invalid="ignore"):  # 0/0 is the documented nan
        return at_base.cov / np.sqrt(at_base.var_log_p * at_base.var_reward)


def alpha_of_mean_log_p(
    log_p: Float[np.ndarray, " y"], reward: Shaped[np.ndarray, " y"], mean_log_p: float, b: float = 0
) -> float:
    """A run's own coordinate: the alpha >= 0 with E_{q_{α,b}}[log p] = mean_log_p (nats).    [T23]

    The mean increases with alpha (slope Var log p), so it names the point; accuracy, length and entropy of the run
    then have no parameter left to fit. ValueError when no alpha >= 0 has that mean; it states the range.
    """
    low, high = moments(log_p, reward, 0, b).mean_log_p, np.max(log_p)
    if not low <= mean_log_p < high:
        raise ValueError(
            f"mean_log_p is {mean_log_p}, but at b = {b} it lies between {low:.6g} (alpha = 0) and {high:.6g} (inf)"
        )
    return _root(lambda alpha: moments(log_p, reward, alpha, b).mean_log_p - mean_log_p, 0.0)


def _checked(budget):
    if not budget >= 0:
        raise ValueError(f"budget must be >= 0 nats, got {budget}: a KL divergence is never negative")
    return budget


def _root(excess, start):
    """The zero of an increasing function to the right of start, where it is <= 0."""
    from scipy.optimize import brentq  # half a second to import, so only where a root is needed

    step = 1.0
    while excess(start + step) < 0:
        step *= 2
    return brentq(excess, start, start + step, xtol=1e-14, rtol=1e-14)
