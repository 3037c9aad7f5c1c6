"""Reasoning that is paid by the log-probability of a reference answer: between sharpening and a task reward."""

import numpy as np
from jaxtyping import Float

from theory.distribution import checked_log_p, checked_reward, expectation, log_sum_exp
from theory.tilt import log_tilt


def reference_answer_optimum(
    log_p: Float[np.ndarray, "*#batch z"],
    log_p_answer: Float[np.ndarray, "*#batch z"],
    alpha: float = 1.0,
    weight: float = 1.0,
) -> Float[np.ndarray, "*batch z"]:
    """log of p(z)^α p(a*|z)^λ/Z: RL on reasonings z with return (α-1) log p(z) + λ log p(a*|z), KL weight 1.
    [T35; 2602.03979 for the reward]

    log_p = log p(z), log_p_answer = log p(a*|z) of the reference answer under the base model, λ = weight = 1/β where
    the KL weight is β. In the plane of whole responses (z, a) with reward 1 for a = a*:

    - λ = 1, α = 1: Bayes' rule. It is p(z|a*), the reasoning of a base model that is known to end right: the law of z
      at (1, b → ∞), the end of the vertical ray, and J is log p(a*) there, as large as the evidence bound allows;
    - λ = α: the law of z at (α, b → ∞), sharpening among right responses;
    - λ < 1 stops on the way, λ > α goes on beyond the plane, towards the reasonings that are surest of a*.

    So no verdict is needed and none that is right is rejected, but it is the task reward only of one way to write the
    answer, and unlike a reward in [0, 1] it has no floor: where p(a*|z) is nearly 0 it overrules p(z).
    A reasoning with p(a*|z) = 0 may have log_p_answer = -inf; it gets no mass. ValueError: weight < 0, shapes.
    """
    if not weight >= 0:
        raise ValueError(f"weight must be >= 0, got {weight}: below 0 the reference answer would be punished")
    log_p, log_p_answer = checked_log_p(log_p), np.asarray(log_p_answer, float)
    never = np.isneginf(log_p_answer) & (weight > 0)
    score = checked_reward(np.where(np.isneginf(log_p_answer), 0.0, log_p_answer), log_p, "log_p_answer")
    height = np.where(never, -np.inf, log_tilt(log_p, score, alpha, weight))
    return height - np.expand_dims(log_sum_exp(height), -1)


def reference_answer_accuracy(
    log_p: Float[np.ndarray, "*#batch z"], log_p_answer: Float[np.ndarray, "*#batch z"], weight: float
) -> Float[np.ndarray, "*batch"] | float:
    """E_q p(a*|z) = E_p s^{λ+1}/E_p s^λ, s = p(a*|z): accuracy if only the reasoning is trained.    [T35]

    It rises with λ from A₀ = E s, to E s²/E s = A₀ + Var(s)/A₀ at λ = 1, to max s: a model that answers as well
    whatever it reasoned gains nothing. The task reward on sampled answers pays E[r|z] = s instead of log s, and by T5
    it is the one that buys the most accuracy at a KL; log s buys the most E log s.

    Rising because log E s^λ is convex in λ: the log of accuracy is its rise over the next unit of λ.

    >>> log_p, log_s = np.log([0.6, 0.4]), np.log([0.2, 0.7])
    >>> [round(float(reference_answer_accuracy(log_p, log_s, weight)), 3) for weight in (0, 1, 5)]
    [0.4, 0.55, 0.699]
    """
    log_q = reference_answer_optimum(log_p, log_p_answer, 1.0, weight)
    return expectation(log_q, np.exp(log_p_answer))
