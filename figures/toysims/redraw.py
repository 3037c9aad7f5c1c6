"""The figures of a toy simulation, drawn again from what it wrote."""

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from harness.run_kind import read_json

CAPTIONS = {
    "sharpening": "Every regime on one small policy: predicted lines in the (α, b) plane, and what simulation found.",
    "instability": "Phase portraits for τ > 0, 0 and < 0; the step-size limit; self-reward and iterated sharpening.",
    "length": "The length threshold of sharpening, ways to weigh length, the empty response, and loops.",
    "trainers": "The saddle-node of std-normalised advantages, its square root, finite groups, and the two-cycle.",
    "heterogeneity": "Many prompts: pass@k up and down at once, maj@k, and accuracy at an equal KL.",
    "voting": "Majority vote as a reward: two basins, the chance of luck, answers against responses.",
    "tokens": "Low temperature against the power of whole responses, and the bias of a look-ahead.",
    "noise": "The noise of sampled gradients against length, group size and the way to the optimum.",
    "practice": "Finite groups, verifiers that err, a fall and its revival, and samples of another law.",
    "sweep": "Accuracy over a grid of (α, β) and many policies, and the share of policies that gain.",
}

# What stands on the axes, for who cannot see them.
ALTS = {
    "right and wrong": "Two panels of accuracy against KL: lines for a task reward and for sharpening, marks at ends.",
    "sharpening": "The plane of the power α and the reward's weight b: a line and marks for each regime.",
    "instability": "Six panels: paths on a triangle of three responses, a multiplier by step size, exponents by step.",
    "length": "Four panels: mean length by power, by way of weighing it, the empty response, and length limits.",
    "trainers": "Five panels: branches by KL weight, two laws on logarithmic axes, groups by size, distance by step.",
    "heterogeneity": "Four panels: pass@k and maj@k against k, and accuracy against KL for two prompts.",
    "voting": "Three panels: log-odds by round, the chance to win by log-odds, log-odds of being correct by round.",
    "tokens": "Two panels: the chance of the narrow way by α, and the bias of a probability by rollouts a token.",
    "noise": "Four panels: variance and signal-to-noise by length, gradient noise by group size, variance by step.",
    "practice": "Four panels: mean log p by group size, accuracy by b, log p of a response by step, reward by sampler.",
    "sweep": "Two grids of α and β with a number in each cell: mean accuracy, and the share of policies that gain.",
}

TABLES = ("heterogeneity", "length", "noise", "practice", "tokens", "trainers", "voting")


class Picture(NamedTuple):
    """Its name, what it shows, what stands on its axes, and how to draw it."""

    name: str
    caption: str
    alt: str
    draw: Callable[[], Any]


def pictures(name: str, folder: Path) -> Iterator[Picture]:
    """Every figure of a simulation. An older folder of sharpening has the plane alone."""
    both = folder / "right_and_wrong.json"
    if name == "sharpening" and both.exists():
        from figures.toysims.right_and_wrong import finding, right_and_wrong_figure

        cases = read_json(both)["cases"]
        yield Picture("right-and-wrong", finding(cases), ALTS["right and wrong"], lambda: right_and_wrong_figure(cases))
    yield Picture(name, CAPTIONS[name], ALTS[name], lambda: redraw(name, folder))


def redraw(name: str, folder: Path):
    """The canvas. name is one of CAPTIONS."""
    if name == "sharpening":
        return _plane(read_json(folder / "plane.json"))
    if name == "instability":
        from figures.toysims.stability import stability_figure

        return stability_figure(read_json(folder / "stability.json"))
    table = pd.read_parquet(folder / f"{name}.parquet")
    if name == "sweep":
        from figures.study.sweep import averages
        from figures.toysims.sweep import sweep_figure

        return sweep_figure(*averages(table))
    if name not in TABLES:
        raise ValueError(f"{name} is no simulation that can be drawn; it is one of {', '.join(CAPTIONS)}")
    return getattr(import_module(f"figures.toysims.{name}"), f"{name}_figure")(table)


def _plane(drawn: dict[str, Any]):
    from figures.plane import RegimePath, plane_figure

    alphas, bs, accuracy = (np.array(drawn[name]) for name in ("alphas", "bs", "accuracy"))
    parts = ("predicted", "measured", "ends")
    paths = {
        name: RegimePath(**{part: np.array(path[part]).reshape(-1, 2) for part in parts}, kind=path["kind"])
        for name, path in drawn["paths"].items()
    }
    return plane_figure(alphas, bs, accuracy, paths)
