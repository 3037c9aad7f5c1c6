"""How the arms of a comparison look: a family's colour, a shade and a mark of its own for each arm of it."""

from collections.abc import Mapping
from typing import NamedTuple

from figures.style import COLOURS, MARKERS

OTHER = "#7F7F7F"  # what was not trained (a sampler)
SPARE = "vdph*<8"  # marks after the family's own


class Look(NamedTuple):
    colour: tuple[float, float, float] | str
    marker: str


def looks(families: Mapping[str, str]) -> dict[str, Look]:
    """arm -> its look, from arm -> its family. The first arm of a family has its pure colour, later ones darker."""
    from matplotlib.colors import to_rgb

    found: dict[str, Look] = {}
    for family in dict.fromkeys(families.values()):
        arms = [arm for arm, own in families.items() if own == family]
        marks = MARKERS.get(family, "o") + SPARE
        for place, arm in enumerate(arms):
            # Down to 45 % of the colour's light: lighter shades would not stand out on white.
            light = 1 - 0.55 * place / max(1, len(arms) - 1)
            red, green, blue = to_rgb(COLOURS.get(family, OTHER))
            found[arm] = Look((light * red, light * green, light * blue), marks[place % len(marks)])
    return found
