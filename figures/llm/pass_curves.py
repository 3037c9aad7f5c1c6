"""pass@k of the base model and of every arm, from the rewards of their rollouts; maj@k where votes were counted.  [T22]

A vote needs the answer of each response, which llm.evaluate reads out of it: maj@k is taken from its evaluations.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from figures.llm.arms import Look
from figures.study.ends import BASE
from figures.study.runs import Study
from figures.style import COLOURS, COLUMN, MARKERS, PAGE, figure, key
from harness.run_kind import Folder, read_json
from theory.passk import pass_at_k


def curve(table: pd.DataFrame, ks: Sequence[int]) -> list[float]:
    """Unbiased pass@k, averaged over prompts, for each k up to the samples of a prompt.    [T22]"""
    prompts = table.groupby("prompt_id")["reward"].agg(["size", "sum"])
    n, c = prompts["size"].to_numpy(), prompts["sum"].to_numpy().astype(int)
    return [float(pass_at_k(n, c, k).mean()) for k in ks]


def votes(study: Study, evaluations: Sequence[Folder]) -> dict[str, dict[int, float]]:
    """arm -> k -> maj@k, the mean over its seeds, of the study's own tables among those that llm.evaluate judged."""
    arm_of = {study.base.parent.resolve(): BASE}
    arm_of |= {path.parent.resolve(): arm for arm, paths in study.rollouts.items() for path in paths}
    found: dict[str, list[dict[int, float]]] = {}
    for evaluation in evaluations:
        for name, quantities in read_json(evaluation.path / "evaluation.json")["tables"].items():
            place, _, part = name.rpartition(":") if name.endswith((":base", ":last", ":best")) else (name, "", "last")
            folder = Path(place).resolve()
            arm = arm_of.get(folder if folder.is_dir() else folder.parent)
            if arm is not None and part != "best":
                found.setdefault(BASE if part == "base" else arm, []).append(_majority(quantities))
    return {
        arm: {k: float(np.mean([own[k] for own in seeds])) for k in sorted(set.intersection(*map(set, seeds)))}
        for arm, seeds in found.items()
    }


def _majority(quantities: Mapping[str, Mapping[str, Any]]) -> dict[int, float]:
    return {int(name.removeprefix("maj@")): n["value"] for name, n in quantities.items() if name.startswith("maj@")}


def pass_figure(study: Study, looks: Mapping[str, Look], majority: Mapping[str, Mapping[int, float]]):
    """k up to the samples of a prompt; the mean over the seeds of an arm. Two panels where votes are known."""
    paths = {BASE: [study.base], **study.rollouts}
    read = {arm: [pd.read_parquet(p, columns=["prompt_id", "reward"]) for p in own] for arm, own in paths.items()}
    most = min(int(table.groupby("prompt_id").size().min()) for tables in read.values() for table in tables)
    ks = [2**i for i in range(most.bit_length())]
    passed = {
        arm: dict(zip(ks, np.mean([curve(t, ks) for t in own], axis=0), strict=True)) for arm, own in read.items()
    }
    panels = {"pass@k: any of k samples is right": passed, "maj@k: a vote of k samples is right": majority}
    panels = {title: curves for title, curves in panels.items() if curves}
    rows = -(-len(read) // (2 * len(panels)))
    shape = {"width": PAGE if majority else COLUMN, "height": 2.6 + 0.14 * rows, "ncols": len(panels), "squeeze": False}
    with figure(**shape, sharey=True) as (canvas, axes):
        for ax, (title, curves) in zip(axes.flat, panels.items(), strict=True):
            draw_curves(ax, curves, looks)
            ax.set(xlabel="k", title=title)
        axes[0, 0].set_ylabel("share of prompts")
        canvas.legend(*key(*axes.flat), loc="outside lower center", ncols=2 * len(panels))
    return canvas


def draw_curves(ax, curves: Mapping[str, Mapping[int, float]], looks: Mapping[str, Look]) -> None:
    """One line an arm, of k -> share."""
    for arm, own in curves.items():
        look = Look(COLOURS["base"], MARKERS["base"]) if arm == BASE else looks[arm]
        ax.plot(list(own), list(own.values()), marker=look.marker, color=look.colour, lw=1, label=arm)
    ticks = sorted({k for own in curves.values() for k in own})
    ax.set_xscale("log")
    ax.set_xticks(ticks, [str(k) for k in ticks])
    ax.minorticks_off()
