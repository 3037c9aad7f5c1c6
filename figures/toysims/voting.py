"""Majority vote as a reward: two basins, the chance of luck, and answers against responses."""

from figures.style import COLOURS, figure

# The vote is self-training on one's own majority; answers and responses are two ways to sharpen.
_LOOKS = {
    "vote": (COLOURS["self-sharpening"], "o"),
    "sharpening of answers": (COLOURS["tempered"], "s"),
    "sharpening of responses": (COLOURS["sharpening"], ">"),
}
_SHADES = {1: "#9ecae1", 3: "#56B4E9", 31: "#08519c"}


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
    with figure(height=4.6, nrows=2, height_ratios=(1.2, 1)) as (canvas, (top, bottom)):
        grid = bottom.get_subplotspec().subgridspec(1, 2)
        bottom.remove()
        draw_paths(top, table[(table["part"] == "path") & (table["start"].abs() <= 1)])
        draw_luck(canvas.add_subplot(grid[0]), table[table["part"] == "luck"])
        right = canvas.add_subplot(grid[1])
        draw_answers(right, table[table["part"] == "answers"])
        canvas.legend(*right.get_legend_handles_labels(), loc="outside lower right", ncols=3, columnspacing=0.8)
    return canvas
