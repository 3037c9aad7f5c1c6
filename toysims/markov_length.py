"""The length that a sharpened Markov policy learns under a limit: mean, threshold of existence, mode (T17)."""

import jax.numpy as jnp
import numpy as np

from theory.length import existence_threshold, markov_power, shortest_path
from toysims.experiment import Part, Row
from toysims.policies import chains
from toysims.policies.chains import LearnedChain, Markov
from toysims.verdict import Check

# Powers as multiples of the existence threshold: on both sides of it, and far enough for the limit not to matter above.
MULTIPLES = (0.5, 0.8, 1.3, 1.6, 2.0, 4.0)


def markov_rows(name: str, policy: Markov, limit: int) -> Part:
    """One Markov policy: the length it learns at powers on both sides of α_c, its threshold and its mode."""
    threshold = existence_threshold(policy.transition)
    checks: list[Check] = []
    rows: list[Row] = []
    for multiple in MULTIPLES:
        more_checks, more_rows = _at_power(name, policy, limit, multiple, threshold)
        checks += more_checks
        rows += more_rows
    for multiple in np.geomspace(1.01, MULTIPLES[-1], 60):
        power = markov_power(policy.transition, policy.stop, policy.start, float(multiple * threshold))
        rows.append({"part": "curve", "policy": name, "multiple": multiple, "predicted": power.mean_length})
    turn = _where_lengths_turn(policy, limit)
    return [*checks, Check(f"{name}: threshold α_c", "T17", threshold, turn, 1e-6), *_mode(name, policy, limit)], rows


def _at_power(name: str, policy: Markov, limit: int, multiple: float, threshold: float) -> Part:
    """Training at this multiple of the threshold, under the limit and under twice as much."""
    alpha, caps = multiple * threshold, (limit, 2 * limit)
    learned = [_learn(policy, alpha, cap) for cap in caps]
    means = [_mean_length(one) for one in learned]
    growth, predicted = (means[1] - means[0]) / limit, np.nan
    label = f"{name}, α = {multiple:g} α_c"
    if multiple > 1:
        exact = markov_power(policy.transition, policy.stop, policy.start, alpha)
        predicted = exact.mean_length
        # What twice the limit still changes bounds what it leaves out.
        tolerance = 1e-7 + abs(means[1] - means[0])
        checks = [
            Check(f"{label}: mean length", "T17", predicted, means[1], tolerance),
            Check(f"{label}: J = log Z", "T17", exact.log_z, float(learned[1].value), tolerance),
            Check(f"{label}: length gained per token of limit", "T17", 0.0, growth, 1e-2),
        ]
    else:
        checks = [Check(f"{label}: length gained per token of limit", "T17", 1.0, growth, 1e-2)]
    row = {"part": "markov", "policy": name, "alpha": alpha, "multiple": multiple}
    rows = [
        {**row, "limit": cap, "simulated": mean, "predicted": predicted} for cap, mean in zip(caps, means, strict=True)
    ]
    return checks, rows


def _where_lengths_turn(policy: Markov, limit: int) -> float:
    """The power at which learned lengths turn from rising to falling: by bisection on what was learned alone."""
    low, high = 0.0, 2.0
    while high - low > 1e-8:
        middle = (low + high) / 2
        log_length = np.asarray(chains.log_lengths(_learn(policy, middle, limit).log_pi))
        rising = log_length[limit // 2] > log_length[limit // 2 - 1]
        low, high = (middle, high) if rising else (low, middle)
    return low


def _mode(name: str, policy: Markov, limit: int) -> list[Check]:
    """Sharpened without an entropy term, the policy says one response: the mode."""
    mode = shortest_path(policy.transition, policy.stop, policy.start)
    log_p = jnp.asarray(policy.log_p)
    learned = chains.ascend(log_p, log_p, 0.0, limit, step_size=5.0, max_steps=500)
    length = len(chains.greedy(learned.log_pi))
    return [
        Check(f"{name}: log p of the mode", "T17", mode.log_p, float(learned.value), 1e-7),
        Check(f"{name}: length of the mode", "T17", float(len(mode.states)), float(length), 0.0),
    ]


def _learn(policy: Markov, alpha: float, limit: int) -> LearnedChain:
    log_p = jnp.asarray(policy.log_p)
    return chains.ascend(log_p, alpha * log_p, 1.0, limit)


def _mean_length(learned: LearnedChain) -> float:
    """In content moves; a response that was cut off counts as long as the limit."""
    chance = np.exp(np.asarray(chains.log_lengths(learned.log_pi)))
    return float(chance @ np.arange(len(chance)))
