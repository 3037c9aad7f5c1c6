"""Where a policy lies in the (alpha, b) plane, read off the policy alone."""

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize

from theory.objectives import Coordinates
from theory.tilt import log_partition, moments

LARGEST = 1e3  # of a coordinate: beyond it a policy is on a face of the simplex


def coordinates(
    log_q: Float[np.ndarray, " k"], log_p: Float[np.ndarray, " k"], reward: Float[np.ndarray, " k"]
) -> Coordinates:
    """(α, b) of a member of the tilt family: log q = α log p + b r - Φ, solved by least squares under p.

    Exact however improbable a response is, since nothing but logarithms enter. nan where the family has no
    two coordinates: log p, r and a constant are linearly dependent.
    """
    weight = np.exp(log_p / 2)
    design = np.stack([log_p, reward, np.ones_like(log_p)], axis=1) * weight[:, None]
    scale = np.linalg.norm(design, axis=0)
    solution, _, rank, _ = np.linalg.lstsq(design / np.where(scale > 0, scale, 1.0), log_q * weight, rcond=1e-10)
    if rank < 3:
        return Coordinates(np.nan, np.nan)
    return Coordinates(*(solution / scale)[:2])


def projection(
    log_pi: Float[np.ndarray, " k"], log_p: Float[np.ndarray, " k"], reward: Float[np.ndarray, " k"]
) -> Coordinates:
    """(α, b), α >= 0, of the member with the same E[log p] and E[r]: it minimises KL(π‖q).    [T2]

    That is the minimum of the convex Φ(α, b) - α E_π[log p] - b E_π[r]. It depends on what the policy does,
    not on the logarithms of what it hardly ever does. A policy on a face has no such member: a coordinate
    then stops at LARGEST.
    """
    pi = np.exp(log_pi)
    mean_log_p, mean_reward = pi @ log_p, pi @ reward

    def gap(point):
        at = moments(log_p, reward, *point)
        height = log_partition(log_p, reward, *point) - point[0] * mean_log_p - point[1] * mean_reward
        return height, np.array([at.mean_log_p - mean_log_p, at.mean_reward - mean_reward])

    bounds = [(0.0, LARGEST), (-LARGEST, LARGEST)]
    found = minimize(gap, (1.0, 0.0), jac=True, method="L-BFGS-B", bounds=bounds, options={"gtol": 1e-9, "ftol": 0})
    return Coordinates(*map(float, found.x))
