"""Low temperature against the power of sequences at a pivotal choice, and the bias of a look-ahead from rollouts."""

from figures.palette import ARMS
from figures.style import COLOURS, MARKERS, PAGE, figure

_LOOKS = {"power": (COLOURS["tempered"], MARKERS["tempered"]), "low temperature": ARMS["low-temperature-2"]}
_LABELS = {"power": "p$^α$ (sequence returns)", "low temperature": "low temperature (token returns)"}


def finding(table) -> str:
    """How often each policy takes the narrow way at the largest power that was trained."""
    pivot = table[table["part"] == "pivot"]
    last = pivot[pivot["x"] == pivot["x"].max()].set_index("policy")["simulated"]
    low, power, same = last["low temperature"], last["power"], abs(last["low temperature"] - last["power"]) < 0.005
    return (
        f"Low temperature is {'here' if same else 'not'} p^α: at a pivotal choice, α = {pivot['x'].max():g}, it takes "
        f"the narrow way {low:.0%} of the time, p^α {power:.0%}"
    )


def draw_pivot(ax, rows) -> None:
    """Chance of the narrow way at a pivotal choice: theory as lines, trained policies as marks."""
    for name, points in rows.groupby("policy", sort=False):
        colour, marker = _LOOKS[name]
        ax.plot(points["x"], points["predicted"], color=colour)
        ax.plot(points["x"], points["simulated"], marker, color=colour, label=_LABELS[name])
    ax.set(xlabel="power α", ylabel="chance of the narrow way", ylim=(0, 1))
    ax.legend(loc="center right")


def draw_bias(ax, rows) -> None:
    """|bias| of an estimated probability under p^α against the rollouts a token, with four standard errors."""
    for (name, points), marker, face in zip(rows.groupby("policy", sort=False), "so", (None, "white"), strict=True):
        size = points["simulated"].abs()
        ax.errorbar(
            points["x"],
            size,
            yerr=4 * points["error"],
            fmt=marker,
            color=COLOURS["tempered"],
            markerfacecolor=face,
            label=name,
            capsize=2,
        )
    plain = rows[rows["policy"] == "plain"]
    ax.plot(plain["x"], plain["predicted"].abs(), color=COLOURS["base"], linewidth=0.8, label="theory, order 1/M")
    ax.set(xscale="log", yscale="log", xlabel="rollouts M a token", ylabel="|bias| of a probability")
    ax.set_xticks(plain["x"], [f"{m:.0f}" for m in plain["x"]])
    ax.minorticks_off()
    ax.legend()


def tokens_figure(table):
    """Both panels, from the table of toysims.tokens."""
    with figure(PAGE, 2.8, finding(table), ncols=2) as (canvas, (top, bottom)):
        draw_pivot(top, table[table["part"] == "pivot"])
        draw_bias(bottom, table[table["part"] == "bias"])
    return canvas
