"""Samplers of p^alpha: how far their draws are from the exact target, against what they cost."""

from figures.style import PAGE, figure, key

# Okabe and Ito's colours, in the order of the benchmark's curves; a marker each for print in grey.
LOOKS = {
    "low temperature": ("#000000", "*"),
    "best of n": ("#7F7F7F", "v"),
    "power-mh": ("#0072B2", "o"),
    "power-smc": ("#E69F00", "D"),
    "power-smc, ramp 16": ("#D55E00", "s"),
    "power-rollout": ("#009E73", "^"),
}
TARGET = 0.03


def draw_cost(ax, rows, alpha: float) -> None:
    """Total variation beyond the Monte Carlo floor against tokens, both axes as the benchmark reports them."""
    for method, (colour, marker) in LOOKS.items():
        points = [row for row in rows if row["method"] == method and row["alpha"] == alpha]
        if not points:
            continue
        ax.errorbar(
            [row["cost"] for row in points],
            [row["excess"] for row in points],
            yerr=[2 * row["excess_se"] for row in points],
            color=colour,
            marker=marker,
            label=method,
        )
    ax.axhline(TARGET, color="0.6", lw=0.8, ls=":")
    ax.axhline(0, color="0.6", lw=0.8)
    ax.axvline(3, color="0.6", lw=0.8, ls=":")
    ax.set(xscale="log", xlabel="tokens / tokens of plain sampling", title=f"α = {alpha:g}")
    ax.set_yscale("symlog", linthresh=0.03)
    ax.set_yticks([0, 0.01, 0.02, 0.03, 0.1, 0.3], ["0", "0.01", "0.02", "0.03", "0.1", "0.3"])
    ax.set_xticks([0.1, 0.3, 1, 3], ["0.1", "0.3", "1", "3"])
    ax.set(xlim=(0.06, 8), ylim=(-0.02, 0.6))
    ax.minorticks_off()


def samplers_figure(rows):
    """One panel an alpha, from the `error` part of benchmarks/samplers.json."""
    alphas = sorted({row["alpha"] for row in rows})
    with figure(PAGE, 2.9, ncols=len(alphas), sharey=True, squeeze=False) as (canvas, axes):
        for ax, alpha in zip(axes.flat, alphas, strict=True):
            draw_cost(ax, rows, alpha)
        axes[0, 0].set_ylabel("total variation to p$^α$ beyond the floor")
        canvas.legend(*key(*axes.flat), loc="outside upper center", ncols=6)
    return canvas
