"""Forecast against run: every arm a point, every quantity a panel, agreement on the diagonal."""

from collections.abc import Mapping

from figures.llm.arms import Look, spoken
from figures.study.words import known
from figures.style import PAGE, bars, figure, key, told_mark

LABELS = {
    "accuracy": "accuracy",
    "length": "length / tokens",
    "log_p": "mean log p / nats",
    "entropy": "entropy / nats",
    "kl": "KL to base / nats",
}
NEAR = 0.03  # of accuracy


def draw_against_run(ax, rows, looks: Mapping[str, Look]) -> None:
    """One quantity: forecast with its 95 % interval across, run ± 2 s.e. up; faded where it could not be told.

    An arm without a forecast is left out.
    """
    for row in rows.dropna(subset=["forecast", "run"]).itertuples():
        look = looks[row.arm]
        ax.errorbar(
            row.forecast,
            row.run,
            xerr=bars(row.forecast, row.low, row.high) if known(row.low, row.high) else None,
            yerr=2 * row.run_se,
            ls="",
            marker=look.marker,
            color=look.colour,
            elinewidth=0.8,
            label=spoken(row.arm),
            **told_mark(bool(row.reliable)),
        )
    base = rows["base"].iloc[0]
    ax.plot(base, base, "+", color="black", ms=7, label="base model", zorder=1)
    ends = [*ax.get_xlim(), *ax.get_ylim()]
    ax.axline((0, 0), slope=1, color="0.6", lw=0.8, zorder=0)
    ax.set(xlim=(min(ends), max(ends)), ylim=(min(ends), max(ends)), aspect="equal")


def finding(results, waiting: Mapping[str, str]) -> str:
    """How many arms ended near the accuracy that was forecast, of those that could be told and have arrived."""
    told = results[(results["quantity"] == "accuracy") & results["reliable"] & ~results["arm"].isin(list(waiting))]
    means = told.dropna(subset=["forecast", "run"]).groupby("arm")[["forecast", "run"]].mean()
    if means.empty:
        return "No arm that could be told has arrived yet"
    near = int(((means["forecast"] - means["run"]).abs() <= NEAR).sum())
    return f"{near} of {len(means)} arms ended within {100 * NEAR:.0f} points of the accuracy that was forecast"


def comparison_figure(results, looks: Mapping[str, Look], waiting: Mapping[str, str]):
    """All quantities, and the key in the last cell."""
    with figure(PAGE, 4.5, finding(results, waiting), nrows=2, ncols=3) as (canvas, axes):
        for ax, (quantity, label) in zip(axes.flat, LABELS.items(), strict=False):
            draw_against_run(ax, results[results["quantity"] == quantity], looks)
            ax.set_title(label)
            ax.locator_params(nbins=5)
        for ax in axes[-1]:
            ax.set_xlabel("forecast, 95 % interval")
        for ax in axes[:, 0]:
            ax.set_ylabel("run ± 2 s.e.")
        axes.flat[-1].set_axis_off()
        handles, names = key(axes.flat[0])
        size = {"fontsize": 5.5, "labelspacing": 0.3} if len(names) > 10 else {}
        axes.flat[-1].legend(handles, names, loc="center left", **size)
    return canvas
