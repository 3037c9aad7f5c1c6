"""The noise of sampled gradients: against the length of responses, the group size, and the distance to the optimum."""

from figures.style import COLOURS, MARKERS, figure


def draw_lengths(ax, rows) -> None:
    """Return variance and signal-to-noise against tokens: theory as lines, samples as marks."""
    for name, points in rows.groupby("policy", sort=False):
        colour, marker = COLOURS[name], MARKERS[name]
        ax.plot(points["x"], points["variance of the return theory"], color=colour)
        label = f"{name}: variance of the return"
        ax.plot(points["x"], points["variance of the return"], marker, color=colour, label=label)
        ax.plot(points["x"], points["ratio theory"], "--", color=colour)
        label = f"{name}: signal-to-noise"
        ax.plot(points["x"], points["ratio"], marker, color=colour, markerfacecolor="white", label=label)
    ax.set(xscale="log", yscale="log", xlabel="tokens of a response", ylabel="variance / nats²; ratio")
    ax.set_xticks(rows["x"].unique(), [f"{n:.0f}" for n in rows["x"].unique()])
    ax.minorticks_off()
    ax.legend()


def draw_groups(ax, rows) -> None:
    """Noise tr Cov of the gradient against the group size."""
    for name, points in rows.groupby("policy", sort=False):
        ax.plot(points["x"], points["noise theory"], color=COLOURS[name])
        ax.plot(points["x"], points["noise"], MARKERS[name], color=COLOURS[name])
    ax.set(xscale="log", yscale="log", xlabel="group size G", ylabel="noise tr Cov")
    ax.set_xticks(rows["x"].unique(), [f"{n:.0f}" for n in rows["x"].unique()])
    ax.minorticks_off()


def draw_way(ax, rows) -> None:
    """Variance of the return while a policy with an entropy term approaches its optimum."""
    colour = COLOURS["tempered"]
    ax.plot(rows["x"], rows["variance of the return theory"], color=colour)
    ax.plot(rows["x"], rows["variance of the return"], MARKERS["tempered"], color=colour)
    ax.set(yscale="log", xlabel="step towards p$^α$", ylabel="variance / nats²")


def noise_figure(table):
    """All panels, from the table of toysims.noise."""
    with figure(height=4.4, nrows=2, height_ratios=(1.5, 1)) as (canvas, (top, bottom)):
        grid = bottom.get_subplotspec().subgridspec(1, 2)
        bottom.remove()
        draw_lengths(top, table[table["part"] == "length"])
        draw_groups(canvas.add_subplot(grid[0]), table[table["part"] == "group"])
        draw_way(canvas.add_subplot(grid[1]), table[table["part"] == "way"])
    return canvas
