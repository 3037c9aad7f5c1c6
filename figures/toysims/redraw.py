"""The figure of a toy simulation, drawn again from the table that it wrote."""

from pathlib import Path

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
    "sweep": "Accuracy over a grid of (α, β) and many policies, and the share of policies that gain.",
}


def redraw(name: str, folder: Path):
    """The canvas. name is one of CAPTIONS."""
    if name == "sharpening":
        return _plane(read_json(folder / "plane.json"))
    if name == "instability":
        from figures.toysims.stability import stability_figure

        return stability_figure(read_json(folder / "stability.json"))
    table = pd.read_parquet(folder / f"{name}.parquet")
    if name == "sweep":
        return _sweep(table)
    from figures.toysims.heterogeneity import heterogeneity_figure
    from figures.toysims.length import length_figure
    from figures.toysims.noise import noise_figure
    from figures.toysims.tokens import tokens_figure
    from figures.toysims.trainers import trainers_figure
    from figures.toysims.voting import voting_figure

    return {
        "heterogeneity": heterogeneity_figure,
        "length": length_figure,
        "noise": noise_figure,
        "tokens": tokens_figure,
        "trainers": trainers_figure,
        "voting": voting_figure,
    }[name](table)


def _plane(drawn: dict):
    from figures.plane import RegimePath, draw_plane_with_key
    from figures.style import figure

    grid = (np.array(drawn[name]) for name in ("alphas", "bs", "accuracy"))
    paths = {
        name: RegimePath(
            **{part: np.array(path[part]).reshape(-1, 2) for part in ("predicted", "measured", "ends")},
            kind=path["kind"],
        )
        for name, path in drawn["paths"].items()
    }
    with figure(height=4.0) as (canvas, ax):
        draw_plane_with_key(canvas, ax, *grid, paths)
    return canvas


def _sweep(table: pd.DataFrame):
    from figures.style import PAGE, figure
    from figures.toysims.sweep import draw_share, draw_sweep

    table = table.assign(helped=table["simulated_accuracy"] > table["base_accuracy"])
    cells = table.groupby(["alpha", "beta"])[["simulated_accuracy", "helped"]].mean()
    accuracy, share = cells["simulated_accuracy"].unstack(), cells["helped"].unstack()
    with figure(PAGE, 2.6, ncols=2) as (canvas, axes):
        draw_sweep(axes[0], list(accuracy.index), list(accuracy.columns), accuracy.to_numpy())
        draw_share(axes[1], list(share.index), list(share.columns), share.to_numpy())
    return canvas
