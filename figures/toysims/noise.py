"""The noise of sampled gradients: against the length of responses, the group size, and the distance to the optimum."""

from figures.style import COLOURS, MARKERS, PAGE, figure, key

LENGTHS = {"variance of the return": "variance of the return / nats²", "ratio": "signal-to-noise ratio"}


def finding(table) -> str:
    """What longer responses make of the noise and the signal of sharpening."""
    own = table[(table["part"] == "length") & (table["policy"] == "sharpening")].sort_values("x")
    if own.empty:
        return ""
    first, last = own.iloc[0], own.iloc[-1]
    noisier, clearer = (last[name] / first[name] for name in LENGTHS)
    return (
        f"From {first['x']:.0f} to {last['x']:.0f} tokens the variance of sharpening's return is multiplied by "
        f"{noisier:.2g}, its signal-to-noise ratio by {clearer:.2g}"
    )


def draw_lengths(ax, rows, quantity: str) -> None:
    """The variance of the return, or the signal-to-noise ratio, against tokens: theory as lines, samples as marks."""
    for name, points in rows.groupby("policy", sort=False):
        colour, marker = COLOURS[name], MARKERS[name]
        ax.plot(points["x"], points[f"{quantity} theory"], color=colour)
        ax.plot(points["x"], points[quantity], marker, color=colour, label=name)
    ax.set(xscale="log", yscale="log", xlabel="tokens of a response")
    ax.set_xticks(rows["x"].unique(), [f"{n:.0f}" for n in rows["x"].unique()])
    ax.minorticks_off()


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
    lengths = table[table["part"] == "length"]
    with figure(PAGE, 4.4, finding(table), nrows=2, ncols=2) as (canvas, axes):
        for ax, (quantity, label) in zip(axes[0], LENGTHS.items(), strict=True):
            draw_lengths(ax, lengths, quantity)
            ax.set_ylabel(label)
        draw_groups(axes[1, 0], table[table["part"] == "group"])
        draw_way(axes[1, 1], table[table["part"] == "way"])
        canvas.legend(*key(axes[0, 0]), loc="outside lower center", ncols=4)
    return canvas
