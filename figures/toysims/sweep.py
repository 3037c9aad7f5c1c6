"""A grid of (alpha, beta) over many policies, as two maps."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from figures.plane import shades
from figures.style import PAGE, figure


def sweep_figure(
    alphas: Sequence[float],
    betas: Sequence[float],
    accuracy: Float[np.ndarray, "alphas betas"],
    share: Float[np.ndarray, "alphas betas"],
):
    """Mean accuracy of the policies in each cell, and the share of them that end above their base model."""
    with figure(PAGE, 2.6, finding(alphas, betas, share), ncols=2) as (canvas, axes):
        draw_cells(axes[0], alphas, betas, accuracy, "mean accuracy")
        draw_cells(axes[1], alphas, betas, share, "share of policies above their base")
    return canvas


def finding(alphas: Sequence[float], betas: Sequence[float], share: Float[np.ndarray, "alphas betas"]) -> str:
    """How many policies gain at the most sharpening, with the weakest and the strongest task reward of the grid."""
    sharpest, weak, strong = int(np.argmax(alphas)), int(np.argmax(betas)), int(np.argmin(betas))
    return (
        f"At α = {alphas[sharpest]:g} {share[sharpest, weak]:.0%} of the policies end above their base with "
        f"β = {betas[weak]:g}, {share[sharpest, strong]:.0%} with β = {betas[strong]:g}"
    )


def draw_cells(
    ax, alphas: Sequence[float], betas: Sequence[float], cells: Float[np.ndarray, "alphas betas"], title: str
) -> None:
    from matplotlib.colors import ListedColormap

    ax.imshow(cells.T, vmin=0, vmax=1, cmap=ListedColormap(shades(256)), aspect="auto", origin="lower")
    for (column, row), value in np.ndenumerate(cells):
        # The greys of accuracy are dark enough for white below 0.4.
        ax.text(column, row, f"{value:.2f}", ha="center", va="center", color="white" if value < 0.4 else "black")
    ax.set(title=title, xlabel="sharpening: power α", ylabel="KL weight β")
    ax.set_xticks(range(len(alphas)), [f"{alpha:g}" for alpha in alphas])
    ax.set_yticks(range(len(betas)), [f"{beta:g}" for beta in betas])
    for side in ax.spines.values():
        side.set_visible(False)
    ax.tick_params(length=0)
