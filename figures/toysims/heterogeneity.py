"""Many prompts: pass@k up and down at once, maj@k, and accuracy at an equal distance from the base model."""

from figures.style import COLOURS, MARKERS, PAGE, figure


def finding(table) -> str:
    """What each policy changes of pass@k at the smallest and at the largest k, in points."""
    found = table[table["part"] == "pass"].pivot(index="x", columns="policy", values="simulated").sort_index()
    if "base" not in found:
        return ""
    gains = 100 * found.drop(columns="base").sub(found["base"], axis=0).iloc[[0, -1]]
    said = (f"{name} {first:+.1f} and {last:+.1f}" for name, (first, last) in gains.items())
    return f"pass@{found.index[0]:g} and pass@{found.index[-1]:g}, points to the base model: {', '.join(said)}"


def draw_curves(ax, rows, label: str) -> None:
    """pass@k or maj@k of each policy: theory as lines, estimates from samples as marks with four standard errors."""
    for name, points in rows.groupby("policy", sort=False):
        ax.plot(points["x"], points["predicted"], color=COLOURS[name])
        bars = {"yerr": 4 * points["error"], "fmt": MARKERS[name], "color": COLOURS[name], "capsize": 1.5}
        ax.errorbar(points["x"], points["simulated"], label=name, elinewidth=0.8, **bars)
    ax.set(xscale="log", xlabel="k", ylabel=label)
    ax.set_xticks(rows["x"].unique(), [f"{k:.0f}" for k in rows["x"].unique()])
    ax.minorticks_off()


def draw_budget(ax, rows) -> None:
    """Accuracy against KL from the base for one prompt: theory as lines, the flow as marks."""
    for name, points in rows.groupby("policy", sort=False):
        ax.plot(points["x"], points["predicted"], color=COLOURS[name])
        ax.plot(points["x"], points["simulated"], MARKERS[name], color=COLOURS[name], label=name)
    ax.axhline(rows["base"].iloc[0], color=COLOURS["base"], linestyle=":", linewidth=0.8)
    ax.set_title(f"Corr(r, log p) = {rows['correlation'].iloc[0]:.2f}")
    ax.set(xlabel="KL from the base / nats", ylabel="accuracy", ylim=(-0.03, 1.03))


def heterogeneity_figure(table):
    """All panels, from the table of toysims.heterogeneity."""
    with figure(PAGE, 4.6, finding(table), nrows=2, height_ratios=(1.3, 1)) as (canvas, (top, bottom)):
        above = top.get_subplotspec().subgridspec(1, 2, width_ratios=(1.7, 1))
        below = bottom.get_subplotspec().subgridspec(1, 2)
        top.remove()
        bottom.remove()
        ax = canvas.add_subplot(above[0])
        draw_curves(ax, table[table["part"] == "pass"], "pass@k")
        crossing = table.loc[table["part"] == "crossover", "x"].iloc[0]
        ax.axvline(crossing, color=COLOURS["base"], linestyle=":", linewidth=0.8)
        ax.legend(loc="lower right")
        draw_curves(canvas.add_subplot(above[1]), table[table["part"] == "majority"], "maj@k")
        for cell, (_, rows) in zip(below, table[table["part"] == "budget"].groupby("prompt", sort=False), strict=True):
            ax = canvas.add_subplot(cell)
            draw_budget(ax, rows)
        ax.legend(loc="center right")
    return canvas
