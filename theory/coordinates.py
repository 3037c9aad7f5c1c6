"""Where a policy lies in the (alpha, b) plane: a run's own point, from its log-probabilities or from its means.

A policy of the tilt family has one point. Any other has the point that agrees with what is measured of it: E[log p]
alone where b is known, or E[log p] and E[r] (averages over prompts and over weighted samples will do, so that a batch
of rollouts names it). Accuracy, length and entropy of that point then have nothing left to fit.

Why means name the point. Along the family the means of (log p, r) are the gradient of Φ, and Φ is convex: two points
with the same means would have a straight line of Φ between them, which needs log p and r to be linearly dependent. And
the member with π's own means is the one nearest to π: KL(π‖q) = E_π log π - α E_π log p - b E_π r + Φ, whose slopes in
α and b vanish exactly where the means agree. What is left of the KL there is how far π lies off the plane.
"""

import numpy as np
from jaxtyping import Float, Shaped

from theory.objectives import Coordinates
from theory.tilt import log_partition, log_tilt, moments

LARGEST = 1e3  # of a coordinate: beyond it a policy is on a face of the simplex
_STEPS = 200
_ROUNDING = 1e-14  # of heights, relative: a step that gains less than this is not turned back
_RIDGE = 1e-9  # a direction that moves nothing has no curvature; this leaves it where it is


def coordinates(
    log_q: Float[np.ndarray, " y"], log_p: Float[np.ndarray, " y"], reward: Shaped[np.ndarray, " y"]
) -> Coordinates:
    """(α, b) of a member of the tilt family: log q = α log p + b r - Φ, solved by least squares under p.    [T23]

    Exact however improbable a response is, since nothing but logarithms enter. Responses off the support of p are
    left out. nan where the family has no two coordinates: log p, r and a constant are linearly dependent.
    Weighted by p, so that rounding of what never happens does not decide; columns are scaled to one length before the
    fit, for log p runs in the hundreds and r up to 1, and a rank is only told between columns of one size.

    >>> from theory.tilt import log_tilt
    >>> log_p, reward = np.log([0.4, 0.1, 0.3, 0.2]), np.array([1.0, 0.0, 0.0, 1.0])
    >>> found = coordinates(log_tilt(log_p, reward, 2, 0.5), log_p, reward)
    >>> round(found.alpha, 9), round(found.b, 9)
    (2.0, 0.5)
    """
    on = ~np.isneginf(log_p)
    log_q, log_p, reward = log_q[on], log_p[on], np.asarray(reward, dtype=np.float64)[on]
    weight = np.exp(log_p / 2)
    design = np.stack([log_p, reward, np.ones_like(log_p)], axis=1) * weight[:, None]
    scale = np.linalg.norm(design, axis=0)
    solution, _, rank, _ = np.linalg.lstsq(design / np.where(scale > 0, scale, 1.0), log_q * weight, rcond=1e-10)
    if rank < 3:
        return Coordinates(np.nan, np.nan)
    alpha, b, _ = solution / scale
    return Coordinates(float(alpha), float(b))


def projection(
    log_pi: Float[np.ndarray, " y"], log_p: Float[np.ndarray, " y"], reward: Shaped[np.ndarray, " y"]
) -> Coordinates:
    """(α, b), α >= 0, of the member with π's own E[log p] and E[r]: it minimises KL(π‖q).    [T2, T23]

    It depends on what the policy does, not on the logarithms of what it hardly ever does. A policy on a face has no
    such member: a coordinate then runs off until nothing is left to gain in floating point, or to LARGEST. For a
    member of the family it is the answer of `coordinates`; for a trained network the two differ, and this is the one
    that its samples can tell.
    """
    pi, log_p_on = np.exp(log_pi), np.where(np.isneginf(log_p), 0.0, log_p)
    return coordinates_of_means(log_p, reward, float(pi @ log_p_on), float(pi @ np.asarray(reward)))


