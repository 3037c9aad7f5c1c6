"""Majority vote as a reward: the answer that leads is paid for leading.

No verifier is asked: the reward of a sample is whether its answer is what most samples say. On average this pays the
leading answer of each prompt, so a run amplifies the model's own majority. That is right where the majority is, and it
is a form of sharpening of the answers (not of the responses): ways to the same answer add up before they compete.

With many votes the lead does not matter, only who has it, and log-odds grow by 1/β a round, always. With few votes
there is luck: the trailing answer wins some rounds, and a small lead can be lost for good.
"""

from typing import overload

import numpy as np
from jaxtyping import Float, Real

from theory.distribution import checked_log_p, checked_whole
from theory.passk import shared_wins


@overload
def plurality_log_odds(log_odds: float, beta: float, rounds: int) -> float: ...
@overload
def plurality_log_odds(
    log_odds: Real[np.ndarray, "*batch"], beta: float, rounds: int
) -> Float[np.ndarray, "*batch"]: ...
def plurality_log_odds(
    log_odds: float | Real[np.ndarray, "*batch"], beta: float, rounds: int
) -> float | Float[np.ndarray, "*batch"]:
    """Log-odds of the plurality answer after n rounds: log_odds + n/β.    [T21; 2603.08660]

    Each round maximises E[1{answer = plurality}] - β KL(π‖π_k) against the policy of the round before, so the answer
    that leads at the start wins, right or wrong, at a rate that does not depend on its lead.

    It is a tilt of weight 1/β on the plurality answer in each round (T1), and tilts add up while the plurality stays
    the same, which it does because it only grows. ValueError unless beta is finite and > 0.
    """
    return log_odds + rounds / _checked_beta(beta)


def vote_reward(log_p: Float[np.ndarray, " answers"], votes: int) -> Float[np.ndarray, " answers"]:
    """P(each answer is the plurality of `votes` samples of p), ties shared: the mean reward it is paid.    [T21]

    votes = 1 is p itself; votes -> inf is 1 for the likeliest answer. Exact, for any number of answers.
    ValueError when votes < 1.

    >>> vote_reward(np.log([0.5, 0.3, 0.2]), votes=9).round(3)
    array([0.698, 0.219, 0.082])
    """
    p = np.exp(checked_log_p(log_p))
    _check_votes(votes)
    from scipy.special import gammaln, xlogy

    # Multinomial counts are independent Poisson counts given their sum. In logarithms, because (k p)^j overflows and
    # e^{-k p} underflows where their product is a plain number; xlogy has 0 log 0 = 0.
    mean, count = votes * p[:, None], np.arange(votes + 1)
    return shared_wins(np.exp(xlogy(count, mean) - mean - gammaln(count + 1)), votes)


@overload
def majority_probability(p: float, votes: int) -> float: ...
@overload
def majority_probability(p: Float[np.ndarray, "*batch"], votes: int) -> Float[np.ndarray, "*batch"]: ...
def majority_probability(p: float | Float[np.ndarray, "*batch"], votes: int) -> float | Float[np.ndarray, "*batch"]:
    """P(a two-way vote of k goes to the answer of probability p), ties shared: I_p(m, m), m = ⌈k/2⌉.    [T21]

    Regularised incomplete beta; an even vote is worth the odd one below it. Fixed points 0, 1/2, 1, and all of [0, 1]
    for k <= 2, where a vote adds nothing to a sample.

    I_p(m, m) is the chance that at least m of 2m - 1 samples give the answer. A further sample, number 2m, can only
    make a tie of a lead of one, and does so as often from either side: shared ties give back what it took.
    ValueError: votes < 1, p outside [0, 1].

    >>> round(float(majority_probability(0.6, 9)), 3), round(float(majority_probability(0.6, 10)), 3)
    (0.733, 0.733)
    """
    from scipy.special import betainc

    _check_votes(votes)
    if not np.all((np.asarray(p) >= 0) & (np.asarray(p) <= 1)):
        raise ValueError(f"p must be between 0 and 1, got {p}")
    half = (votes + 1) // 2
    return betainc(half, half, p)


