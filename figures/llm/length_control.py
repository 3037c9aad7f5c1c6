"""Sharpening with and without its pull on length: accuracy against length where the runs ended.    [T17, T18, T20]"""

from collections.abc import Mapping

from figures.llm.arms import Look
from figures.llm.frontier import draw_ends
from figures.study.runs import LENGTH_CONTROLLED
from figures.style import figure, key

BESIDE = ("tempered", "sharpening", "task", "tilted")  # what the length-controlled arms are compared with


def length_control_figure(results, families: Mapping[str, str], looks: Mapping[str, Look]):
    """The length-controlled arms, plain sharpening, the base model and the reward arms."""
    shown = [arm for arm, family in families.items() if family in (LENGTH_CONTROLLED, *BESIDE)]
    with figure(height=4.0) as (canvas, ax):
        draw_ends(ax, results[results["arm"].isin(shown)], looks, across="length")
        ax.set(xlabel="length / tokens", ylabel="accuracy")
        canvas.legend(*key(ax), loc="outside lower center", ncols=2)
    return canvas
