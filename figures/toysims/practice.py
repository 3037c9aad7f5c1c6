"""Training as it is: finite groups, faulty verifiers, a response that falls and comes back, another sampler."""

from figures.style import COLOURS, PAGE, figure

_GROUPS = {0.3: "#D55E00", 0.5: "#E69F00", 0.7: "#CC79A7", 1.2: "#0072B2", 2.0: "#009E73"}  # by multiple of β_c
_VERIFIERS = {"good": "#009E73", "noisy": "#0072B2", "lenient": "#E69F00", "misled": "#D55E00"}
_GRADIENTS = {"natural gradient": COLOURS["tilted"], "plain gradient": COLOURS["sharpening"]}


def draw_groups(ax, table) -> None:
    """Mean log p at the end of GRPO against G: theory as lines, training as marks with four standard errors."""
    for multiple, cells in table.groupby("multiple"):
        colour, label = _GROUPS.get(multiple, "0.5"), f"{multiple:g} β$_c$"
        ax.plot(cells["x"], cells["theory"], color=colour)
        ax.errorbar(cells["x"], cells["mean_log_p"], yerr=4 * cells["error"], fmt="o", color=colour, label=label)
    ax.axhline(table["mode"].iloc[0], color=COLOURS["base"], linewidth=0.8, linestyle=":")
    ax.set(xlabel="samples a group, G", ylabel="mean log p at the end / nats", xscale="log")
    ax.set_xticks(sorted(set(table["x"])), [f"{x:g}" for x in sorted(set(table["x"]))])
    ax.minorticks_off()
    short = int((table["mean_log_p"] + 4 * table["error"] < table["mode"]).sum())
    ax.set_title(f"GRPO ends short of the mode (dotted): {short} of {len(table)}", loc="left")
    low, high = table["theory"].min(), table["mode"].iloc[0]
    ax.set_ylim(bottom=low - 0.4 * (high - low))  # room for the legend
    ax.legend(title="KL weight", ncols=3, columnspacing=0.8, loc="lower left")


def draw_verifiers(ax, table) -> None:
    """Accuracy against b for verifiers that err: theory as lines, training as marks."""
    for name, cells in table.groupby("policy", sort=False):
        ax.plot(cells["x"], cells["theory"], color=_VERIFIERS.get(name, "0.5"))
        ax.plot(cells["x"], cells["accuracy"], "o", color=_VERIFIERS.get(name, "0.5"), label=name)
    ax.set(xlabel="reward weight b = 1/β", ylabel="accuracy", ylim=(0, 1))
    ax.set_title("What a verifier that errs makes of .3", loc="left")
    ax.legend(title="verifier", loc="upper left", ncols=2, columnspacing=0.8)


def draw_way(ax, table) -> None:
    """log π of one response on its way, and the lower of its two ends, by either gradient."""
    for name, path in table[table["x"] > 0].groupby("policy", sort=False):
        ax.plot(path["x"], path["log_pi"], color=_GRADIENTS[name], label=name)
    ax.axhline(table["theory"].iloc[0], color=COLOURS["base"], linewidth=0.8, linestyle=":")
    ax.set(xlabel="time", ylabel="log π of a response / nats", xscale="log")
    ax.set_title("Lower than both ends (dotted), and back", loc="left")
    ax.legend(loc="lower left")


def draw_sampler(ax, table) -> None:
    """Mean reward at the end with another sampler and shared parameters, by the level where weights are cut off."""
    level = [f"{x:g}" if 0 < x < float("inf") else ("none" if x == 0 else "∞") for x in table["x"]]
    place = range(len(table))
    ax.plot(place, table["theory"], "-", color=COLOURS["tilted"], label="theory")
    ax.errorbar(place, table["mean_reward"], yerr=4 * table["error"], fmt="o", color=COLOURS["tilted"], label="trained")
    ax.axhline(table["unbiased"].iloc[0], color=COLOURS["base"], linewidth=0.8, linestyle=":")
    ax.set_xticks(list(place), level)
    ax.set(xlabel="importance weights up to", ylabel="mean reward at the end")
    ax.set_title("Another sampler, shared parameters", loc="left")
    ax.legend(loc="best")


def practice_figure(table):
    """All panels, from the table of toysims.practice."""
    panels = {"group": draw_groups, "verifier": draw_verifiers, "way": draw_way, "sampler": draw_sampler}
    with figure(width=PAGE, height=4.8, nrows=2, ncols=2) as (canvas, axes):
        for ax, (part, draw) in zip(axes.flat, panels.items(), strict=True):
            draw(ax, table[table["part"] == part])
    return canvas
