"""Training as it is: finite groups, faulty verifiers, a response that falls and comes back, another sampler."""

from figures.palette import ARMS, Sign
from figures.style import COLOURS, PAGE, figure

# KL weights by multiple of β_c: warm below it, cold above.
_BELOW_AND_ABOVE = ("tempered-1.25", "tempered-2", "sharpening", "tilted-2", "tilted-1")
_GROUPS = dict(zip((0.3, 0.5, 0.7, 1.2, 2.0), (ARMS[arm] for arm in _BELOW_AND_ABOVE), strict=True))
_VERIFIERS = {
    "good": ARMS["tilted-1"],
    "noisy": ARMS["tilted-2"],
    "lenient": ARMS["tempered-1.25"],
    "misled": ARMS["sharpening"],
}
_ANOTHER = Sign("#6A6B6A", "o")  # of a multiple or verifier that the table has and these do not
_GRADIENTS = {"natural gradient": COLOURS["tilted"], "plain gradient": COLOURS["sharpening"]}


def finding(table) -> str:
    """How many groups end short of the mode, and where the verifiers lead at their largest reward weight."""
    groups, verifiers = (table[table["part"] == part] for part in ("group", "verifier"))
    ends = verifiers.sort_values("x").groupby("policy")["accuracy"].last().sort_values()
    said = f"GRPO in finite groups ends short of the mode in {_short(groups)} of {len(groups)} runs"
    if ends.empty:
        return said
    worst, best = (f"{ends.iloc[place]:.0%} ({ends.index[place]})" for place in (0, -1))
    return f"{said}. Verifiers that err lead to {worst} to {best}"


def _short(groups) -> int:
    return int((groups["mean_log_p"] + 4 * groups["error"] < groups["mode"]).sum())


def draw_groups(ax, table) -> None:
    """Mean log p at the end of GRPO against G: theory as lines, training as marks with four standard errors."""
    for multiple, cells in table.groupby("multiple"):
        sign, label = _GROUPS.get(multiple, _ANOTHER), f"{multiple:g} β$_c$"
        look = {"color": sign.colour, "marker": sign.marker, "ls": "", "label": label}
        ax.plot(cells["x"], cells["theory"], color=sign.colour)
        ax.errorbar(cells["x"], cells["mean_log_p"], yerr=4 * cells["error"], **look)
    ax.axhline(table["mode"].iloc[0], color=COLOURS["base"], linewidth=0.8, linestyle=":")
    ax.set(xlabel="samples a group, G", ylabel="mean log p at the end / nats", xscale="log")
    ax.set_xticks(sorted(set(table["x"])), [f"{x:g}" for x in sorted(set(table["x"]))])
    ax.minorticks_off()
    ax.set_title("GRPO in groups, and the mode (dotted)", loc="left")
    low, high = table["theory"].min(), table["mode"].iloc[0]
    ax.set_ylim(bottom=low - 0.4 * (high - low))  # room for the legend
    ax.legend(title="KL weight", ncols=3, columnspacing=0.8, loc="lower left")


def draw_verifiers(ax, table) -> None:
    """Accuracy against b for verifiers that err: theory as lines, training as marks."""
    for name, cells in table.groupby("policy", sort=False):
        sign = _VERIFIERS.get(name, _ANOTHER)
        ax.plot(cells["x"], cells["theory"], color=sign.colour)
        ax.plot(cells["x"], cells["accuracy"], ls="", marker=sign.marker, color=sign.colour, label=name)
    ax.set(xlabel="reward weight b = 1/β", ylabel="accuracy", ylim=(0, 1))
    ax.set_title("What a verifier that errs makes of .3", loc="left")
    ax.legend(title="verifier", loc="upper left", ncols=2, columnspacing=0.8)


def draw_way(ax, table) -> None:
    """log π of one response on its way, and the lower of its two ends, by either gradient."""
    for name, path in table[table["x"] > 0].groupby("policy", sort=False):
        ax.plot(path["x"], path["log_pi"], color=_GRADIENTS[name], label=name)
    ax.axhline(table["theory"].iloc[0], color=COLOURS["base"], linewidth=0.8, linestyle=":")
    ax.set(xlabel="time", ylabel="log π of a response / nats", xscale="log")
    ax.set_title("A response on its way, and its lower end (dotted)", loc="left")
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
    with figure(PAGE, 4.8, finding(table), nrows=2, ncols=2) as (canvas, axes):
        for ax, (part, draw) in zip(axes.flat, panels.items(), strict=True):
            draw(ax, table[table["part"] == part])
    return canvas
