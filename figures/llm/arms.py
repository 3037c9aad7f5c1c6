"""How the arms of a comparison look and what they are called: a sign for each, the same in every figure."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from figures.palette import ARMS, FAMILIES, Sign

OTHER = Sign("#6A6B6A", "o")  # of no family that is known
SPARE = ("H", (5, 1, 0), (6, 1, 0), (7, 1, 0), (5, 0, 180), (7, 0, 0), (9, 0, 0))  # where a family has more arms

# How llm.compare and users spell an arm -> what it says; {0} and {1} are numbers of the name.
_SPOKEN = (
    (r"control", "control, α = 1"),
    (r"task", "task reward alone (β = 0)"),
    (r"sharpening", "α → ∞"),
    (r"tilted-tempered-([\d.]+)-([\d.]+)", "α = {0} with β = {1}"),
    (r"tilted-([\d.]+)", "β = {0}"),
    (r"tempered-([\d.]+)", "α = {0}"),
    (r"tempered-([\d.]+)-content", "α = {0}, content alone"),
    (r"tempered-([\d.]+)-per-token", "α = {0}, per token"),
    (r"tempered-([\d.]+)-trajectory-balance", "α = {0}, trajectory balance"),
    (r"tempered-([\d.]+)-ignore-eos", "α = {0}, ignored EOS"),
    (r"low-temperature-([\d.]+)", "low temperature, α = {0}"),
    (r"best-of-(\d+)", "best of {0} by log p"),
    (r"power-([a-z]+)-([\d.]+)", "power-{0}, α = {1}"),
)


class Look(NamedTuple):
    colour: Any
    marker: Any


def looks(families: Mapping[str, str]) -> dict[str, Look]:
    """arm -> its look, from arm -> its family.

    An arm that llm.compare knows always has its own sign. Another takes the first of its family that is free, and where
    none is, the family's colour with a spare mark.
    """
    found = {arm: Look(*ARMS[arm]) for arm in families if arm in ARMS}
    taken = set(found.values())
    for arm, family in families.items():
        if arm in found:
            continue
        own = [Look(*ARMS[name]) for name in FAMILIES.get(family, ())] or [Look(*OTHER)]
        own += [Look(own[0].colour, marker) for marker in SPARE]
        found[arm] = next((look for look in own if look not in taken), own[-1])
        taken.add(found[arm])
    return {arm: found[arm] for arm in families}


def spoken(arm: str) -> str:
    """The arm in α and β; a name of the user's own stays as it is.

    >>> spoken("tempered-2-content"), spoken("tilted-0.5"), spoken("my run")
    ('α = 2, content alone', 'β = 0.5', 'my run')
    """
    for pattern, said in _SPOKEN:
        if match := re.fullmatch(pattern, arm):
            return said.format(*match.groups())
    return arm
