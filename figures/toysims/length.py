"""Length under sharpening: existence threshold, ways to weigh length on a tree, the empty response, and loops."""

import numpy as np

from figures.style import COLOURS, PAGE, figure

_STYLE = {"geometric": ("-", "o"), "Markov": ("--", "s")}


def finding(table) -> str:
    """How near the length limit training ends below the threshold, and how near theory above it."""
    trained = table[(table["part"] == "markov") & (table["multiple"] != 1)]
    below, above = trained[trained["multiple"] < 1], trained[trained["multiple"] > 1]
    full = int((below["simulated"] > 0.9 * below["limit"]).sum())
    said = (
        f"Below its threshold of α length runs into the limit: {full} of {len(below)} trained policies fill 90 % of it"
    )
    if above.empty:
        return said
    own = above[above["limit"] == above["limit"].max()]
    worst = (own["simulated"] / own["predicted"] - 1).abs().max()
    return f"{said}. Above it theory tells length to {worst:.1%}"


def draw_threshold(ax, table) -> None:
    """Mean length against α/α_c: theory as lines, policies trained under two length limits as marks."""
    colour = COLOURS["tempered"]
    trained = table[table["part"] == "markov"]
    for name, rows in table[table["part"] == "curve"].groupby("policy", sort=False):
        line, marker = _STYLE[name]
        ax.plot(rows["multiple"], rows["predicted"], line, color=colour, label=f"{name}, theory")
        for cap, points in trained[trained["policy"] == name].groupby("limit"):
            hollow = {"markerfacecolor": "none", "markersize": 7} if cap > trained["limit"].min() else {}
            label = f"{name}, limit {cap:.0f}"
            ax.plot(points["multiple"], points["simulated"], marker, color=colour, label=label, **hollow)
    for cap in trained["limit"].unique():
        ax.plot([0.45, 1], [cap, cap], ":", color="0.6", linewidth=0.8)
    ax.axvline(1, color=COLOURS["base"], linewidth=0.8)
    where = {"xycoords": ("data", "axes fraction"), "ha": "right", "va": "bottom", "fontsize": 6.5}
    ax.annotate("no target: length\nruns into the limit", (0.95, 0.03), **where)
    ax.set(xscale="log", yscale="log", xlabel="power α over its threshold α$_c$", ylabel="mean length / tokens")
    ax.set_xticks([0.5, 1, 2, 4], ["0.5", "1", "2", "4"])
    ax.minorticks_off()
    ax.legend(loc="upper right")


def draw_weighings(ax, means, base: float) -> None:
    """Mean length of the tree under each trainer: theory as a bar across, the trained policy as a dot."""
    y = np.arange(len(means))[::-1]
    ax.plot(means["predicted"], y, "|", color=COLOURS["base"], markersize=12, label="theory")
    ax.plot(means["simulated"], y, "o", color=COLOURS["tempered"], label="trained")
    ax.axvline(base, color=COLOURS["base"], linestyle=":", linewidth=0.8, label="base model")
    ax.set(yticks=y, yticklabels=means.index, xlabel="mean length of the tree / tokens", ylim=(-0.6, len(means) - 0.4))
    ax.margins(x=0.15)
    ax.legend(loc="upper center", bbox_to_anchor=(0.4, -0.2), ncols=3, columnspacing=1)


def draw_empty(ax, rows) -> None:
    """Chance of the empty response after sharpening, against its lead over the likeliest other one."""
    for name, points in rows.groupby("policy", sort=False):
        ax.plot(points["x"], points["simulated"], _STYLE[name][1], color=COLOURS["sharpening"], label=name, alpha=0.7)
    ax.plot(
        points["x"], points["predicted"], "-", color=COLOURS["base"], linewidth=0.8, drawstyle="steps-mid", zorder=0
    )
    ax.set(xlabel="lead of the empty\nresponse / nats", ylabel="chance of it, trained", ylim=(-0.08, 1.08))
    ax.legend(loc="center right")


def draw_loop(ax, rows) -> None:
    """Mean log-probability a token of the policy that is paid it, less its supremum, against the length limit."""
    for name, points in rows.groupby("policy", sort=False):
        gap = points["simulated"] - points["predicted"]
        ax.plot(points["x"], gap, _STYLE[name][1], color=COLOURS["sharpening"], label=name, alpha=0.7)
    ax.axhline(0, color=COLOURS["base"], linewidth=0.8, linestyle=":")
    ticks = sorted(rows["x"].unique())
    ax.set(xscale="log", xlabel="length limit / tokens", ylabel="mean log p / token,\nless supremum / nats")
    ax.set_xticks(ticks, [f"{tick:.0f}" for tick in ticks])
    ax.minorticks_off()


def length_figure(table):
    """All panels, from the table of toysims.length."""
    means = table[table["part"] == "mean"].set_index("policy")
    with figure(PAGE, 5.4, finding(table), nrows=2, ncols=2, height_ratios=(1.5, 1)) as (canvas, axes):
        draw_threshold(axes[0, 0], table)
        draw_weighings(axes[0, 1], means, means["base"].iloc[0])
        draw_empty(axes[1, 0], table[table["part"] == "empty"])
        draw_loop(axes[1, 1], table[table["part"] == "loop"])
    return canvas
