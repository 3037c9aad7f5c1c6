"""pass@k and maj@k of the tables that llm.evaluate judged, with their intervals over prompts."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from figures.llm.arms import Look
from figures.style import PAGE, figure, key

TITLES = {"pass@": "pass@k: any of k samples is correct", "maj@": "maj@k: a vote of k samples is correct"}


def draw_at_k(ax, kind: str, quantities: Mapping[str, Mapping[str, float]], name: str, look: Look) -> None:
    """One table's pass@k or maj@k with its interval over prompts."""
    ks = sorted(int(quantity.removeprefix(kind)) for quantity in quantities if quantity.startswith(kind))
    numbers = [quantities[f"{kind}{k}"] for k in ks]
    ax.plot(ks, [n["value"] for n in numbers], marker=look.marker, color=look.colour, lw=1, label=name)
    low, high = (np.array([n[end] for n in numbers], dtype=float) for end in ("low", "high"))  # null is nan
    ax.fill_between(ks, low, high, color=look.colour, alpha=0.15, lw=0)
    ax.set(xscale="log", xlabel="k", title=TITLES[kind])
    ax.set_xticks(ks, [str(k) for k in ks])
    ax.minorticks_off()


def evaluation_figure(tables: Mapping[str, Mapping[str, Any]], looks: Mapping[str, Look]):
    """A line a table, in the look of its arm; a table of no arm has a colour that keeps it from the others."""
    from matplotlib import colormaps

    with figure(PAGE, 2.8 + 0.15 * len(tables), ncols=2, sharey=True) as (canvas, axes):
        shared = os.path.commonpath([name.rpartition("/")[0] for name in tables]) if len(tables) > 1 else ""
        for place, (name, quantities) in enumerate(tables.items()):
            spare = Look(colormaps["cividis"](place / max(1, len(tables) - 1) * 0.9)[:3], "o")
            for ax, kind in zip(axes, TITLES, strict=True):
                draw_at_k(ax, kind, quantities, name.removeprefix(shared).strip("/"), looks.get(name, spare))
        axes[0].set_ylabel("share of prompts")
        canvas.legend(*key(axes[0]), loc="outside lower center", ncols=1)
    return canvas
