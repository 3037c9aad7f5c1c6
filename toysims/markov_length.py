"""The length that a sharpened Markov policy learns under a limit: mean, threshold of existence, mode (T17)."""

import jax.numpy as jnp
import numpy as np

from theory.length import existence_threshold, markov_power, shortest_path
from toysims.policies import chains
from toysims.verdict import Check

# Powers as multiples of the existence threshold: on both sides of it, and far enough for the limit not to matter above.
MULTIPLES = (0.5, 0.8, 1.3, 1.6, 2.0, 4.0)


def markov_rows(name: str, policy: chains.Markov, limit: int) -> tuple[list[Check], list[dict]]:
    """One Markov policy: the length it learns at powers on both sides of α_c, its threshold and its mode."""
    log_p = jnp.asarray(policy.log_p)

    def learn(alpha, limit):
        learned = chains.ascend(log_p, alpha * log_p, 1.0, limit)
        return learned, np.asarray(chains.log_lengths(learned.log_pi))

    threshold = existence_threshold(policy.transition)
    checks, rows = [], []
    for multiple in MULTIPLES:
        alpha = multiple * threshold
        means = []
        for cap in (limit, 2 * limit):
            learned, log_length = learn(alpha, cap)
            means.append(float(np.exp(log_length) @ np.arange(cap + 1)))
        exists = alpha > threshold
        exact = markov_power(policy.transition, policy.stop, policy.start, alpha) if exists else None
        label = f"{name}, α = {multiple:g} α_c"
        if exists:
            # What twice the limit still changes bounds what it leaves out.
            tolerance = 1e-7 + abs(means[1] - means[0])
            checks.append(Check(f"{label}: mean length", "T17", exact.mean_length, means[1], tolerance))
            checks.append(Check(f"{label}: J = log Z", "T17", exact.log_z, float(learned.value), tolerance))
        growth = (means[1] - means[0]) / limit
        checks.append(Check(f"{label}: length gained per token of limit", "T17", 0.0 if exists else 1.0, growth, 1e-2))
        for cap, mean in zip((limit, 2 * limit), means, strict=True):
            row = {"part": "markov", "policy": name, "alpha": alpha, "multiple": multiple, "limit": cap}
            rows.append({**row, "simulated": mean, "predicted": exact.mean_length if exists else np.nan})

    for multiple in np.geomspace(1.01, MULTIPLES[-1], 60):
        mean = markov_power(policy.transition, policy.stop, policy.start, multiple * threshold).mean_length
        rows.append({"part": "curve", "policy": name, "multiple": multiple, "predicted": mean})

    # Where the learned lengths turn from rising to falling: bisection on what was learned, not on the theory.
    low, high = 0.0, 2.0
    while high - low > 1e-8:
        middle = (low + high) / 2
        log_length = learn(middle, limit)[1][:-1]  # without the responses that were cut off
        rising = log_length[limit // 2] > log_length[limit // 2 - 1]
        low, high = (middle, high) if rising else (low, middle)
    checks.append(Check(f"{name}: threshold α_c", "T17", threshold, low, 1e-6))

    mode = shortest_path(policy.transition, policy.stop, policy.start)
    learned = chains.ascend(log_p, log_p, 0.0, limit, step_size=5.0, max_steps=500)
    checks.append(Check(f"{name}: log p of the mode", "T17", mode.log_p, float(learned.value), 1e-7))
    found = chains.greedy(learned.log_pi)
    checks.append(Check(f"{name}: length of the mode", "T17", float(len(mode.states)), float(len(found)), 0.0))
    return checks, rows
