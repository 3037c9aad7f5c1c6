"""Trainers and their fixed points: the saddle-node of GRPO and its square root, a finite group, the two-cycle."""

from figures.style import COLOURS, PAGE, figure, key

_COLOUR = COLOURS["tempered"]


def finding(table) -> str:
    """On which side of the critical KL weight training from p lost its end."""
    trained = table[table["part"] == "trained"]
    lost = trained["collapsed"].astype(bool)
    sides = [lost[trained["x"] < 1], lost[trained["x"] > 1]]
    below, above = (f"{int(side.sum())} of {len(side)}" for side in sides)
    return f"Advantages divided by their spread: training collapsed at {below} KL weights below β_c, {above} above"


def draw_saddle_node(ax, table) -> None:
    """α against β/β_c: branches from theory; where training ended, and where it turned to running away."""
    theory, trained = table[table["part"] == "theory"], table[table["part"] == "trained"]
    collapsed = trained["collapsed"].astype(bool)
    ended, lost = trained[~collapsed], trained[collapsed]
    ax.plot(theory["x"], theory["stable"], color=_COLOUR, label="stable branch, theory")
    ax.plot(theory["x"], theory["unstable"], "--", color=_COLOUR, label="unstable branch, theory")
    ax.plot(ended["x"], ended["stable"], "o", color=_COLOUR, label="trained from p: end")
    ax.plot(ended["x"], ended["unstable"], "o", color=_COLOUR, markerfacecolor="white", label="trained: edge of basin")
    top = 1.25 * theory["unstable"].max()
    ax.plot(lost["x"], [top] * len(lost), "x", color=COLOURS["sharpening"], label="trained from p: mode only")
    ax.axvline(1, color=COLOURS["base"], linewidth=0.8)
    ax.set(xlabel="KL weight β / β$_c$", ylabel="power α of GRPO", yscale="log", ylim=(1, 1.3 * top))
    ax.set_yticks([1, 2, 5, 10], ["1", "2", "5", "10"])
    ax.minorticks_off()


def draw_group_bias(ax, points) -> None:
    """Mean log p at the end of sampled GRPO against 1/G, with four standard errors, and the limit of theory."""
    ax.errorbar(points["x"], points["mean_log_p"], yerr=4 * points["error"], fmt="o", color=_COLOUR, label="group of G")
    ax.plot(0, points["theory"].iloc[0], "D", color=COLOURS["base"], markerfacecolor="white", label="theory, G → ∞")
    ax.set(xlabel="1/G", ylabel="mean log p / nats", xlim=(-0.0015, None))
    ax.margins(y=0.15)
    ax.legend(loc="best")


def draw_two_cycle(ax, points, last: int = 40) -> None:
    """The distance to the optimum at the last steps, in units of the step size."""
    tail = points.iloc[-last:]
    ax.plot(tail["x"], tail["amplitude"] / tail["step_size"], ".-", color=_COLOUR, linewidth=0.5)
    ax.axhline(1, color=COLOURS["base"], linewidth=0.8, linestyle=":")
    ax.set(xlabel="step", ylabel="distance / η", ylim=(0, None))


def draw_square_root(ax, points, column: str, label: str, exponent: float) -> None:
    """What grows or shrinks as |β - β_c|^exponent, on logarithmic axes; the line has that slope."""
    x, y = points["x"], points[column]
    ax.plot(x, y.iloc[0] * (x / x.iloc[0]) ** exponent, color=COLOURS["base"], linewidth=0.8)
    ax.plot(x, y, "o", color=_COLOUR)
    ax.set(xscale="log", yscale="log", xlabel="|β/β$_c$ - 1|", ylabel=label)


def trainers_figure(table):
    """All panels, from the table of toysims.trainers."""
    with figure(PAGE, 5.0, finding(table)) as (canvas, whole):
        grid = whole.get_subplotspec().subgridspec(2, 3)
        whole.remove()
        node = canvas.add_subplot(grid[0, :2])
        draw_saddle_node(node, table)
        near = table[table["part"] == "square root"]
        draw_square_root(canvas.add_subplot(grid[0, 2]), near, "gap", "gap of branches", 0.5)
        draw_square_root(canvas.add_subplot(grid[1, 2]), near, "steps", "steps to collapse", -0.5)
        draw_group_bias(canvas.add_subplot(grid[1, 0]), table[table["part"] == "group"])
        draw_two_cycle(canvas.add_subplot(grid[1, 1]), table[table["part"] == "two-cycle"])
        canvas.legend(*key(node), loc="outside lower center", ncols=3)
    return canvas
