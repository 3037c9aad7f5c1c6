"""Where the runs of each arm ended, prompt by prompt, with one set of bootstrap draws for all arms.

All arms are judged on the same held-out prompts, so a difference of two arms is taken within each draw of prompts: what
makes a prompt hard for both cancels.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

DRAWS = 2000
BASE = "base model"


@dataclass(frozen=True, eq=False)
class Estimate:
    """A number, and what it is in each bootstrap draw; draws are nan where there is a single prompt."""

    value: float
    draws: np.ndarray

    def __sub__(self, other: "Estimate") -> "Estimate":
        return combine(np.subtract, self, other)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % of the draws; (nan, nan) where one of them is not known."""
        low, high = np.quantile(self.draws, [0.025, 0.975])
        return float(low), float(high)

    @property
    def sign(self) -> int:
        """1 or -1 where the interval lies on one side of 0, else 0."""
        low, high = self.interval
        return int(low > 0) - int(high < 0)


def combine(function: Callable[..., Any], *estimates: Estimate) -> Estimate:
    """function of the values, and of each draw; it must take arrays."""
    return Estimate(float(function(*(e.value for e in estimates))), function(*(e.draws for e in estimates)))


class End(NamedTuple):
    """Means over prompts and seeds: accuracy, KL(pi||p) in nats, length in tokens."""

    accuracy: Estimate
    kl: Estimate
    length: Estimate


def ends(base: Path, tables: Mapping[str, Sequence[Path]], seed: int = 0) -> dict[str, End]:
    """The base model, and each arm from the rollouts of its seeds, over the prompts that all of them have.

    A draw takes prompts with all their samples, and of an arm with several seeds seeds as well: n - 1 out of n, whose
    mean has variance s²/n (Rao and Wu, JASA 83, 1988; n out of n would have (n - 1)/n of it). The interval of an arm
    with one seed does not cover what another seed would have done.
    """
    read = {
        BASE: [_by_prompt(base).assign(kl=0.0)],
        **{arm: [_by_prompt(path) for path in paths] for arm, paths in tables.items()},
    }
    shared = sorted(set.intersection(*(set(table.index) for seeds in read.values() for table in seeds)))
    if not shared:
        raise ValueError(f"RUN files {base} and those of the runs have no prompt_id in common; run llm.compare again")
    generator = np.random.default_rng(seed)
    prompts = _weights(len(shared), generator, alone=np.nan)
    found = {}
    for arm, seeds in read.items():
        weight = _weights(len(seeds), generator, alone=1.0)
        found[arm] = End(*(_mean([t.loc[shared, q] for t in seeds], prompts, weight) for q in End._fields))
    return found


def _by_prompt(path: Path) -> pd.DataFrame:
    table = pd.read_parquet(path)
    kl = table["log_pi"] - table["log_p"] if "log_pi" in table else np.nan
    columns = {"prompt_id": table["prompt_id"], "accuracy": table["reward"], "kl": kl, "length": table["length"]}
    return pd.DataFrame(columns).groupby("prompt_id").mean()


def _weights(n: int, generator: np.random.Generator, alone: float) -> np.ndarray:
    """Draws × n: the share that each of n has in a draw of n - 1 of them; a single one has the weight alone."""
    if n == 1:
        return np.full((DRAWS, 1), alone)
    return generator.multinomial(n - 1, np.full(n, 1 / n), size=DRAWS) / (n - 1)


def _mean(seeds: Sequence[pd.Series], prompts: np.ndarray, weight: np.ndarray) -> Estimate:
    values = np.stack([seed.to_numpy(float) for seed in seeds], axis=1)
    return Estimate(float(values.mean()), np.sum((prompts @ values) * weight, axis=1))
