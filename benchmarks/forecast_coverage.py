"""How often a forecast's nominal 95 % intervals hold the truth, and how often it says that they do.

Two worlds whose truth is known: random tabular policies (benchmarks/tabular_policies.py), and token-level policies with
the spreads of real log p (benchmarks/populations.py). Tables of rollouts are drawn from each, forecast, and compared
with the population's exact values. A value is false where it is marked reliable and its interval misses.

    python -m benchmarks.forecast_coverage --tables 20 --output benchmarks/forecast_coverage.json
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import binom

from benchmarks import populations, tabular_policies
from benchmarks.populations import Shape
from theory.estimation.at_distance import direction
from theory.estimation.forecast import forecast
from theory.estimation.reweight import Target
from theory.estimation.samples import Rollouts
from theory.vocabulary import LengthControl

QUANTITIES = ("accuracy", "gain", "length", "log_p", "entropy", "kl", "pass@4")
SPREADS, SHARPENING, SAMPLES = (5, 15, 40), ("helps", "hurts", "turns"), (2, 4, 8, 16, 64)
STEPS = (0.2, 0.5, 0.8, 1.2)  # (alpha - 1) sd(log p)
CONTROLS = (LengthControl.CONTENT, LengthControl.TRAJECTORY_BALANCE)
PROMPTS = 100
LONGEST_KAPPA = 500
LIKELY_CELL = 200  # values below which a coverage says little


class Case(NamedTuple):
    """A table of rollouts and the truth that it was drawn from."""

    world: str
    """tabular, or the spread of log p, in nats"""
    sharpening: str
    samples: int
    rollouts: Rollouts
    targets: dict[str, Target]
    truth: Callable[[Target], dict[str, float]]


def tabular(tables: int, seed: int, samples: tuple[int, ...] = SAMPLES) -> Iterator[Case]:
    targets = {f"alpha {a:g}": Target(a, 0.0) for a in (0.5, 1.05, 1.25, 2.0, 4.0, np.inf)}
    targets |= {f"b {b:g}": Target(1.0, b) for b in (0.5, 2.0, 5.0, np.inf)}
    targets |= {"alpha 2, b 1": Target(2.0, 1.0), "kappa 1": Target(4.0, 0.0, 1.0)}
    targets |= {str(control): Target(1.5, 0.0, 0.0, control) for control in CONTROLS}
    for number in range(tables):
        generator = np.random.default_rng([seed, number])
        kinds = tabular_policies.random_policy(generator)
        prompts, n = int(generator.choice([30, 60, 120])), int(generator.choice(samples))
        rollouts = tabular_policies.drawn(kinds, prompts, n, generator)
        yield Case("tabular", "any", n, rollouts, targets, _once(tabular_policies.values, kinds))


def token_level(tables: int, seed: int, shapes: list[Shape], samples: tuple[int, ...]) -> Iterator[Case]:
    """`tables` tables of each shape and number of samples, four from each population."""
    for number, shape in enumerate(shapes):
        for table in range(tables):
            if table % 4 == 0:
                made = populations.population(shape, np.random.default_rng([seed, number, table, 0]))
                sd, truth = populations.spread(made), _once(populations.values, made)
                targets = spread_targets(sd, truth(Target(1.0, 0.0))["length"], made.longest)
            for n in samples:
                generator = np.random.default_rng([seed, number, table, n])
                rollouts = populations.drawn(made, PROMPTS, n, generator)
                yield Case(f"sd {shape.spread:g}", shape.sharpening, n, rollouts, targets, truth)


def spread_targets(sd: float, length: float, longest: int) -> dict[str, Target]:
    """Targets in units of the data, and alpha = 2, which is far for all of them."""
    near = 1 + 0.5 / sd
    # The exact value has an exponent for each length, and takes a pass for each of them.
    kappa = {"kappa 0.5": Target(1 + 0.5 * float(length) ** 0.5 / sd, 0.0, 0.5)} if longest <= LONGEST_KAPPA else {}
    return {
        **{f"alpha 1 + {c:g}/sd": Target(1 + c / sd, 0.0) for c in STEPS},
        "alpha 2": Target(2.0, 0.0),
        **{f"b {b:g}": Target(1.0, b) for b in (0.5, 1.0, 2.0)},
        **kappa,
        **{str(control): Target(near, 0.0, 0.0, control) for control in CONTROLS},
    }


def _once(values: Callable, population) -> Callable[[Target], dict[str, float]]:
    """The truth of each target, computed once."""
    known: dict[Target, dict[str, float]] = {}

    def truth(target: Target) -> dict[str, float]:
        if target not in known:
            known[target] = values(population, target)
        return known[target]

    return truth


def measured(case: Case, generator: np.random.Generator, methods: tuple[str, ...]) -> Iterator[dict]:
    """A row a target, method and quantity."""
    names = {target: name for name, target in case.targets.items()}
    of_case = {"world": case.world, "sharpening": case.sharpening, "samples": case.samples}
    for record in forecast(case.rollouts, list(case.targets.values()), generator, methods):
        truth = case.truth(record.target)
        for name in QUANTITIES:
            if name not in record:
                continue
            told, true = record[name], truth[name]
            yield of_case | {
                "method": str(record.method),
                "target": names[record.target],
                "quantity": name,
                "reliable": told.reliable,
                "covered": bool(told.low - 1e-9 <= true <= told.high + 1e-9),
                "error": abs(told.value - true),
                "width": told.high - told.low,
            }


def directions(case: Case, sd: float, generator: np.random.Generator, kl: float = 0.2) -> Iterator[dict]:
    """Is the sign of a little sharpening told, and is it right?"""
    found = direction(case.rollouts, generator)
    sign = (found.low > 0) - (found.high < 0) if found.reliable else 0
    true = case.truth(at_kl(case, kl, sd))["gain"]
    yield {
        "world": case.world,
        "sharpening": case.sharpening,
        "samples": case.samples,
        "told": sign != 0,
        "wrong": sign != 0 and sign != np.sign(true),
        "covered": bool(found.low <= true <= found.high),
        "reliable": found.reliable,
        "gain": true,
        "value": found.value,
    }


def at_kl(case: Case, kl: float, sd: float) -> Target:
    """p^alpha at this distance from p, to 1 % of it; near p, KL is (alpha - 1)² Var(log p)/2."""
    step = float(np.sqrt(2 * kl)) / sd
    for _ in range(30):
        found = case.truth(Target(1 + step, 0.0))["kl"]
        if abs(found - kl) < 0.01 * kl:
            break
        step *= (kl / found) ** 0.5
    return Target(1 + step, 0.0)


def cells(rows: pd.DataFrame, by: list[str]) -> list[dict]:
    """Coverage where reliable, the share that is reliable, and the share of all that is reliable and misses."""
    found = []
    for key, part in rows.groupby(by, sort=False):
        told = part[part["reliable"]]
        found.append(
            dict(zip(by, key if isinstance(key, tuple) else (key,), strict=True))
            | {
                "values": len(told),
                "reliable": round(float(part["reliable"].mean()), 3),
                "coverage": round(float(told["covered"].mean()), 4) if len(told) else None,
                "false": round(float((part["reliable"] & ~part["covered"]).mean()), 3),
            }
        )
    return found


def summary(rows: pd.DataFrame, told: pd.DataFrame) -> dict:
    """Of one world, as forecast_coverage.json holds it."""
    full = cells(rows, ["method", "samples", "target", "quantity"])
    coarse = {
        "by_samples": cells(rows, ["method", "samples"]),
        "by_target": cells(rows, ["method", "target"]),
        "by_quantity": cells(rows, ["method", "quantity"]),
        "by_target_and_quantity": cells(rows, ["method", "target", "quantity"]),
        "by_samples_and_target": cells(rows, ["method", "samples", "target"]),
    }
    result = {
        "all": cells(rows, ["method"]),
        **coarse,
        "full_cells": judged(full),
        "coarse_cells": judged([cell for part in coarse.values() for cell in part]),
    }
    if len(told):
        shares = told.groupby("samples", sort=False)[["told", "wrong", "reliable", "covered"]].mean()
        result["direction"] = (
            shares.round(3).assign(tables=told.groupby("samples").size()).reset_index().to_dict("records")
        )
    return result


def judged(found: list[dict]) -> dict:
    """Those of 200 values or more: how many, which lie outside 92 to 98 %, and how many would if all covered 95 %."""
    large = [cell for cell in found if cell["values"] >= LIKELY_CELL]
    n = np.array([cell["values"] for cell in large])
    inside = binom.cdf(np.floor(0.98 * n + 1e-9), n, 0.95) - binom.cdf(np.ceil(0.92 * n - 1e-9) - 1, n, 0.95)
    return {
        "cells": len(large),
        "outside_92_to_98": [cell for cell in large if not 0.92 <= cell["coverage"] <= 0.98],
        "outside_by_chance": round(float(np.sum(1 - inside)), 1),
        "false_above_3_percent": [cell for cell in large if cell["false"] > 0.03],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", nargs="+", default=["tabular", *map(str, SPREADS)], help="tabular, or spreads")
    parser.add_argument("--tables", type=int, default=8, help="of each shape and number of samples")
    parser.add_argument("--policies", type=int, default=200, help="tabular ones")
    parser.add_argument("--samples", type=int, nargs="+", default=SAMPLES)
    parser.add_argument("--methods", nargs="+", default=("psis", "cumulant"))
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--output", type=Path, help="its other worlds stay as they are")
    parser.add_argument("--rows", type=Path, help="folder for every value, a Parquet table a world")
    arguments = parser.parse_args()
    # Votes are not measured here, and take a third of the time.
    sys.modules[forecast.__module__].MOST_VOTING_PROMPTS = 2  # type: ignore[attr-defined]
    for world in arguments.worlds:
        began = time.process_time()
        rows: list[dict] = []
        told: list[dict] = []
        for number, case in enumerate(_cases(world, arguments)):
            generator = np.random.default_rng([arguments.seed, number, 1])
            rows += measured(case, generator, tuple(arguments.methods))
            if world != "tabular":
                told += directions(case, float(world), generator)
        found = summary(pd.DataFrame(rows), pd.DataFrame(told))
        found["cpu_minutes"] = round((time.process_time() - began) / 60, 1)
        found["settings"] = {name: getattr(arguments, name) for name in ("tables", "policies", "samples", "seed")}
        if arguments.rows:
            arguments.rows.mkdir(parents=True, exist_ok=True)
            pd.DataFrame(rows).to_parquet(arguments.rows / f"{world}.parquet")
            pd.DataFrame(told).to_parquet(arguments.rows / f"{world}-directions.parquet")
        _keep(rows[0]["world"], found, arguments.output)


def _cases(world: str, arguments: argparse.Namespace) -> Iterator[Case]:
    if world == "tabular":
        return tabular(arguments.policies, arguments.seed, tuple(arguments.samples))
    shapes = [Shape(float(world), kind, heavy) for kind, heavy in product(SHARPENING, (False, True))]
    return token_level(arguments.tables, arguments.seed, shapes, tuple(arguments.samples))


def _keep(world: str, found: dict, output: Path | None) -> None:
    print(json.dumps({world: found}, indent=1))
    if output:
        known = json.loads(output.read_text()) if output.exists() else {}
        output.write_text(json.dumps(known | {world: found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
