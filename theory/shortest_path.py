"""The likeliest response of a Markov policy as a shortest path, and its best mean log-probability as a cycle.

-log of a probability is a cost >= 0, and the cost of a response is the sum of its moves' and its stop's: the likeliest
response is the cheapest way out. So the limit of sharpening is found exactly, without sampling and whatever its length.

Divided by the number of tokens the question changes. A mean is improved by repeating the best stretch of a response,
and the best thing to repeat for ever is the cycle of the greatest mean: per-token rewards pay for loops.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from theory.distribution import SUM_TOLERANCE

_STOP = -1


class ShortestPath(NamedTuple):
    """The states visited after the start (empty for the empty response), and log p of the response with its stop."""

    states: tuple[int, ...]
    log_p: float


class MeanCycle(NamedTuple):
    """The states of a cycle in order, and its mean log-probability a move; (-inf, ()) without a cycle."""

    mean_log_p: float
    states: tuple[int, ...]


def shortest_path(transition: Float[np.ndarray, "s s"], stop: Float[np.ndarray, " s"], start: int) -> ShortestPath:
    """The mode of a Markov policy: the shortest path to a stop under the weights -log P, -log stop.    [T17]

    The limit alpha -> inf of `markov_power`; often the empty response. Ties go to stopping, then to the lowest state.
    It visits no state twice: a loop costs something or nothing, and leaving it out is never worse.
    ValueError: rows that do not add up to one, a start that cannot stop.

    Three in ten stop at once here, and a single move with its stop has .5 · .3:

    >>> best = shortest_path(np.array([[0.5, 0.2], [0.0, 0.6]]), np.array([0.3, 0.4]), start=0)
    >>> best.states, round(float(np.exp(best.log_p)), 3)
    ((), 0.3)
    """
    transition, stop = checked_markov(transition, stop, start)
    cost, onward = _cheapest_way_out(transition, stop)
    states, here = [], int(onward[start])
    while here != _STOP:
        states.append(here)
        here = int(onward[here])
    return ShortestPath(tuple(states), float(-cost[start]))


def maximum_mean_cycle(transition: Float[np.ndarray, "s s"]) -> MeanCycle:
    """max over cycles of the mean log P a move, by Karp's theorem: the loop that per-token sharpening prefers.    [T17]

    Going round for ever approaches this mean; a response that stops early can still beat it, see
    `supremum_mean_log_p`. ValueError: entries outside [0, 1], a row above one.

    Karp: with n states, let B_k(s) be log P of the likeliest walk of k moves to s; the answer is
    max_s min_{k<n} (B_n(s) - B_k(s))/(n - k). A walk of n moves among n states closes a cycle, and the minimum
    over k gives no walk credit for more than that. The cycle itself is read off the walk that is largest there.
    """
    transition = checked_moves(transition)
    with np.errstate(divide="ignore"):
        gain = np.log(transition)
    n = len(gain)
    # best[k, s]: the largest log-probability of a walk of k moves that ends in s, from anywhere.
    best, parent = np.zeros((n + 1, n)), np.zeros((n + 1, n), dtype=int)
    for k in range(1, n + 1):
        through = best[k - 1][:, None] + gain
        best[k], parent[k] = np.max(through, axis=0), np.argmax(through, axis=0)
    alive = ~np.isneginf(best[n])
    if not alive.any():
        return MeanCycle(-np.inf, ())
    ends = np.flatnonzero(alive)
    ratios = (best[n][ends] - best[:n, ends]) / np.arange(n, 0, -1)[:, None]
    end = ends[np.argmax(np.min(ratios, axis=0))]
    walk = [int(end)]
    for k in range(n, 0, -1):
        walk.append(int(parent[k][walk[-1]]))
    # Each cycle of that walk has the best mean: without one that has less, a shorter walk would end there with more.
    cycle = next(_cycles(walk[::-1]))
    moves = zip(cycle, cycle[1:] + cycle[:1], strict=True)
    return MeanCycle(float(np.mean([gain[a, b] for a, b in moves])), tuple(cycle))


def supremum_mean_log_p(transition: Float[np.ndarray, "s s"], stop: Float[np.ndarray, " s"], start: int) -> float:
    """sup over responses of log p/(moves + 1), the stop counted: what per-token normalisation maximises.    [T17]

    The larger of the maximum mean cycle (among states that can be reached and can stop: approached by looping for
    ever, reached by no response) and the best mean of a response with fewer moves than there are states. A longer
    response holds a cycle: either the cycle's mean is the better one, and repeating it improves on the response, or it
    is not, and leaving it out does. ValueError as in `shortest_path`.
    """
    transition, stop = checked_markov(transition, stop, start)
    useful = np.isfinite(cost_to_stop(transition, stop))
    with np.errstate(divide="ignore"):
        gain, end = np.log(transition), np.log(stop)
    walk = np.where(np.arange(len(stop)) == start, 0.0, -np.inf)
    reached, means = np.zeros(len(stop), dtype=bool), []
    for moves in range(len(stop)):
        means.append(np.max(walk + end) / (moves + 1))
        reached |= ~np.isneginf(walk)
        walk = np.max(walk[:, None] + gain, axis=0)
    among = reached & useful
    return float(max(*means, maximum_mean_cycle(transition[np.ix_(among, among)]).mean_log_p))


def checked_moves(transition: Float[np.ndarray, "s s"]) -> Float[np.ndarray, "s s"]:
    """Moves between states if no row of them is above one; ValueError names the row and by how much it is off.

    What a row has above one within the tolerance is rounding of the caller's and is divided out: a loop of probability
    1.000001 would earn by going round.
    """
    transition = _checked_entries(transition)
    rows = transition.sum(axis=1)
    if np.any(rows > 1 + SUM_TOLERANCE):
        row = int(np.argmax(rows))
        raise ValueError(f"row {row} of transition sums to {rows[row]:.6g}, {rows[row] - 1:.3g} above one")
    return transition / np.maximum(rows, 1.0)[:, None]


def checked_markov(
    transition: Float[np.ndarray, "s s"], stop: Float[np.ndarray, " s"], start: int
) -> tuple[Float[np.ndarray, "s s"], Float[np.ndarray, " s"]]:
    """(transition, stop) if they are a Markov policy whose start can stop; ValueError names the row and how far off.

    Rows within the tolerance are made to add up to one, for the reason of `checked_moves`.
    """
    transition = _checked_entries(transition)
    rows = transition.sum(axis=1)
    stop = np.asarray(stop, dtype=np.float64)
    if stop.shape != rows.shape:
        raise ValueError(f"stop has shape {stop.shape} but transition has shape {transition.shape}")
    if not np.all((stop >= 0) & (stop <= 1 + SUM_TOLERANCE)):
        raise ValueError("stop holds an entry that is not a probability; entries must be in [0, 1]")
    off = rows + stop - 1
    if np.any(np.abs(off) > SUM_TOLERANCE):
        row = int(np.argmax(np.abs(off)))
        raise ValueError(
            f"row {row} of transition and its stop sum to {1 + off[row]:.6g}, off by {off[row]:+.3g}; "
            "moves and stop of a state must add up to one"
        )
    if not 0 <= start < len(stop):
        raise ValueError(f"start is {start}, but the states are 0 to {len(stop) - 1}")
    total = rows + stop
    transition, stop = transition / total[:, None], stop / total
    if not np.isfinite(cost_to_stop(transition, stop)[start]):
        raise ValueError(f"start is {start}, a state that can never stop: no response begins there")
    return transition, stop


def _checked_entries(transition):
    transition = np.asarray(transition, dtype=np.float64)
    if transition.ndim != 2 or transition.shape[0] != transition.shape[1]:
        raise ValueError(f"transition has shape {transition.shape}; it must be square, one row a state")
    if not np.all((transition >= 0) & (transition <= 1 + SUM_TOLERANCE)):
        raise ValueError("transition holds an entry that is not a probability; entries must be in [0, 1]")
    return transition


def cost_to_stop(transition: Float[np.ndarray, "s s"], stop: Float[np.ndarray, " s"]) -> Float[np.ndarray, " s"]:
    """-log p of the likeliest way to end from each state, inf where there is none.

    What the look-ahead of `length.markov_power` comes to as alpha -> inf, divided by -alpha: of all continuations only
    the likeliest counts then.
    """
    return _cheapest_way_out(transition, stop)[0]


def _cheapest_way_out(transition, stop):
    """Bellman-Ford: the cost of ending from each state, and the state to move to (or _STOP).

    Round k knows the cheapest way of at most k moves; no cheapest way has more moves than there are states.
    """
    with np.errstate(divide="ignore"):
        # At least 0: a probability of 1 + rounding would be a loop that earns.
        moves, cost = np.maximum(-np.log(transition), 0.0), np.maximum(-np.log(stop), 0.0)
    onward = np.full(len(stop), _STOP)
    for _ in range(len(stop)):
        through = moves + cost[None, :]
        # Only a strict gain changes the way, so that ties cannot go round in a free loop.
        better = np.min(through, axis=1) < cost
        onward[better] = np.argmin(through, axis=1)[better]
        cost = np.minimum(cost, np.min(through, axis=1))
    return cost, onward


def _cycles(walk):
    """The simple cycles that a walk is made of, as they close.

    A walk of n moves among n states closes at least one, and its gain is that of its cycles and of the path that is
    left when they are taken out: so it is by its cycles that a long walk earns.
    """
    path: list[int] = []
    for state in walk:
        if state in path:
            at = path.index(state)
            yield path[at:]
            path = path[:at]
        path.append(state)
