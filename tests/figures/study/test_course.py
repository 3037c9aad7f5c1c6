"""The course of a run: what fell, rose and stayed is said beyond chance, and only then."""

import numpy as np
import pandas as pd
import pytest

from figures.study.course import WINDOW, at_step, course, first_move, stay

BASE, NOISE = 0.6, 0.04  # a batch of 128


def path(*levels, windows=4, seed=0):
    """Each level for so many windows, with the noise of batches."""
    values = np.repeat(levels, windows * WINDOW) + NOISE * np.random.default_rng(seed).normal(
        size=len(levels) * windows * WINDOW
    )
    return pd.Series(values, index=np.arange(1, len(values) + 1))


@pytest.mark.parametrize(
    ("levels", "dipped", "rose", "fell_back", "first"),
    [
        ((0.6, 0.5, 0.7, 0.9), True, True, False, -1),
        ((0.6, 0.8, 0.65), False, True, True, 1),
        ((0.6, 0.5, 0.4), False, False, False, -1),
        ((0.6, 0.45, 0.58), True, False, False, -1),
        ((0.6, 0.7, 0.9), False, True, False, 1),
    ],
)
def test_a_run_is_said_to_dip_rise_and_fall_back_where_it_does(levels, dipped, rose, fell_back, first):
    found = course([path(*levels)])
    told = stay(found, BASE)
    assert (told.dipped, told.rose, told.fell_back) == (dipped, rose, fell_back)
    assert first_move(found, BASE) == first
    assert told.lowest == pytest.approx(min(levels), abs=0.03) and told.highest == pytest.approx(max(levels), abs=0.03)
    assert told.end == pytest.approx(levels[-1], abs=0.03) and told.back == pytest.approx(told.highest - told.end)


def test_noise_alone_is_seldom_called_a_move():
    """12 windows at the base accuracy, 100 runs: about 5 % may be, with twice that allowed."""
    found = [stay(course([path(BASE, BASE, BASE, seed=seed)]), BASE) for seed in range(100)]
    assert np.mean([told.rose or told.dipped or told.fell_back for told in found]) < 0.1


def test_windows_do_not_overlap_and_cover_every_step():
    found = course([pd.Series(np.arange(90.0), index=np.arange(1, 91))])
    assert list(found.step) == [23, 46, 68, 90]
    np.testing.assert_allclose(found.accuracy, [11, 34, 56.5, 78.5])


def test_seeds_are_averaged_over_the_steps_that_all_have():
    long, short = pd.Series(0.9, index=range(1, 81)), pd.Series(0.5, index=range(1, 41))
    found = course([long, short])
    assert found.step[-1] == 40
    np.testing.assert_allclose(found.accuracy, 0.7)


def test_at_a_step_only_the_window_before_it_counts():
    value, error = at_step([pd.Series(np.r_[np.zeros(20), np.tile([0.4, 0.6], 10), np.ones(20)], range(1, 61))], 40)
    assert value == pytest.approx(0.5) and error == pytest.approx(0.1 * np.sqrt(20 / 19) / np.sqrt(20))


def test_a_run_without_accuracy_is_refused():
    with pytest.raises(ValueError, match="without accuracy"):
        course([pd.Series([np.nan], index=[1])])
