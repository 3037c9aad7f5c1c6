"""The colours and marks of arms, of their families, and of the regimes: the same in every figure.

Six families: what nothing pulls is black, a task reward blue, sharpening orange to brown, both together purple,
sharpening without its pull on length green, samplers grey. Each of the colours below stands out on white at 3 to 1, and
any two arms stay ΔE >= 15 apart for eyes without red, green or blue cones; tests/figures/test_palette.py computes it.
A mark of its own for each arm is the second channel, for print in grey.
"""

from typing import NamedTuple


class Sign(NamedTuple):
    """A colour and a matplotlib marker."""

    colour: str
    marker: str | tuple[int, int, int]


# arm of llm.compare -> its sign
ARMS: dict[str, Sign] = {
    "control": Sign("#000000", "X"),
    "task": Sign("#332B92", "^"),
    "tilted-2": Sign("#7E72FE", "d"),
    "tilted-1": Sign("#0072B2", "D"),
    "tilted-0.5": Sign("#2117ED", "p"),
    "sharpening": Sign("#352000", ">"),
    "tempered-0.5": Sign("#825F34", "<"),
    "tempered-1.25": Sign("#D55E00", "v"),
    "tempered-2": Sign("#904B0B", "s"),
    "tempered-4": Sign("#5F3300", "h"),
    "tilted-tempered-2-0.5": Sign("#77006B", "P"),
    "tempered-2-per-token": Sign("#729976", (4, 1, 0)),
    "tempered-2-trajectory-balance": Sign("#174E2F", "*"),
    "tempered-2-content": Sign("#20A72E", "8"),
    "tempered-2-ignore-eos": Sign("#1D2924", (3, 1, 0)),
    "low-temperature-2": Sign("#998A99", "x"),
    "best-of-8": Sign("#6A6B6A", "+"),
    "power-smc-2": Sign("#45454C", "1"),
}

# family of a run (figures.study.runs) -> the arms whose signs another run of it may take, the purest first
FAMILIES: dict[str, tuple[str, ...]] = {
    "tilted": ("tilted-1", "tilted-0.5", "tilted-2", "task"),
    "task": ("task", "tilted-0.5", "tilted-1", "tilted-2"),
    "tempered": ("tempered-1.25", "tempered-2", "tempered-4", "tempered-0.5", "sharpening"),
    "sharpening": ("sharpening", "tempered-4", "tempered-2", "tempered-1.25", "tempered-0.5"),
    "tilted-tempered": ("tilted-tempered-2-0.5",),
    "length-controlled": (
        "tempered-2-content",
        "tempered-2-trajectory-balance",
        "tempered-2-per-token",
        "tempered-2-ignore-eos",
    ),
    "sampler": ("power-smc-2", "low-temperature-2", "best-of-8"),
}

BASE = Sign("#000000", "o")

# regime of a toy simulation -> its sign; a family's own colour is that of its first arm
REGIMES: dict[str, Sign] = {
    "base": BASE,
    **{family: ARMS[arms[0]] for family, arms in FAMILIES.items() if family != "sampler"},
    "minimum entropy": Sign("#998A99", "x"),
    "self-sharpening": Sign("#904B0B", "s"),
}
COLOURS = {name: sign.colour for name, sign in REGIMES.items()}
MARKERS = {name: sign.marker for name, sign in REGIMES.items()}
