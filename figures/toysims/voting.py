"""Majority vote as a reward: two basins, the chance of luck, and answers against responses."""

from figures.style import COLOURS, MARKERS, PAGE, figure, key

# The vote is self-training on one's own majority; answers and responses are two ways to sharpen.
_LOOKS = {
    "vote": (COLOURS["tilted"], MARKERS["tilted"]),
    "sharpening of answers": (COLOURS["tempered"], MARKERS["tempered"]),
    "sharpening of responses": (COLOURS["sharpening"], MARKERS["sharpening"]),
}
_SHADES = {1: "#7E72FE", 3: "#0072B2", 31: "#332B92"}


def finding(table) -> str:
    """How many leads grew under the vote, and how often luck overturns one."""
    paths = table[(table["part"] == "path") & (table["start"] != 0)].sort_values("x")
    last = paths.groupby(["votes", "start"])["simulated"].last()
    grew = (last / last.index.get_level_values("start") > 1).sum()
    said = f"A vote pays the answer that leads: {grew} of {len(last)} leads grew"
    luck = table[(table["part"] == "luck") & (table["x"] > 0)].sort_values(["votes", "x"])
    if luck.empty:
        return said
    first = luck.iloc[0]
    many = f"{first['votes']:.0f} vote{'s' * bool(first['votes'] > 1)}"
    return f"{said}. With {many} a round a lead of {first['x']:g} in log-odds wins {first['simulated']:.0%} of runs"


def draw_paths(ax, rows) -> None:
    """Log-odds of one of two answers by round: theory as lines, the mean over runs as marks."""
    for votes, colour in _SHADES.items():
        for start, path in rows[rows["votes"] == votes].groupby("start"):
            ax.plot(path["x"], path["predicted"], color=colour, linewidth=0.9)
            seen = path.iloc[::5]
            label = f"{votes} vote{'s' * (votes > 1)}" if start == 1 else None
            ax.plot(seen["x"], seen["simulated"], "o", color=colour, markersize=2.5, label=label)
    ax.axhline(0, color=COLOURS["base"], linestyle=":", linewidth=0.8)
    ax.set(xlabel="round", ylabel="log-odds of an answer")
    ax.locator_params(axis="x", integer=True, nbins=7)
    ax.legend(loc="upper left")


def draw_luck(ax, rows) -> None:
    """Chance that an answer wins when every round is decided by one vote."""
    for votes, points in rows.groupby("votes"):
        ax.plot(points["x"], points["predicted"], color=_SHADES[votes], linewidth=0.9)
        ax.plot(points["x"], points["simulated"], "o", color=_SHADES[votes])
    ax.set(xlabel="log-odds at the start", ylabel="chance to win by one vote", ylim=(-0.03, 1.03))


def draw_answers(ax, rows) -> None:
    """Log-odds of the correct answer under a vote and under two kinds of sharpening."""
    for name, points in rows.groupby("policy", sort=False):
        colour, marker = _LOOKS[name]
        ax.plot(points["x"], points["predicted"], color=colour)
        seen = points.iloc[::5]
        ax.plot(seen["x"], seen["simulated"], marker, color=colour, label=name)
    ax.axhline(0, color=COLOURS["base"], linestyle=":", linewidth=0.8)
    ax.set(xlabel="round", ylabel="log-odds, correct answer")
    ax.locator_params(axis="x", integer=True, nbins=4)


def voting_figure(table):
    """All panels, from the table of toysims.voting."""
    with figure(PAGE, 3.0, finding(table), ncols=3, width_ratios=(1.3, 1, 1)) as (canvas, axes):
        draw_paths(axes[0], table[(table["part"] == "path") & (table["start"].abs() <= 1)])
        draw_luck(axes[1], table[table["part"] == "luck"])
        draw_answers(axes[2], table[table["part"] == "answers"])
        canvas.legend(*key(axes[2]), loc="outside lower right", ncols=3, columnspacing=0.8)
    return canvas
