"""Samplers of p^alpha: how far their draws are from the exact target, against what they cost."""

from collections.abc import Mapping, Sequence
from typing import Any

from figures.direct_labels import Label, beside
from figures.palette import ARMS, Sign
from figures.style import FADED, PAGE, QUIET, figure

# method of the benchmark -> (colour, mark); samplers are grey in every figure, and named where they stand.
LOOKS: dict[str, Sign] = {
    "low temperature": ARMS["low-temperature-2"],
    "best of n": ARMS["best-of-8"],
    "power-mh": Sign("#8A7F8A", "o"),
    "power-smc": ARMS["power-smc-2"],
    "power-smc, ramp 16": Sign("#000000", "s"),
    "power-rollout": Sign("#6E6A78", "^"),
}
TARGET, DEAR = 0.03, 3.0  # the distance that is near enough, and the cost that is too much
LEAST = 0.003  # of the distance: what is within the noise of the benchmark stands here, with an arrow


def draw_cost(ax, rows: Sequence[Mapping[str, Any]], alpha: float) -> list[Label]:
    """Total variation beyond the Monte Carlo floor against tokens, both logarithmic; returns the names of the lines."""
    labels = []
    ax.axhspan(LEAST / 2, TARGET, color="0.95", lw=0, zorder=0)
    for method, (colour, marker) in LOOKS.items():
        points = sorted((row for row in rows if row["method"] == method and row["alpha"] == alpha), key=_cost)
        if not points:
            continue
        cost, excess = ([row[name] for row in points] for name in ("cost", "excess"))
        shown = [max(value, LEAST) for value in excess]
        low = [
            value - max(own - 2 * row["excess_se"], LEAST)
            for value, own, row in zip(shown, excess, points, strict=True)
        ]
        high = [
            max(own + 2 * row["excess_se"] - value, 0) for value, own, row in zip(shown, excess, points, strict=True)
        ]
        spread = [[max(value, 0) for value in low], high]
        ax.errorbar(cost, shown, yerr=spread, color=colour, marker=marker, label=method, lw=1, elinewidth=0.8)
        for place, value in zip(cost, excess, strict=True):
            if value < LEAST:
                ax.annotate(
                    "",
                    (place, LEAST / 1.35),
                    (place, LEAST),
                    arrowprops={"arrowstyle": "->", "color": colour, "alpha": 2 * FADED},
                )
        labels.append(Label(cost[-1], shown[-1], method, colour))
    ax.set(xscale="log", yscale="log", xlabel="tokens / tokens of plain sampling", title=f"α = {alpha:g}")
    ax.set_yticks([0.003, 0.01, 0.03, 0.1, 0.3], ["≤ 0.003", "0.01", "0.03", "0.1", "0.3"])
    ax.set_xticks([0.1, 0.3, 1, 3], ["0.1", "0.3", "1", "3"])
    ax.set(xlim=(0.06, 12), ylim=(LEAST / 1.6, 0.9))
    ax.minorticks_off()
    return labels


def _cost(row: Mapping[str, Any]) -> float:
    return float(row["cost"])


def finding(rows: Sequence[Mapping[str, Any]]) -> str:
    """Which samplers come near enough to the target at every power, for no more than three times the tokens."""
    alphas = {row["alpha"] for row in rows}
    near = [
        method
        for method in LOOKS
        if alphas == {r["alpha"] for r in rows if r["method"] == method and r["excess"] <= TARGET and r["cost"] <= DEAR}
    ]
    if not near:
        return f"No sampler is within {TARGET:g} of p$^α$ at every power for {DEAR:g} times the tokens"
    return f"Within {TARGET:g} of p$^α$ at every power, for at most {DEAR:g} times the tokens: {'; '.join(near)}"


def samplers_figure(rows: Sequence[Mapping[str, Any]]):
    """One panel an alpha, from the `error` part of benchmarks/samplers.json."""
    alphas = sorted({row["alpha"] for row in rows})
    with figure(PAGE, 3.1, finding(rows), ncols=len(alphas), sharey=True, squeeze=False) as (canvas, axes):
        names = [(ax, draw_cost(ax, rows, alpha)) for ax, alpha in zip(axes.flat, alphas, strict=True)]
        axes[0, 0].set_ylabel("total variation to p$^α$ beyond the floor")
        note = f"grey band: within {TARGET:g}, which no use of the draws would notice; bars: two errors"
        canvas.supxlabel(note, x=0.01, ha="left", fontsize=7, color=QUIET)
        for ax, labels in names:
            beside(ax, labels, 6)
    return canvas
