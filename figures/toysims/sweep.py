"""A grid of (alpha, beta) over many policies, as two maps."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float


def draw_sweep(ax, alphas: Sequence[float], betas: Sequence[float], accuracy: Float[np.ndarray, "alphas betas"]):
    """Mean accuracy of the policies in each cell."""
    _draw(ax, alphas, betas, accuracy, "mean accuracy")


def draw_share(ax, alphas: Sequence[float], betas: Sequence[float], share: Float[np.ndarray, "alphas betas"]):
    """Share of the policies that end above their base model."""
    _draw(ax, alphas, betas, share, "share of policies above their base")


def _draw(ax, alphas, betas, cells, title):
    ax.imshow(cells.T, vmin=0, vmax=1, cmap="cividis", aspect="auto", origin="lower")
    for (column, row), value in np.ndenumerate(cells):
        # cividis is dark below a half, light above it.
        ax.text(column, row, f"{value:.2f}", ha="center", va="center", color="white" if value < 0.5 else "black")
    ax.set(title=title, xlabel="sharpening: power α", ylabel="KL weight β")
    ax.set_xticks(range(len(alphas)), [f"{alpha:g}" for alpha in alphas])
    ax.set_yticks(range(len(betas)), [f"{beta:g}" for beta in betas])
    for side in ax.spines.values():
        side.set_visible(False)
    ax.tick_params(length=0)
