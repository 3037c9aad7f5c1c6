"""The noise of sampled policy gradients: whose return varies, and where the variance vanishes."""

import numpy as np
from jaxtyping import Float, Real, Shaped

from theory.distribution import checked_log_p, checked_reward, expectation
from theory.objectives import Objective


def leave_one_out_advantage(
    returns: Real[np.ndarray, "*batch group"],
) -> Float[np.ndarray, "*batch group"]:
    """A_i = R_i - mean of the others = G/(G-1) (R_i - R̄), the unbiased baseline of RLOO.    [T15; 2402.14740]

    ValueError for a group of one, which has no others.
    """
    group = returns.shape[-1]
    if group < 2:
        raise ValueError(f"returns has {group} sample in a group; leave-one-out needs at least 2")
    return group / (group - 1) * (returns - np.mean(returns, axis=-1, keepdims=True))


def total_return(
    objective: Objective,
    log_pi: Float[np.ndarray, "*#batch y"],
    log_p: Float[np.ndarray, "*#batch y"],
    reward: Shaped[np.ndarray, "*#batch y"],
) -> Float[np.ndarray, "*batch y"]:
    """R(y) = w r + c log p - τ log π: the sampled return whose policy gradient is ∇J. 0 where π is 0.    [T15]"""
    log_pi, log_p = checked_log_p(log_pi, "log_pi"), checked_log_p(log_p)
    reward = checked_reward(reward, log_p)
    on = ~np.isneginf(log_pi)
    w, c, tau = objective.reward_weight, objective.reference_weight, objective.entropy_weight
    reference = c * np.where(on, log_p, 0.0) if c else 0.0  # 0 · -inf
    return np.where(on, w * reward + reference - tau * np.where(on, log_pi, 0.0), 0.0)


def return_variance(
    objective: Objective,
    log_pi: Float[np.ndarray, "*#batch y"],
    log_p: Float[np.ndarray, "*#batch y"],
    reward: Shaped[np.ndarray, "*#batch y"],
) -> Float[np.ndarray, "*batch"] | float:
    """Var_π(R), the noise that drives sampled policy gradients.    [T15]

    For τ > 0 it is 0 at the optimum, where the return is constant: the last steps are noiseless. At π = p it is
    Var_p(log p) for sharpening (`varentropy`, which grows with length) and at most 1/4 for a binary task reward.
    """
    returns = total_return(objective, log_pi, log_p, reward)
    centred = returns - np.expand_dims(expectation(log_pi, returns), -1)
    return expectation(log_pi, centred**2)


def varentropy(log_p: Float[np.ndarray, "*batch y"]) -> Float[np.ndarray, "*batch"] | float:
    """Var_p(log p) in nats²: the return variance of sharpening at the start.    [T15]"""
    return return_variance(Objective(0.0, 1.0, 0.0), log_p, log_p, np.zeros(np.shape(log_p)))
