"""Colours that can be told apart by all eyes, a mark for each arm, and the same sign wherever an arm is drawn."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from colour_vision import BLIND, contrast_with_white, distance, lab

from figures import palette
from figures.llm.arms import looks, spoken
from figures.palette import ARMS, FAMILIES, REGIMES
from figures.toysims import practice, stability, voting
from llm.comparison.config import ARMS as COMPARED

APART, STANDS_OUT = 15, 3


def test_the_measure_knows_colours_that_are_known():
    """White has L* = 100, pure red that of the CIE tables; red and green that look alike without green cones do not."""
    np.testing.assert_allclose(lab("white"), [100, 0, 0], atol=0.01)
    np.testing.assert_allclose(lab("#FF0000"), [53.24, 80.09, 67.20], atol=0.05)
    assert contrast_with_white("black") == pytest.approx(21) and contrast_with_white("#E69F00") == pytest.approx(
        2.25, abs=0.01
    )
    assert distance("#D50000", "#008A00") > 100 and distance("#B22222", "#7A6A00", "green") < 15


@pytest.mark.parametrize("missing", [None, *BLIND])
def test_any_two_arms_are_told_apart_by_colour_alone(missing):
    close = {
        (one, other): round(distance(ARMS[one].colour, ARMS[other].colour, missing), 1)
        for one, other in itertools.combinations(ARMS, 2)
    }
    assert len(close) == 153 and not {pair: d for pair, d in close.items() if d < APART}


def test_every_colour_stands_out_on_white():
    assert min(contrast_with_white(sign.colour) for sign in (*ARMS.values(), *REGIMES.values())) >= STANDS_OUT


@pytest.mark.parametrize("missing", [None, *BLIND])
@pytest.mark.parametrize(
    "colours",
    [
        [sign.colour for sign in practice._GROUPS.values()],
        [sign.colour for sign in practice._VERIFIERS.values()],
        list(voting._SHADES.values()),
        list(stability.SERIES),
        list(stability.BASINS),
    ],
)
def test_what_one_panel_shows_together_is_told_apart(colours, missing):
    assert all(distance(*pair, missing) >= APART for pair in itertools.combinations(colours, 2))


def test_no_figure_has_a_colour_of_its_own_that_is_too_pale():
    """Grid lines and the area that no policy reaches are meant to be pale."""
    room = Path(palette.__file__).parent
    found = {colour for file in room.rglob("*.py") for colour in re.findall(r"#[0-9A-Fa-f]{6}", file.read_text())}
    assert len(found) > 20
    assert {colour for colour in found if contrast_with_white(colour) < STANDS_OUT} == {"#E4E4E4", "#EEEEEE"}


def test_every_arm_of_a_comparison_has_a_sign_and_no_two_share_a_mark():
    assert set(ARMS) == set(COMPARED)
    assert len({sign.marker for sign in ARMS.values()}) == len(ARMS)
    assert sorted(
        arm
        for family in ("tilted", "tempered", "tilted-tempered", "length-controlled", "sampler")
        for arm in FAMILIES[family]
    ) == sorted(set(ARMS) - {"control"})


def test_an_arm_has_the_same_sign_in_every_study():
    alone = looks({"tempered-2": "tempered"})
    among = looks({"tempered-1.25": "tempered", "mine": "tempered", "tempered-2": "tempered", "x": "sampler"})
    assert alone["tempered-2"] == among["tempered-2"] == ARMS["tempered-2"]
    assert looks({"mine": "tempered"})["mine"] == ARMS["tempered-1.25"]  # the family's own
    assert len(set(among.values())) == 4
    many = looks({f"run {i}": "tilted" for i in range(9)})
    assert len(set(many.values())) == 9 and looks({"odd": "no family"})["odd"].colour not in ("white", "#000000")


def test_names_of_arms_say_alpha_or_beta():
    said = {arm: spoken(arm) for arm in COMPARED}
    assert all("α" in name or "β" in name for arm, name in said.items() if arm != "best-of-8")
    assert len(set(said.values())) == len(said)
    assert said["tilted-tempered-2-0.5"] == "α = 2 with β = 0.5" and said["sharpening"] == "α → ∞"
