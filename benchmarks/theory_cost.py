"""What log_tilt and moments cost on a million responses, against the bare numpy passes that they cannot avoid.

Run `python benchmarks/theory_cost.py`; prints the ratios and writes them to benchmarks/theory_cost.json.
"""

import json
import os
import timeit
from pathlib import Path

import numpy as np

from theory.tilt import log_tilt, moments

RESPONSES = 10**6
ALPHA, B = 1.7, 0.6


def bare_log_tilt(log_p, reward):
    """alpha log p + b r, less its log-sum-exp: no checks, no zeros of p."""
    scaled = ALPHA * log_p + B * reward
    scaled -= scaled.max()
    scaled -= np.log(np.exp(scaled).sum())
    return scaled


def bare_moments(log_p, reward):
    """Means and covariances under the weights of bare_log_tilt, centred before they are squared."""
    q = np.exp(bare_log_tilt(log_p, reward))
    mean_log_p, mean_reward = q @ log_p, q @ reward
    log_p, reward = log_p - mean_log_p, reward - mean_reward
    return mean_log_p, mean_reward, (q * log_p) @ log_p, (q * reward) @ reward, (q * reward) @ log_p


def best(call, repeats=15):
    return min(timeit.repeat(call, number=1, repeat=repeats))


def main():
    generator = np.random.default_rng(0)
    log_p = 3 * generator.standard_normal(RESPONSES)
    log_p -= np.log(np.exp(log_p).sum())
    reward = (generator.random(RESPONSES) < 0.3).astype(float)
    calls = {
        "log_tilt": (lambda: log_tilt(log_p, reward, ALPHA, B), lambda: bare_log_tilt(log_p, reward)),
        "moments": (lambda: moments(log_p, reward, ALPHA, B), lambda: bare_moments(log_p, reward)),
    }
    result = {"responses": RESPONSES, "cpus": os.cpu_count()}
    for name, (ours, bare) in calls.items():
        seconds, bare_seconds = best(ours), best(bare)
        result[name] = {"seconds": seconds, "bare_seconds": bare_seconds, "ratio": seconds / bare_seconds}
        times = f"{1e3 * seconds:.1f} ms, bare numpy {1e3 * bare_seconds:.1f} ms"
        print(f"{name}: {times}, ratio {seconds / bare_seconds:.2f}")
    Path(__file__).with_suffix(".json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
