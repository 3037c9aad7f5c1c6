"""Rollouts tables judged side by side: which tables, their numbers, and their differences prompt by prompt."""

from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness import run_folder, text_table
from harness.reservation import Place, fresh, reserved
from llm.base_rollouts import config_beside
from llm.evaluation.config import EvaluateConfig
from llm.evaluation.page import page
from llm.readers.found import Found
from llm.rollout_file import read_file
from llm.rollout_table import from_table
from llm.suspicions import sentence, suspected
from llm.wording import disagreement, say
from theory.estimation.draws import own_draws
from theory.estimation.intervals import ClusterBootstrap
from theory.estimation.samples import Rollouts
from theory.estimation.shares import difference_intervals, share_intervals
from theory.estimation.statistics import KL_ESTIMATOR, prompt_statistics

# An unknown column that is read as if nothing were odd (equal log p, all finished) -> what must not be told from it.
NEEDED_BY = {"log_p": "best-of-", "finished": "truncated"}
GRADED = "its rewards are not 0 and 1; pass@k and maj@k, which count correct answers, cannot be told"
SHARES = ("pass@", "maj@", "best-of-", "reward", "truncated")
PARTS = {"base": "base", "final": "last", "best": "best"}  # file of a run folder -> what it holds


def evaluate(config: EvaluateConfig) -> Path:
    """Write evaluation.json, evaluation.csv and print the table; returns the folder."""
    output_dir = config.output_dir or fresh("evaluation")
    with reserved("llm.evaluate", output_dir, config, config.overwrite) as place:
        return _evaluate(config, place)


def _evaluate(config: EvaluateConfig, place: Place) -> Path:
    """All is read and computed before the folder is made."""
    files = dict(_tables(config))
    tables = {name: from_table(file.table, name, file.unknown) for name, file in files.items()}
    ks = sorted(set(config.ks)) or _powers_of_two(min(int(table.count.min()) for table in tables.values()))
    counted = all(table.binary for table in tables.values())
    statistics = {
        name: _statistics(table, tuple(ks), name, files[name].unknown, counted) for name, table in tables.items()
    }
    first, *others = statistics
    result: dict[str, Any] = {
        "tables": {name: _with_interval(values, config, share_intervals) for name, values in statistics.items()},
        "prompts": {name: len(values) for name, values in statistics.items()},
        "samples": {name: float(table.count.mean()) for name, table in tables.items()},
        "differences_to": first,
        "differences": {
            name: _with_interval(
                _paired(statistics[name], statistics[first], name, first), config, difference_intervals
            )
            for name in others
        },
        "level": config.level,
        "kl_estimator": KL_ESTIMATOR,
        "intervals": "bias-corrected cluster bootstrap over prompts (theory/estimation/intervals.py); of shares that "
        "are 0 or 1 on nearly all prompts at least what their number allows (theory/estimation/shares.py)",
    }
    for name, file in files.items():
        say(file.lines(name))
        if config_beside(file.path).get("method", "base") == "base":
            say(f"{name}: {sentence(odd)}" for odd in suspected(file.table, tables[name]))
    output_dir = place.begin(config)
    run_folder.write(output_dir / "evaluation.csv", partial(_long_form(result).to_csv, index=False))
    run_folder.write_json(output_dir / "evaluation.json", result)
    print(page(result, text_table.width()))
    for name, table in tables.items():
        if not table.binary:
            print(f"{name}: {GRADED}")
        if odd := disagreement(table):
            print(f"{name}: {odd}")
    return output_dir


def _tables(config: EvaluateConfig) -> Iterator[tuple[str, Found]]:
    """(name, what its file holds). A base that several runs share is read from the first of them alone."""
    seen_bases: list[pd.DataFrame] = []
    for path in config.rollouts:
        if not (path / "final.parquet").exists():
            yield str(path), read_file(path, config.column, config.answers)
            continue
        for file, part in PARTS.items():
            if not (path / f"{file}.parquet").exists():
                continue
            found = read_file(path / f"{file}.parquet")
            if file == "base":
                if any(found.table.equals(base) for base in seen_bases):
                    continue
                seen_bases.append(found.table)
            yield f"{path}:{part}", found


def _statistics(
    rollouts: Rollouts, ks: tuple[int, ...], name: str, unknown: Collection[str], counted: bool
) -> pd.DataFrame:
    """A row a prompt, a column a quantity; nan where it follows from something that the file does not tell.

    counted: the rewards of all tables are 0 and 1. Where those of one are not, all are compared by their mean reward.
    """
    try:
        columns = prompt_statistics(rollouts, ks)
    except ValueError as error:
        raise ValueError(f"ROLLOUTS {name} has {error}") from None
    if not counted:
        columns = {"reward": rollouts.mean(rollouts.reward), **columns}
    table = pd.DataFrame(columns, index=rollouts.prompt_id.astype(str))
    untold = tuple(start for column, start in NEEDED_BY.items() if column in unknown)
    table.loc[:, [quantity for quantity in table if quantity.startswith(untold)]] = np.nan
    return table


def _powers_of_two(largest: int) -> tuple[int, ...]:
    return tuple(2**i for i in range(largest.bit_length()))


def _paired(values: pd.DataFrame, baseline: pd.DataFrame, name: str, first: str) -> pd.DataFrame:
    """Prompt by prompt, value less baseline."""
    shared = values.index.intersection(baseline.index)
    if shared.empty:
        raise ValueError(f"ROLLOUTS {name} and {first} have no prompt_id in common; evaluate them one by one")
    return values.loc[shared] - baseline.loc[shared]


def _with_interval(
    values: pd.DataFrame, config: EvaluateConfig, of_shares: Callable[..., np.ndarray]
) -> dict[str, dict[str, float]]:
    """One set of bootstrap draws for all quantities; one that is nan on some prompt (an unknown KL) stays nan.

    All tables of as many prompts have the same draws, and those of llm.forecast: one number has one interval.
    """
    numbers = {name: {"value": np.nan, "low": np.nan, "high": np.nan} for name in values}
    known = values.dropna(axis="columns")
    draws = own_draws(np.random.default_rng(config.seed), "prompts")
    bootstrap = ClusterBootstrap(len(values), draws)
    ends = bootstrap.interval(known.to_numpy(float), config.level)
    shares = [name.startswith(SHARES) for name in known]
    ends[:, shares] = of_shares(known.to_numpy(float)[:, shares], bootstrap, config.level)
    low, high = ends
    for name, *row in zip(known, known.mean(), low, high, strict=True):
        numbers[name] = dict(zip(("value", "low", "high"), map(float, row), strict=True))
    return numbers


def _long_form(result: dict[str, Any]) -> pd.DataFrame:
    rows = [
        {"kind": kind, "rollouts": name, "quantity": quantity, **numbers}
        for kind in ("tables", "differences")
        for name, quantities in result[kind].items()
        for quantity, numbers in quantities.items()
    ]
    return pd.DataFrame(rows)
