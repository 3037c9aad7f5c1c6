"""pass@k of the base model and of every arm, from the rewards of their rollouts; maj@k where votes were counted.  [T22]

A vote needs the answer of each response, which llm.evaluate reads out of it: maj@k is taken from its evaluations.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from figures.study.ends import BASE
from figures.study.runs import Study
from harness.run_kind import Folder, read_json
from theory.estimation.intervals import ClusterBootstrap, Resampled, seed_draws
from theory.passk import pass_at_k

Curves = dict[str, dict[int, float]]
"""arm -> k -> share of prompts"""


def passed(study: Study) -> Curves:
    """pass@k for k = 1, 2, 4, ... up to the samples of a prompt; the mean over the seeds of an arm."""
    paths = {BASE: [study.base], **study.rollouts}
    read = {arm: [pd.read_parquet(p, columns=["prompt_id", "reward"]) for p in own] for arm, own in paths.items()}
    most = min(int(table.groupby("prompt_id").size().min()) for tables in read.values() for table in tables)
    ks = [2**i for i in range(most.bit_length())]
    return {arm: _mean([dict(zip(ks, curve(t, ks), strict=True)) for t in own]) for arm, own in read.items()}


class AtK(NamedTuple):
    """A share at one k with its 95 % interval."""

    value: float
    low: float
    high: float


Gains = dict[str, dict[int, AtK]]
"""arm -> k -> what it has beyond the base model, a share of prompts"""


def gained(study: Study, seed: int = 0) -> Gains:
    """pass@k of each arm less that of the base model, paired by prompt: what makes a prompt hard cancels.    [T22]

    The mean over prompts and seeds; a draw of the interval takes prompts, and seeds where there are several.
    """
    paths = {BASE: [study.base], **study.rollouts}
    read = {arm: [_correct(path) for path in own] for arm, own in paths.items()}
    shared = sorted(set.intersection(*(set(own.index) for tables in read.values() for own in tables)))
    most = min(int(own["size"].min()) for tables in read.values() for own in tables)
    ks = [2**i for i in range(most.bit_length())]
    generator = np.random.default_rng(seed)
    prompts = ClusterBootstrap(len(shared), generator)
    place, places = 0, sum(len(tables) for tables in read.values())
    found: dict[str, dict[int, Resampled]] = {}
    for arm, tables in read.items():
        drawn = seed_draws(len(tables), generator)
        own = [table.loc[shared] for table in tables]
        found[arm] = {
            k: prompts.mean_over_seeds(np.stack([_at(t, k) for t in own], axis=1), drawn, place, places) for k in ks
        }
        place += len(tables)
    base = found.pop(BASE)
    return {arm: {k: _told(own[k] - base[k]) for k in ks} for arm, own in found.items()}


def _correct(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path, columns=["prompt_id", "reward"]).groupby("prompt_id")["reward"].agg(["size", "sum"])


def _at(prompts: pd.DataFrame, k: int) -> np.ndarray:
    return np.asarray(pass_at_k(prompts["size"].to_numpy(), prompts["sum"].to_numpy().astype(int), k), float)


def _told(difference: Resampled) -> AtK:
    return AtK(difference.value, *difference.interval())


def curve(table: pd.DataFrame, ks: Sequence[int]) -> list[float]:
    """Unbiased pass@k, averaged over prompts, for each k up to the samples of a prompt.    [T22]"""
    prompts = table.groupby("prompt_id")["reward"].agg(["size", "sum"])
    n, correct = prompts["size"].to_numpy(), prompts["sum"].to_numpy().astype(int)
    return [float(np.mean(pass_at_k(n, correct, k))) for k in ks]


def votes(study: Study, evaluations: Sequence[Folder]) -> Curves:
    """maj@k, the mean over the seeds of an arm, of the study's own tables among those that llm.evaluate judged."""
    arm_of = {study.base.parent.resolve(): BASE}
    arm_of |= {path.parent.resolve(): arm for arm, paths in study.rollouts.items() for path in paths}
    found: dict[str, list[dict[int, float]]] = {}
    for evaluation in evaluations:
        for name, quantities in read_json(evaluation.path / "evaluation.json")["tables"].items():
            folder, part = table_folder(name)
            arm = arm_of.get(folder if folder.is_dir() else folder.parent)
            if arm is not None and part != "best":
                found.setdefault(BASE if part == "base" else arm, []).append(_majority(quantities))
    return {arm: _mean(seeds) for arm, seeds in found.items()}


def table_folder(name: str) -> tuple[Path, str]:
    """Where a table of evaluation.json came from, and which part of a run it is: base, last or best."""
    place, _, part = name.rpartition(":") if name.endswith((":base", ":last", ":best")) else (name, "", "last")
    return Path(place).resolve(), part


def _majority(quantities: Mapping[str, Mapping[str, Any]]) -> dict[int, float]:
    return {int(name.removeprefix("maj@")): n["value"] for name, n in quantities.items() if name.startswith("maj@")}


def _mean(seeds: Sequence[Mapping[int, float]]) -> dict[int, float]:
    """At each k that all seeds have."""
    return {k: float(np.mean([own[k] for own in seeds])) for k in sorted(set.intersection(*map(set, seeds)))}