def coordinates_of_means(
    log_p: Float[np.ndarray, "*#batch y"],
    reward: Shaped[np.ndarray, "*#batch y"],
    mean_log_p: float,
    mean_reward: float,
    log_mass: Float[np.ndarray, "*#batch y"] | None = None,
    largest: tuple[float, float] = (LARGEST, LARGEST),
) -> Coordinates:
    """(α, b) with E_{q_{α,b}}[log p] = mean_log_p and E[r] = mean_reward, averaged over the leading axes.   [T2, T23]

    The averages are the gradient of the mean of Φ, which is convex, so the point maximises
    α E[log p] + b E[r] - Φ(α, b). Newton's steps from the base model, halved where one would not improve, within
    [0, largest[0]] x [-largest[1], largest[1]]; means that no point has (accuracy 1 on every prompt) end on that
    border. With log_mass, weighted samples stand for p.
    """
    target, base = np.array([mean_log_p, mean_reward]), np.array([1.0, 0.0])
    low, high = np.array([0.0, -largest[1]]), np.array(largest, dtype=np.float64)

    def height(point):
        # Relative to the base, where it is 0: α E[log p] alone would bury small gains in rounding. Each step may lose
        # a rounding and no more, or a search that has arrived would be halved for ever.
        phi = log_partition(log_p, reward, point[0], point[1], log_mass)
        return float((point - base) @ target - np.mean(phi))

    def slopes(point):
        at = moments(log_p, reward, point[0], point[1], log_mass)
        means = np.array([np.mean(at.mean_log_p), np.mean(at.mean_reward)])
        cov = np.mean(at.cov)
        return target - means, np.array([[np.mean(at.var_log_p), cov], [cov, np.mean(at.var_reward)]])

    point, value = base, height(base)
    for _ in range(_STEPS):
        gradient, curvature = slopes(point)
        # At a border that the gradient pushes against, only the other coordinate is free to move.
        # Solving for both and cutting the step off at the border would end beside the best point of that border.
        free = ~(((point <= low) & (gradient < 0)) | ((point >= high) & (gradient > 0)))
        step = np.zeros(2)
        step[free] = np.linalg.solve((curvature + _RIDGE * np.eye(2))[np.ix_(free, free)], gradient[free])
        scale, trial, rounding = 1.0, point, _ROUNDING * max(1.0, abs(value))
        while scale > 1e-6:
            trial = np.clip(point + scale * step, low, high)
            if height(trial) >= value - rounding:
                break
            scale /= 2
        else:
            break
        moved = np.max(np.abs(trial - point))
        point, value = trial, height(trial)
        if moved < 1e-9:
            break
    return Coordinates(float(point[0]), float(point[1]))


def alpha_of_mean_log_p(
    log_p: Float[np.ndarray, "*#batch y"],
    reward: Shaped[np.ndarray, "*#batch y"],
    mean_log_p: float,
    b: float = 0.0,
    log_mass: Float[np.ndarray, "*#batch y"] | None = None,
) -> float:
    """A run's coordinate when b is known: the alpha >= 0 with E_{q_{α,b}}[log p] = mean_log_p (nats).    [T23]

    Averaged over the leading axes. The mean increases with alpha (slope Var log p), so it names the point. With
    log_mass, weighted samples stand for p. ValueError when no alpha >= 0 has that mean; it states the range.
    The upper end of the range, the mean log p of the modes, is reached by no finite alpha. The bracket is doubled from
    1 until it holds the root; near the upper end, where the mean flattens, alpha is known to fewer digits.

    >>> log_p = np.log([0.4, 0.3, 0.2, 0.1])
    >>> round(alpha_of_mean_log_p(log_p, np.zeros(4), mean_log_p=-1.1), 2)
    2.46
    """

    def mean(alpha):
        return float(np.mean(moments(log_p, reward, alpha, b, log_mass).mean_log_p))

    drawn = ~np.isneginf(log_tilt(log_p, reward, 1, 0, log_mass))
    low, high = mean(0.0), float(np.mean(np.max(np.where(drawn, log_p, -np.inf), axis=-1)))
    if not low <= mean_log_p < high:
        raise ValueError(
            f"mean_log_p is {mean_log_p}, but at b = {b} it lies between {low:.6g} (alpha = 0) and {high:.6g} (inf)"
        )
    from scipy.optimize import brentq  # half a second to import, so only where a root is needed

    far = 1.0
    while mean(far) < mean_log_p:
        far *= 2
    return brentq(lambda alpha: mean(alpha) - mean_log_p, 0.0, far, xtol=1e-14, rtol=1e-14)
