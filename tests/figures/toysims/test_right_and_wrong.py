"""The toy's first picture: the better case left, its sentence from the numbers."""

import numpy as np

from figures.toysims.redraw import pictures
from figures.toysims.right_and_wrong import finding, right_and_wrong_figure
from harness.run_folder import write_json

UP = {"kl": [0.0, 0.5, 1.0], "accuracy": [0.3, 0.9, 1.0], "at": [0.0, 1.0, 2.0]}
DOWN = {"kl": [0.0, 0.5, 1.0], "accuracy": [0.3, 0.2, 0.0], "at": [1.0, 2.0, 3.0]}
RISE = {"kl": [0.0, 0.5, 1.0], "accuracy": [0.3, 0.6, 1.0], "at": [1.0, 2.0, 3.0]}
SHARED = {"base": 0.3, "rewards": [0.0, 1.0], "reward": UP}
WRONG = SHARED | {"top": 0.0, "limit": 0.0, "sharpening": DOWN, "ends": {"tempered-2": (0.5, 0.2), "task": (1.0, 1.0)}}
RIGHT = SHARED | {"top": 1.0, "limit": 1.0, "sharpening": RISE, "ends": {"tempered-2": (0.5, 0.6), "task": (1.0, 1.0)}}


def test_the_title_is_what_the_numbers_say():
    said = finding([WRONG, RIGHT])
    assert said.startswith("Sharpening ends at 100 % if the likeliest response is right and at 0 % if it is wrong;")
    assert finding([RIGHT, WRONG]) == said
    beaten = RIGHT | {"reward": UP | {"accuracy": [0.3, 0.5, 1.0]}}  # sharpening has .6 there
    assert finding([WRONG, beaten]).endswith("if it is wrong.")
    partial = {"rewards": [0.0, 0.7], "limit": 0.25}
    assert "has reward 0.7 and at 25 % if it has reward 0.25" in finding(
        [WRONG | partial | {"top": 0.25}, RIGHT | partial | {"top": 0.7}]
    )


def test_the_better_case_stands_left_and_says_which_was_given():
    canvas = right_and_wrong_figure([WRONG, RIGHT])
    titles = [ax.get_title(loc="left") for ax in canvas.axes]
    assert titles == ["The likeliest is right (two rewards exchanged)", "The likeliest is wrong (this policy)"]
    names = [text.get_text() for text in canvas.axes[1].texts]
    assert "α = 2" in names and not any("task reward alone" in name for name in names)
    (bar,) = canvas.axes[1].containers
    np.testing.assert_allclose(bar.lines[0].get_xydata(), [[0.5, 0.2]])


def test_a_folder_has_it_before_the_plane_and_an_older_folder_has_the_plane_alone(tmp_path):
    assert [own.name for own in pictures("sharpening", tmp_path)] == ["sharpening"]
    write_json(tmp_path / "right_and_wrong.json", {"cases": [WRONG, RIGHT]})
    first, second = pictures("sharpening", tmp_path)
    assert (first.name, second.name) == ("right-and-wrong", "sharpening")
    assert first.caption == first.draw().get_suptitle().replace("\n", " ")
