"""Accuracy against KL from the base model: what each arm bought with its distance, and the best price forecast."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from figures.llm.arms import Look
from figures.study.words import known
from figures.style import COLOURS, figure, key

# line of forecast.json, the regime whose colour it has, what the key says
LINES = (("b", "tilted", "task reward, forecast"), ("alpha", "tempered", "sharpening, forecast"))


def draw_forecast_lines(ax, forecasts: Mapping[str, Sequence[dict[str, Any]]]) -> None:
    """Both lines of a forecast with their 95 % bands; only what the rollouts can tell."""
    for line, regime, label in LINES:
        limits = [record for record in forecasts["limit"] if record[line] is None]  # null is infinity
        told = [r for r in [*forecasts[line], *limits] if r["accuracy_reliable"] and r["kl_reliable"]]
        told = [record for record in told if known(record["accuracy"], record["kl"])]
        told = sorted((r for r in told if (r["alpha"] or 2) >= 1), key=lambda record: record["kl"])
        kl = [record["kl"] for record in told]
        ax.plot(kl, [record["accuracy"] for record in told], color=COLOURS[regime], label=label, zorder=2)
        ends = (np.array([record[f"accuracy_{end}"] for record in told], dtype=float) for end in ("low", "high"))
        ax.fill_between(kl, *ends, color=COLOURS[regime], alpha=0.2, lw=0, zorder=1)


def draw_ends(ax, results, looks: Mapping[str, Look], across: str = "kl") -> None:
    """Accuracy against another quantity where each run ended, ± 2 s.e. both ways; a sampler may have no KL."""
    for (arm, _), rows in results.groupby(["arm", "seed"], sort=False):
        look, row = looks[arm], rows.set_index("quantity").reindex([across, "accuracy"])
        if row["run"].isna().any():
            continue
        ax.errorbar(
            *row["run"],
            xerr=2 * row.loc[across, "run_se"],
            yerr=2 * row.loc["accuracy", "run_se"],
            fmt=look.marker,
            color=look.colour,
            elinewidth=0.8,
            label=arm,
            zorder=4,
        )
    base, place = (results.loc[results["quantity"] == name, "base"].iloc[0] for name in ("accuracy", across))
    ax.plot(place, base, "+", color="black", ms=8, label="base model", zorder=3)
    ax.axhline(base, color="0.6", lw=0.8, ls=":", zorder=0)


def frontier_figure(results, looks: Mapping[str, Look], forecasts: Mapping[str, Sequence[dict[str, Any]]] | None):
    """Runs, and the forecast lines where a forecast of the same model is given."""
    with figure(height=4.0) as (canvas, ax):
        if forecasts is not None:
            draw_forecast_lines(ax, forecasts)
        draw_ends(ax, results, looks)
        ax.set(xlabel="KL from the base model / nats", ylabel="accuracy")
        canvas.legend(*key(ax), loc="outside lower center", ncols=2)
    return canvas
