"""pass@k of the base model and of every arm, from the rewards of their rollouts; maj@k where votes were counted.  [T22]

A vote needs the answer of each response, which llm.evaluate reads out of it: maj@k is taken from its evaluations.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from figures.study.ends import BASE
from figures.study.runs import Study
from harness.run_kind import Folder, read_json
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
