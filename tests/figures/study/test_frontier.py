"""The two lines of a forecast and what they say: read back from records, at a distance, and in a sentence."""

import numpy as np
import pandas as pd
import pytest

from figures.study.frontier import REWARD, SHARPENING, Curve, find, finding, frontier, read, run_ends


def dense(line, kl, accuracy, reliable=True, **at):
    gain = accuracy - 0.5
    return {"line": line, "kl": kl, "accuracy": accuracy, "gain": gain, "reliable": reliable} | {
        "gain_low": gain - 0.02,
        "gain_high": gain + 0.04,
        **at,
    }


CONTENT = {
    "frontier": [
        dense("sharpening", 0.4, 0.4, alpha=2.0),
        dense("sharpening", 0.1, 0.45, alpha=1.2),
        dense("sharpening", 0.9, 0.6, reliable=False, alpha=None),
        dense("sharpening", 0.3, 0.1, k=2),
        dense("sharpening", 0.7, 0.55, k=8),
        dense("reward", 0.2, 0.99, b=3.0),
    ]
}


def test_a_dense_line_begins_at_the_base_model_and_is_in_the_order_of_its_distance():
    curves = frontier(CONTENT, {})
    own = curves[SHARPENING]
    np.testing.assert_allclose(own.kl, [0, 0.1, 0.4, 0.7, 0.9])  # best of 2 where powers can still be told: left out
    np.testing.assert_allclose(own.accuracy, [0.5, 0.45, 0.4, 0.55, 0.6])
    np.testing.assert_allclose(own.low[1:], own.accuracy[1:] - 0.02)
    assert list(own.told) == [True, True, True, True, False]
    assert np.isnan(own.at[3]) and own.at[4] == np.inf and own.at[0] == 1
    np.testing.assert_allclose(curves[REWARD].high, [0.5, 1.0])  # no accuracy is above 1


def test_without_dense_lines_those_of_alpha_and_b_are_taken():
    def at(kl, value, told=True, **place):
        ends = {"accuracy": value, "accuracy_low": value - 0.02, "accuracy_high": value + 0.04, "kl": kl}
        return {"alpha": 1.0, "b": 0.0, **ends, "accuracy_reliable": told, "kl_reliable": True} | place

    lines = {
        "b": [at(0.3, 0.8, b=2.0), at(0.0, 0.5)],
        "alpha": [at(0.2, 0.4, alpha=2.0), at(0.1, 0.6, alpha=0.5), at(0.0, 0.5)],
        "limit": [at(0.6, 0.95, b=None), at(0.7, 0.3, told=False, alpha=None)],
    }
    curves = frontier({}, lines)
    np.testing.assert_allclose(curves[REWARD].kl, [0, 0.3, 0.6])
    np.testing.assert_allclose(curves[SHARPENING].accuracy, [0.5, 0.4, 0.3])  # alpha = 0.5 flattens: no sharpening
    assert list(curves[SHARPENING].told) == [True, True, False] and frontier({}, {}) == {}


def test_a_line_is_told_up_to_the_first_point_that_is_not():
    def known_to(*told):
        n = len(told)
        kl = np.arange(n) / 10
        return Curve(kl, kl, kl, kl, np.array(told), kl).known_to()

    assert known_to(True, True, False, True) == 0.1  # a limit beyond it is no reach
    assert known_to(True, True) == 0.1 and np.isnan(known_to(False, False))


def test_a_line_is_read_at_a_distance_between_its_points_and_a_reward_keeps_what_it_has():
    curves = frontier(CONTENT, {})
    near = read(curves[SHARPENING], 0.25, 0.5)
    assert near.gain == pytest.approx(-0.075) and near.at == pytest.approx(1.6) and near.low == pytest.approx(-0.095)
    assert read(curves[SHARPENING], 0.8, 0.5) is None  # beyond what can be told
    far = read(curves[REWARD], 0.8, 0.5)
    assert far.gain == pytest.approx(0.49) and far.kl == 0.2 and far.at == 3.0


@pytest.mark.parametrize(
    ("sharpened", "reward", "said"),
    [
        (
            (0.3, 0.8),
            (0.7, 0.9),
            "Sharpening first makes this model worse, by 20.0 points, and better only beyond",
        ),
        ((0.3, 0.2), (0.7, 0.9), "Sharpening first makes this model worse, by 30.0 points; a task reward is ahead"),
        ((0.6, 0.8), (0.7, 0.7), "Sharpening makes this model better, by up to 30.0 points."),
        ((0.505, 0.51), (0.7, 0.9), "Whether sharpening helps cannot be told"),
    ],
)
def test_the_finding_is_read_off_the_lines(sharpened, reward, said):
    content = {
        "frontier": [
            *(dense("sharpening", kl, value, alpha=2.0) for kl, value in zip((0.4, 0.8), sharpened, strict=True)),
            *(dense("reward", kl, value, b=1.0) for kl, value in zip((0.4, 0.6), reward, strict=True)),
        ]
    }
    assert finding(frontier(content, {}), 0.5).startswith(said)


def test_what_cannot_be_told_is_no_finding():
    lost = {"frontier": [dense("sharpening", 0.4, 0.2, reliable=False, alpha=2.0)]}
    found = find(frontier(lost, {}), 0.5)
    assert found.dips is None or found.worst == 0
    assert find({}, 0.5).dips is None and "cannot be told" in finding({}, 0.5)


def test_the_end_of_an_arm_is_the_mean_of_its_seeds():
    rows = [
        {"arm": arm, "seed": seed, "quantity": q, "run": run, "run_se": 0.01}
        for arm, seed, q, run in [
            ("a", 0, "kl", 0.2), ("a", 1, "kl", 0.4), ("a", 0, "accuracy", 0.5), ("a", 1, "accuracy", 0.7),
            ("b", 0, "kl", 0.1), ("b", 0, "accuracy", 0.9), ("c", 0, "accuracy", 0.3), ("c", 0, "kl", None),
        ]
    ]  # fmt: skip
    a, b = run_ends(pd.DataFrame(rows))
    assert (a.arm, a.seeds) == ("a", 2) and (a.kl, a.accuracy) == pytest.approx((0.3, 0.6))
    assert a.error == pytest.approx(np.std([0.5, 0.7], ddof=1)) and (b.error, b.kl_error) == (0.01, 0.01)
