"""What sharpening does to the length of responses: the power of a Markov policy, and when it exists at all.

A Markov policy moves between content states with probabilities P and stops from state s with probability stop(s);
each row of P and its stop add up to one. Lengths count content moves; the stop (EOS) is not counted.

A response is a path and a stop, its probability the product of their factors, and the power of a product is the product
of the powers. So p^α is summed over all responses of every length by one linear equation: the mass h(s) of all ways to
go on from s is what stopping there is worth plus what each next state is worth, h = stop^α + P^α h.

Two forces act on length. A longer response has more factors below one, and a power makes that count for more: length
falls. But there are more long responses than short ones, and for alpha < 1 their number may win: up to
`existence_threshold` Σ p^α has no finite value, no target exists, and training runs into whatever limit of length there
is. With a large vocabulary the threshold is just below one, so that even a little flattening is too much.

In the limit alpha -> inf only the likeliest path is left. If stopping at once is likelier than any whole response, it
is the empty one.
"""

from typing import NamedTuple, overload

import numpy as np
from jaxtyping import Bool, Float

from theory.distribution import checked_exponent, checked_whole
from theory.shortest_path import (
    ShortestPath,
    checked_markov,
    checked_moves,
    cost_to_stop,
    maximum_mean_cycle,
    shortest_path,
    supremum_mean_log_p,
)

__all__ = [
    "MarkovPower",
    "ShortestPath",
    "empty_response_wins",
    "existence_threshold",
    "markov_power",
    "maximum_mean_cycle",
    "shortest_path",
    "supremum_mean_log_p",
    "uniform_existence_threshold",
    "uniform_length_ratio",
]


class MarkovPower(NamedTuple):
    """p^α/Z of a Markov policy, itself Markov; lookahead is log h, nats; mean_length in content moves.

    log h(s) is log Σ p^α over all ways to end from s: 0 at alpha = 1 where ending is certain, and the log of what
    sharpening pays for going there instead of elsewhere.
    """

    log_z: float
    lookahead: Float[np.ndarray, " s"]
    transition: Float[np.ndarray, "s s"]
    stop: Float[np.ndarray, " s"]
    mean_length: float


def markov_power(
    transition: Float[np.ndarray, "s s"], stop: Float[np.ndarray, " s"], start: int, alpha: float
) -> MarkovPower:
    """h = (I - P^{∘α})^{-1} stop^{∘α}, Z = h(start), P̃ = P^{∘α} h(s')/h(s), stop̃ = stop^{∘α}/h(s).    [T17]

    Elementwise powers, on the states that start can reach and that can stop; the others have h = 0 and
    zero rows. P̃ is the Doob transform: sampling from it is sampling from p^α. Powers are taken
    relative to the likeliest way to stop, so that alpha = 10⁴ stays in range; alpha -> inf is `shortest_path`.
    ValueError: alpha < 0, rows that do not add up to one, a start that cannot stop, and alpha at or below
    `existence_threshold`, where Z is infinite: training then drives responses to the length limit.

    >>> moves, stop = np.array([[0.5, 0.2], [0.0, 0.6]]), np.array([0.3, 0.4])
    >>> [round(markov_power(moves, stop, 0, alpha).mean_length, 2) for alpha in (1, 2)]
    [2.0, 0.49]
    """
    transition, stop = checked_markov(transition, stop, start)
    checked_exponent(alpha)
    cost = cost_to_stop(transition, stop)
    useful = np.isfinite(cost)
    reached = _reachable(transition, start) & useful
    among = np.ix_(reached, reached)
    threshold = existence_threshold(transition[among])
    if alpha <= threshold and _spectral_radius(_powers(transition[among], alpha)) >= 1:
        raise ValueError(
            f"alpha is {alpha}, but p^alpha has infinite mass up to the existence threshold {threshold:.6g}: "
            "training there runs to the length limit; use a larger alpha or a cut-off"
        )
    depth = np.where(useful, cost, 0.0)
    moves, ends = np.zeros_like(transition), np.zeros_like(stop)
    # Johnson's potentials: relative to the cheapest way to stop every factor is <= 1 and one in each row is 1.
    moves[among] = _powers(transition, alpha, depth[:, None] - depth[None, :])[among]
    ends[reached] = _powers(stop, alpha, depth)[reached]
    scaled_h = np.zeros_like(stop)
    scaled_h[reached] = np.linalg.solve(np.eye(reached.sum()) - moves[among], ends[reached])
    safe = np.where(reached, scaled_h, 1.0)
    # The factors e^{-α D} of h cancel against those of the moves, so that the scaled ones serve as they are.
    doob = moves * scaled_h[None, :] / safe[:, None]
    # How often each state is visited on average; every visit but the first is a move.
    visits = np.linalg.solve(np.eye(len(stop)) - doob.T, np.eye(len(stop))[start])
    with np.errstate(divide="ignore"):  # h = 0 where a state cannot stop
        log_h = np.where(reached, -alpha * depth, 0.0) + np.log(scaled_h)
    return MarkovPower(float(log_h[start]), log_h, doob, ends / safe, float(np.sum(visits) - 1))


