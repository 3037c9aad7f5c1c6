"""Majority vote as a reward: two basins, the chance of luck, and answers against responses."""

from figures.style import COLOURS, MARKERS, PAGE, figure, key

# The vote is self-training on one's own majority; answers and responses are two ways to sharpen.
_LOOKS = {
    "vote": (COLOURS["tilted"], MARKERS["tilted"]),
    "sharpening of answers": (COLOURS["tempered"], MARKERS["tempered"]),
    "sharpening of responses": (COLOURS["sharpening"], MARKERS["sharpening"]),
}
_SHADES = {1: "#7E72FE", 3: "#0072B2", 31: "#332B92"}
TITLE = "A majority vote as reward pulls to whichever answer leads: two basins, and luck decides between them"


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
    with figure(PAGE, 3.0, TITLE, ncols=3, width_ratios=(1.3, 1, 1)) as (canvas, axes):
        draw_paths(axes[0], table[(table["part"] == "path") & (table["start"].abs() <= 1)])
        draw_luck(axes[1], table[table["part"] == "luck"])
        draw_answers(axes[2], table[table["part"] == "answers"])
        canvas.legend(*key(axes[2]), loc="outside lower right", ncols=3, columnspacing=0.8)
    return canvas
