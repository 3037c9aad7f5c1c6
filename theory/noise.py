"""The noise of sampled policy gradients: whose return varies, and where the variance vanishes.

A sampled gradient is a mean of (return - baseline) ∇ log π over the responses of a group. What scatters is mostly the
return. For a binary reward its variance is at most ¼. For sharpening it is that of log p: a sum over tokens, which
grows with length, and so does the signal; beside the signal both become noisier as responses grow longer, because each
token's score adds noise, whether it earned anything or not. As a run with an entropy term nears its optimum the return
w r + c log p - τ log π becomes the same for every response, and the noise goes away by itself: what is left of it in a
real run is a distance from the optimum, or shared parameters.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Real, Shaped

from theory.distribution import checked_log_p, checked_reward, expectation
from theory.objectives import Objective


def leave_one_out_advantage(
    returns: Real[np.ndarray, "*batch group"],
) -> Float[np.ndarray, "*batch group"]:
    """A_i = R_i - mean of the others = G/(G-1) (R_i - R̄), the unbiased baseline of RLOO.    [T15; 2402.14740]

    ValueError for a group of one, which has no others.

    Unbiased because the others are drawn independently of y_i: their mean is a constant beside ∇ log π(y_i), whose mean
    is 0. R̄ itself contains R_i/G, and subtracting it shrinks the mean gradient by (G-1)/G: the factor takes that back.
    A group of equal returns has no gradient.

    >>> leave_one_out_advantage(np.array([1.0, 0.0, 0.0, 0.0])).round(3)
    array([ 1.   , -0.333, -0.333, -0.333])
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
    """R(y) = w r + c log p - τ log π: the sampled return whose policy gradient is ∇J. 0 where π is 0.    [T15]

    log π stands in it as a number that is not differentiated: the term that would come of it, -τ E_π ∇ log π, is 0. A
    response without mass is never drawn; 0 there keeps c · -inf + τ · inf, which is no number, out of all sums.
    """
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
    """Var_p(log p) in nats²: the return variance of sharpening at the start.    [T15]

    0 for a uniform p, which has nothing to sharpen, and for a certain one. Over independent tokens variances add up.
    It is also the slope of the mean of log p at alpha = 1: what moves fast is what is noisy.

    >>> round(float(varentropy(np.log([0.9, 0.1]))), 3), float(varentropy(np.log([0.5, 0.5])))
    (0.435, 0.0)
    """
    return return_variance(Objective(0.0, 1.0, 0.0), log_p, log_p, np.zeros(np.shape(log_p)))


class GradientMoments(NamedTuple):
    """What the RLOO gradient depends on: of the return R of a response and its score s = ∇ log π(y).

    signal = |Cov(R, s)|² = |∇J|², variance = Var R, joint = E[(R - ER)² |s|²], score = E|s|².
    """

    signal: float
    variance: float
    joint: float
    score: float


def token_gradient_moments(
    log_pi: Float[np.ndarray, " v"], pay: Real[np.ndarray, " v"], tokens: int, paid: int
) -> GradientMoments:
    """The moments for `tokens` independent tokens with logits of their own, the first `paid` of which earn.    [T15]

    pay is what one token earns by its value: log π with paid = tokens is sharpening at π = p, one answer token with
    paid = 1 a task. R and |s|² are sums over tokens, so one token's moments are enough; `joint` adds the token that
    earns together with its own score to any that earns together with the scores of the others.
    For sharpening the signal grows with the number of tokens and the noise, about variance times score, with its
    square; for a task that one token answers the signal stays and the noise grows with the number of tokens. Noise
    over signal, the number of samples that a gradient of a given quality takes, grows with the length either way.
    ValueError: paid not between 0 and tokens.
    """
    pi = np.exp(checked_log_p(log_pi, "log_pi"))
    if not 0 <= paid <= tokens:
        raise ValueError(f"paid must be between 0 and the {tokens} tokens, got {paid}")
    score = np.eye(len(pi)) - pi  # row v: ∇ log π(v) in the logits of its token
    square = np.sum(score**2, axis=1)
    gain = pay - pi @ pay
    per_token = (pi * gain) @ score
    variance = paid * float(pi @ gain**2)
    own, mean_square = float(pi @ (gain**2 * square)), float(pi @ square)
    joint = paid * own + variance * (tokens - 1) * mean_square
    return GradientMoments(paid * float(per_token @ per_token), variance, joint, tokens * mean_square)


def rloo_gradient_noise(moments: GradientMoments, group: int) -> float:
    """tr Cov(ĝ) of ĝ = Σ A_i s_i/G, the RLOO gradient of a group of G responses.    [T15]

    ĝ is the sample covariance of R and s, whose covariance is classical:
    G tr Cov = E[(R - ER)² |s|²] - (G-2)/(G-1) |∇J|² + Var(R) E|s|²/(G-1). ValueError for a group of one.
    The last term is the price of not knowing ER: about as large as the first for G = 2, it fades like 1/G.

    >>> p = np.log([0.6, 0.25, 0.15])
    >>> sharpening = token_gradient_moments(p, pay=p, tokens=20, paid=20)
    >>> task = token_gradient_moments(p, pay=np.array([0.0, 1.0, 0.0]), tokens=20, paid=1)
    >>> [round(rloo_gradient_noise(moments, group=8) / moments.signal, 1) for moments in (sharpening, task)]
    [4.8, 5.0]
    """
    if group < 2:
        raise ValueError(f"group must be at least 2, got {group}: leave-one-out needs others")
    signal, variance, joint, score = moments
    return (joint - (group - 2) / (group - 1) * signal + variance * score / (group - 1)) / group