def existence_threshold(transition: Float[np.ndarray, "s s"]) -> float:
    """α_c, where the spectral radius of P^{∘α} is one: p^α has finite mass exactly above it.    [T17]

    Below 1 as soon as every state can stop, and often by little. 0 when no state lies on two cycles: the power then
    exists at every alpha > 0 (at alpha = 0 too without any cycle). inf if a cycle has probability one.

    The mass of responses with n moves grows like ρ^n, ρ the spectral radius: a geometric series. ρ falls in alpha, and
    its logarithm is convex: ρ(P^{(α+α')/2})² <= ρ(P^α) ρ(P^{α'}) for elementwise powers, as the weight of every closed
    walk is such a product (Cauchy and Schwarz). At alpha = 1 rows add up to at most one, so ρ <= 1; at 0 it counts
    branches.
    ValueError: entries outside [0, 1], a row above one.

    >>> round(existence_threshold(np.array([[0.4, 0.3], [0.3, 0.4]])), 3)
    0.658
    """
    transition = checked_moves(transition)
    if maximum_mean_cycle(transition).mean_log_p == 0:
        return np.inf
    # A strongly connected block with no more moves than states is one cycle (or one state without any).
    if all(np.count_nonzero(block) <= len(block) for block in _blocks(transition)):
        return 0.0

    from scipy.optimize import brentq  # half a second to import, so only where a root is needed

    # The radius falls from above one at 0 to at most one at 1: the rows of P sum to at most one.
    excess = lambda alpha: np.log(_spectral_radius(_powers(transition, alpha)))  # noqa: E731
    return 1.0 if excess(1.0) >= -1e-15 else brentq(excess, 0.0, 1.0, xtol=1e-14, rtol=1e-14)


def uniform_length_ratio(vocabulary: int, stop: float, alpha: float) -> float:
    """ρ = V^{1-α} (1-ε)^α, the length ratio of p^α for V equiprobable tokens and stop probability ε.    [T17]

    Lengths under p^α are geometric, P(n) = (1-ρ) ρ^n, with mean ρ/(1-ρ) moves; ρ >= 1 has no such distribution.
    Each further token has V choices of probability (1-ε)/V, whose powers add up to ρ. The mean length at alpha = 1 is
    (1-ε)/ε. ValueError: a vocabulary below 1, stop not between 0 and 1.

    >>> [round(uniform_length_ratio(50_000, stop=0.01, alpha=alpha), 3) for alpha in (0.999, 1, 1.05)]
    [1.001, 0.99, 0.576]
    """
    _check_uniform(vocabulary, stop)
    return float(np.exp((1 - alpha) * np.log(vocabulary) + alpha * np.log1p(-stop)))


def uniform_existence_threshold(vocabulary: int, stop: float) -> float:
    """α_c = log V/(log V - log(1-ε)): for a large vocabulary just below one.    [T17]

    Where `uniform_length_ratio` is 1: about 1 - ε/log V. The longer a model's responses (the smaller ε), the less
    flattening its distribution survives. 0 for V = 1, which has one response of each length.

    >>> round(uniform_existence_threshold(50_000, stop=0.01), 5)
    0.99907
    """
    _check_uniform(vocabulary, stop)
    return float(np.log(vocabulary) / (np.log(vocabulary) - np.log1p(-stop)))


@overload
def empty_response_wins(log_p_stop: float, log_p: float) -> bool: ...
@overload
def empty_response_wins(
    log_p_stop: Float[np.ndarray, "*#batch"], log_p: float | Float[np.ndarray, "*#batch"]
) -> Bool[np.ndarray, "*batch"]: ...
def empty_response_wins(
    log_p_stop: float | Float[np.ndarray, "*#batch"], log_p: float | Float[np.ndarray, "*#batch"]
) -> bool | Bool[np.ndarray, "*batch"]:
    """log p(stop at once | prompt) > log p(y): the empty response then beats y as an optimum.    [T17; 1908.10090]

    One forward pass against the log-likelihood of a rollout y; in a policy of long answers it nearly always holds.
    A stop of one in a million, -13.8 nats, still beats an answer of 100 tokens at .14 nats each. It is a statement on
    the optimum, not on what a short run reaches: a run moves there as fast as it draws empty responses.
    """
    wins = np.greater(log_p_stop, log_p)
    return wins if np.ndim(wins) else bool(wins)


def _powers(probability, alpha, log_scale=0.0):
    """(probability · e^{log_scale})^alpha, with 0^0 = 0: an impossible move stays impossible."""
    possible = probability > 0
    log_probability = np.log(np.where(possible, probability, 1.0)) + log_scale
    return np.where(possible, np.exp(alpha * np.where(possible, log_probability, 0.0)), 0.0)


def _reachable(transition, start):
    """Which states a response can come to: as many rounds as there are states find all of them."""
    reached = np.zeros(len(transition), dtype=bool)
    reached[start] = True
    for _ in range(len(transition)):
        reached |= (transition[reached] > 0).any(axis=0)
    return reached


def _spectral_radius(matrix):
    """Of a matrix with entries >= 0: the largest over its strongly connected blocks.

    Block by block, because m equal blocks in a row make a defective matrix, whose eigenvalues are found only to the
    m-th root of the rounding error.
    """
    return max(float(np.max(np.abs(np.linalg.eigvals(block)))) for block in _blocks(matrix))


def _blocks(matrix):
    """The strongly connected blocks of a matrix with entries >= 0."""
    from scipy.sparse.csgraph import connected_components

    count, block = connected_components(matrix > 0, connection="strong")
    return [matrix[np.ix_(block == i, block == i)] for i in range(count)]


def _check_uniform(vocabulary, stop):
    checked_whole(vocabulary, "vocabulary")
    if vocabulary < 1 or not 0 < stop < 1:
        raise ValueError(f"vocabulary must be >= 1 and stop in (0, 1), got {vocabulary} and {stop}")
