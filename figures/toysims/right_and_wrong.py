"""Accuracy against KL where a policy's likeliest response is right, and where it is wrong: the same sharpening."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from figures.llm.arms import looks
from figures.llm.frontier import Panel, frontier_figure
from figures.study.frontier import REWARD, SHARPENING, Curve, End, find

NOTE = (
    "Lines: theory. Marks: where gradient ascent on logits ended, which knows none of it. "
    "The panels differ in two rewards that are exchanged."
)
FAMILIES = ("tilted-tempered", "tilted", "tempered", "task", "sharpening")  # an arm's name begins with its family


def right_and_wrong_figure(cases: Sequence[Mapping[str, Any]]):
    """cases: those of toysims.right_and_wrong, the given policy first. The one with the better top stands left."""
    panels = [_panel(case, given=place == 0) for place, case in enumerate(cases)]
    order = sorted(range(len(cases)), key=lambda place: -cases[place]["top"])
    families = {arm: next(name for name in FAMILIES if arm.startswith(name)) for case in cases for arm in case["ends"]}
    return frontier_figure([panels[place] for place in order], looks(families), finding(cases), NOTE)


def finding(cases: Sequence[Mapping[str, Any]]) -> str:
    """What the two cases say, in one sentence: where sharpening ends in each, and whether a reward is ahead in both.

    >>> line = {"kl": [0, 1], "accuracy": [0.3, 1.0], "at": [0, 1]}
    >>> fall = {"kl": [0, 1], "accuracy": [0.3, 0.0], "at": [1, 2]}
    >>> case = {"base": 0.3, "rewards": [0, 1], "reward": line, "ends": {}}
    >>> finding(  # doctest: +ELLIPSIS
    ...     [case | {"top": 0, "limit": 0.0, "sharpening": fall}, case | {"top": 1, "limit": 1, "sharpening": line}]
    ... )
    'Sharpening ends at 100 % if the likeliest response is right and at 0 % if it is wrong; a task reward is ahead...'
    """
    best, worst = sorted(cases, key=lambda case: -case["top"])
    said = (
        f"Sharpening ends at {100 * best['limit']:.0f} % if the likeliest response {_is(best)} and at "
        f"{100 * worst['limit']:.0f} % if it {_is(worst)}"
    )
    ahead = all(find(_curves(case), case["base"]).reward_ahead for case in cases)
    return said + ("; a task reward is ahead of it at every distance." if ahead else ".")


def _panel(case: Mapping[str, Any], given: bool) -> Panel:
    """The task reward alone has no mark: it ends where the reward's line does."""
    ends = [End(arm, kl, 0.0, accuracy, 0.0, 1) for arm, (kl, accuracy) in case["ends"].items() if arm != "task"]
    which = "this policy" if given else "two rewards exchanged"
    return Panel(f"The likeliest {_is(case)} ({which})", case["base"], _curves(case), ends, {})


def _is(case: Mapping[str, Any]) -> str:
    low, high = case["rewards"]
    if (low, high) == (0, 1) and case["top"] in (0, 1):
        return "is right" if case["top"] else "is wrong"
    return f"has reward {case['top']:.2g}"


def _curves(case: Mapping[str, Any]) -> dict[str, Curve]:
    """Exact lines: no band, and nothing that cannot be told."""
    found = {}
    for name in (REWARD, SHARPENING):
        kl, accuracy, at = (np.asarray(case[name][column], dtype=float) for column in ("kl", "accuracy", "at"))
        found[name] = Curve(kl, accuracy, accuracy, accuracy, np.ones(len(kl), dtype=bool), at)
    return found
