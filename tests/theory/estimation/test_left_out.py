"""Leaving out in closed form, against taking each sample away and computing anew."""

import numpy as np
import pytest

from theory.estimation.left_out import LeftOut, log_p_of
from theory.estimation.samples import Rollouts

COUNTS = (5, 2, 4)
START = np.cumsum([0, *COUNTS[:-1]])
PROMPT = np.repeat(np.arange(3), COUNTS)
# The heaviest of the first prompt holds nearly all weight; two of the last prompt tie.
SCORE = np.array([0.3, 40.0, -1.0, 0.9, 0.3, 0.2, 1.4, 2.0, 2.0, -0.5, 0.1])
LOG_P = np.log([0.2, 0.3, 0.1, 0.2, 0.2, 0.3, 0.6, 0.25, 0.25, 0.4, 0.25])
RESPONSE = np.array([0, 1, 2, 0, 0, 5, 6, 7, 8, 9, 7])
VALUES = np.array([1.0, 0.0, 3.0, 2.0, 5.0, 1.0, 4.0, 2.0, 0.0, 1.0, 7.0])


def rollouts():
    rows, prompts = np.zeros(11, int), np.arange(3)
    return Rollouts(prompts, START, LOG_P, VALUES * 0, VALUES * 0 + 4, RESPONSE, rows == 0, rows, prompts * 0)


def softmax_within(score):
    """e^t over its sum in each prompt."""
    e = np.exp(score - np.array([score[PROMPT == x].max() for x in PROMPT]))
    return e / np.array([e[PROMPT == x].sum() for x in PROMPT])


def face_within(score):
    """Equal weights on the largest scores of each prompt."""
    on = score == np.array([score[PROMPT == x].max() for x in PROMPT])
    return on / np.array([on[PROMPT == x].sum() for x in PROMPT])


def others(row):
    return [i for i in np.flatnonzero(PROMPT == PROMPT[row]) if i != row]


def averaged(of_others):
    """The average over a prompt's samples of what the others say."""
    found = np.array([of_others(others(row)) for row in range(11)])
    return [found[PROMPT == x].mean() for x in range(3)]


def test_means_of_the_others():
    """T23: E_{-i}[f] of each sample i, the one with nearly all weight included."""
    table, weight = rollouts(), softmax_within(SCORE)
    left_out = LeftOut(table, softmax_within, SCORE, weight)

    def of_others(rows):
        w = np.exp(SCORE[rows] - SCORE[rows].max())
        return w @ VALUES[rows] / w.sum()

    np.testing.assert_allclose(left_out.means(weight, VALUES), [of_others(others(row)) for row in range(11)])
    np.testing.assert_allclose(left_out.mean(weight, VALUES), averaged(of_others))


def test_log_z_of_the_others():
    """T23: log of the mean of e^t over the others."""
    weight = softmax_within(SCORE)
    log_z = np.array([np.log(np.mean(np.exp(SCORE[PROMPT == x]))) for x in range(3)])
    found = LeftOut(rollouts(), softmax_within, SCORE, weight).log_z(log_z)
    np.testing.assert_allclose(found, averaged(lambda rows: np.log(np.mean(np.exp(SCORE[rows])))))


@pytest.mark.parametrize("score", [SCORE, RESPONSE.astype(float), np.zeros(11)])
def test_the_share_of_the_face_among_the_others(score):
    """T23: the geometric mean over i of the share of the other samples that lie on their face."""
    found = LeftOut(rollouts(), face_within, score, face_within(score)).share_of_face(face_within(score))
    np.testing.assert_allclose(np.log(found), averaged(lambda rows: np.log(np.mean(score[rows] == score[rows].max()))))


@pytest.mark.parametrize(
    "score",
    [
        LOG_P,
        np.array([2.0, 0.0, 1.0, 2.0, 2.0, 1.0, 0.0, 3.0, 1.0, 1.0, 3.0]),
        np.array([1.0, 3.0, 3.0, 1.0, 1.0, 1.0, 1.0, 0.0, 3.0, 3.0, 0.0]),  # modes that tie, each drawn once
    ],
)
def test_the_probability_of_the_modes_among_the_others(score):
    """T4, T23: each response counts once, however often it stands there."""
    found = LeftOut(rollouts(), face_within, score, face_within(score)).log_p_of_modes(face_within(score))

    def of_others(rows):
        modes = {RESPONSE[i]: np.exp(LOG_P[i]) for i in rows if score[i] == score[rows].max()}
        return np.log(sum(modes.values()))

    np.testing.assert_allclose(found, averaged(of_others))
    everything = log_p_of(rollouts(), face_within(np.zeros(11)))
    np.testing.assert_allclose(np.exp(everything), [0.6, 0.9, 0.9])


def test_a_lone_sample_leaves_nothing_and_no_warning():
    """What is left is the caller's to discard; beside it the other prompts are as they were."""
    rows = np.zeros(3, int)
    table = Rollouts(
        np.arange(2), np.array([0, 1]), np.log([0.5, 0.4, 0.6]), np.zeros(3), np.ones(3), np.arange(3), rows == 0, rows,
        np.zeros(2, int),
    )  # fmt: skip
    weight = np.array([1.0, 0.25, 0.75])
    left_out = LeftOut(table, lambda score: np.where(np.isneginf(score), 0.0, 1.0), np.log([1.0, 1.0, 3.0]), weight)
    np.testing.assert_allclose(left_out.means(weight, np.array([9.0, 2.0, 6.0]))[1:], [6.0, 2.0])
    assert np.isfinite(left_out.log_z(np.log([1.0, 2.0]))).all()
