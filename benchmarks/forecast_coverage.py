"""How often a forecast's nominal 95 % intervals hold the truth, on tabular policies where the truth is a finite sum.

Each policy is a population of 40 kinds of prompt with up to 1,000 responses each; rollouts of 30 to 120 prompts drawn
from it are forecast and compared with the population's exact values.

    python benchmarks/forecast_coverage.py --policies 200 --output coverage.json
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit, log_softmax

from theory.estimation.forecast import forecast
from theory.estimation.reweight import Target, exact
from theory.estimation.samples import Rollouts

TARGETS = [
    *(Target(alpha, 0.0) for alpha in (0.5, 1.05, 1.25, 2.0, 4.0, np.inf)),
    *(Target(1.0, b) for b in (0.5, 2.0, 5.0, np.inf)),
    Target(2.0, 1.0),
]
QUANTITIES = ("accuracy", "gain", "length", "log_p", "entropy", "kl", "pass@4")
KINDS = 40


def random_policy(generator) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(log_p, reward, length) of every kind of prompt; sharp or flat, its likely answers right or wrong."""
    spread, slope, ease = generator.uniform(0.3, 3), generator.uniform(-1, 1.5), generator.uniform(-2, 1.5)
    most = int(np.exp(generator.uniform(np.log(5), np.log(1000))))
    kinds = []
    for _ in range(KINDS):
        z = generator.normal(size=generator.integers(3, most + 1))
        reward = generator.random(len(z)) < expit(ease + generator.normal() + slope * z)
        length = np.maximum(1, np.round(10 - 2 * spread * z + 3 * generator.normal(size=len(z))))
        kinds.append((log_softmax(spread * z), reward.astype(float), length))
    return kinds


def as_rollouts(kinds, responses) -> Rollouts:
    """The given responses (numbers) of each kind, as a table."""
    start = np.cumsum([0, *map(len, responses)])[:-1]
    log_p, reward, length = (
        np.concatenate([kind[i][y] for kind, y in zip(kinds, responses, strict=True)]) for i in range(3)
    )
    zeros = np.zeros(len(log_p), int)
    prompts = np.arange(len(kinds))
    votes = np.where(reward > 0, 0, 1)
    return Rollouts(prompts, start, log_p, reward, length, np.concatenate(responses), zeros == 0, votes, 0 * prompts)


def measure(policies: int, seed: int) -> pd.DataFrame:
    rows = []
    for number in range(policies):
        generator = np.random.default_rng([seed, number])
        kinds = random_policy(generator)
        prompts, samples = int(generator.choice([30, 60, 120])), int(generator.choice([8, 16, 32, 64]))
        drawn = [kinds[i] for i in generator.integers(KINDS, size=prompts)]
        responses = [generator.choice(len(log_p), size=samples, p=np.exp(log_p)) for log_p, *_ in drawn]
        population = as_rollouts(kinds, [np.arange(len(log_p)) for log_p, *_ in kinds])
        base = exact(population, Target(1.0, 0.0)).value["accuracy"].mean()
        for record in forecast(as_rollouts(drawn, responses), TARGETS, generator, ("psis", "cumulant")):
            truth = exact(population, record.target, (4,)).value
            truth["gain"] = truth["accuracy"] - base
            rows += [
                {
                    "method": str(record.method),
                    "target": f"{record.target.alpha:g}, {record.target.b:g}",
                    "quantity": name,
                    "reliable": record[name].reliable,
                    "covered": record[name].low - 1e-9 <= truth[name].mean() <= record[name].high + 1e-9,
                    "error": abs(record[name].value - truth[name].mean()),
                }
                for name in QUANTITIES
            ]
    return pd.DataFrame(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policies", type=int, default=200)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    table = measure(arguments.policies, arguments.seed)
    result = {}
    for method, rows in table.groupby("method"):
        told = rows[rows["reliable"]]
        result[method] = {
            "reliable_share": float(rows["reliable"].mean()),
            "coverage_where_reliable": float(told["covered"].mean()),
            "coverage_elsewhere": float(rows[~rows["reliable"]]["covered"].mean()),
            "by_quantity": told.groupby("quantity")["covered"].mean().round(3).to_dict(),
            "by_target": told.groupby("target")["covered"].mean().round(3).to_dict(),
            "values": len(told),
        }
    print(json.dumps(result, indent=2))
    if arguments.output:
        arguments.output.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