@overload
def vote_step(log_odds: float, beta: float, votes: int) -> float: ...
@overload
def vote_step(log_odds: Float[np.ndarray, "*batch"], beta: float, votes: int) -> Float[np.ndarray, "*batch"]: ...
def vote_step(
    log_odds: float | Float[np.ndarray, "*batch"], beta: float, votes: int
) -> float | Float[np.ndarray, "*batch"]:
    """Two answers, one round: log_odds + (2 P(majority) - 1)/β against the policy of the round before.    [T21]

    0, 1/2 and 1 are the fixed points at every number of votes, one included, and 1/2 is unstable.
    The mean rewards of the two answers are P and 1 - P, and a tilt moves log-odds by their difference over β. With one
    vote that is (2p - 1)/β: the vote is then the sample itself, and a policy that is paid for its own answers still
    drifts to the one that it gives more often.
    """
    from scipy.special import expit

    return log_odds + (2 * majority_probability(expit(log_odds), votes) - 1) / _checked_beta(beta)


def tie_growth(beta: float, votes: int) -> float:
    """Factor > 1 by which a small lead grows in one round: 1 + 2 m(½) ¼/β, m the Beta(⌈k/2⌉, ⌈k/2⌉) density.    [T21]

    Grows like √k: more votes leave the tie faster. A round adds (2P - 1)/β, whose slope in p is 2 m(½)/β at the tie,
    and p itself moves by ¼ of a small change of the log-odds there.

    >>> round(tie_growth(beta=1.0, votes=1), 2), round(tie_growth(beta=1.0, votes=9), 2)
    (1.5, 2.23)
    """
    from scipy.special import betaln

    _check_votes(votes)
    half = (votes + 1) // 2
    density = np.exp((2 * half - 2) * np.log(0.5) - betaln(half, half))
    return float(1 + density / (2 * _checked_beta(beta)))


def chance_to_win(log_odds: float, beta: float, votes: int) -> float:
    """P(the answer at these log-odds takes all mass in the end), two answers, one vote of k a round, k odd.    [T21]

    A round moves the log-odds by ±1/β, up with probability m = majority_probability: the gambler's ruin. With
    ρ = (1 - m)/m at each site, P = Σ_{j at or below the start} Π ρ / Σ_j Π ρ, the products taken from the lowest site.
    Sites beyond 40 nats of the start are left out, where a walk turns back with a chance of e^{-40}.
    A small β takes large steps and leaves more to luck: at log-odds -.5 the trailing answer wins in 38 % of runs at
    β = .1 (nearly its own share of samples: the first vote decides), in 6 % at β = 10.

    >>> [round(chance_to_win(-0.5, beta, votes=1), 2) for beta in (0.1, 1.0, 10.0)]
    [0.38, 0.3, 0.06]
    """
    width = int(np.ceil(40 * _checked_beta(beta)))
    # Sites run over the log-odds that rounds can lead to, the start in the middle: a walk on a line of steps 1/β.
    site = log_odds + np.arange(-width, width + 1) / beta
    up = majority_probability(1 / (1 + np.exp(-site)), votes)
    tiny = 1e-300  # a step that never happens: log 0
    steps = np.log(np.maximum(1 - up, tiny)) - np.log(np.maximum(up, tiny))
    log_product = np.concatenate([[0.0], np.cumsum(steps)])
    below = np.logaddexp.reduce(log_product[: width + 1])
    return float(np.exp(below - np.logaddexp.reduce(log_product)))


def _check_votes(votes):
    checked_whole(votes, "votes")
    if votes < 1:
        raise ValueError(f"votes must be >= 1, got {votes}")


def _checked_beta(beta):
    if not (np.isfinite(beta) and beta > 0):
        raise ValueError(f"beta must be finite and > 0, got {beta}")
    return beta
