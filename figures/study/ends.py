"""Where the runs of each arm ended, prompt by prompt, with one set of bootstrap draws for all arms.

All arms are judged on the same held-out prompts, so a difference of two arms is taken within each draw of prompts: what
makes a prompt hard for both cancels.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from theory.estimation.intervals import ClusterBootstrap, Resampled, seed_draws

BASE = "base model"


class ArmEnd(NamedTuple):
    """Means over prompts and seeds: accuracy, KL(pi||p) in nats, length in tokens."""

    accuracy: Resampled
    kl: Resampled
    length: Resampled


def ends(base: Path, tables: Mapping[str, Sequence[Path]], seed: int = 0) -> dict[str, ArmEnd]:
    """The base model, and each arm from the rollouts of its seeds, over the prompts that all of them have.

    A draw takes prompts with all their samples, and of an arm with several seeds seeds as well. The interval of an arm
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
    prompts = ClusterBootstrap(len(shared), generator)
    place, places = 0, sum(len(seeds) for seeds in read.values())
    found = {}
    for arm, seeds in read.items():
        drawn = seed_draws(len(seeds), generator)
        columns = (np.stack([table.loc[shared, name] for table in seeds], axis=1) for name in ArmEnd._fields)
        found[arm] = ArmEnd(
            *(prompts.mean_over_seeds(values.astype(float), drawn, place, places) for values in columns)
        )
        place += len(seeds)
    return found


def _by_prompt(path: Path) -> pd.DataFrame:
    table = pd.read_parquet(path)
    kl = table["log_pi"] - table["log_p"] if "log_pi" in table else np.nan
    columns = {"prompt_id": table["prompt_id"], "accuracy": table["reward"], "kl": kl, "length": table["length"]}
    return pd.DataFrame(columns).groupby("prompt_id").mean()
