"""Where a run stands, what it should look like there, and the warning when it looks like nothing on its path."""

from types import SimpleNamespace

import numpy as np
import pytest

from llm.training.collapse import PATIENCE, CollapseWatch, Diagnosis
from theory.distribution import entropy
from theory.estimation.band import LowerEdges, lower_edges, path
from theory.estimation.coordinate import coordinate, predicted
from theory.estimation.samples import BaseSamples, Rollouts, base_samples
from theory.objectives import regime
from theory.tilt import log_tilt, moments

LOG_P = np.log([0.4, 0.25, 0.2, 0.1, 0.05])
REWARD = np.array([0.0, 1.0, 0.0, 1.0, 1.0])
LENGTH = np.array([2.0, 5.0, 3.0, 8.0, 13.0])


def in_proportion(copies=20):
    """A prompt whose samples are p itself: every response as often as its probability says."""
    times = np.round(copies * np.exp(LOG_P)).astype(int)
    return BaseSamples(*(np.repeat(column, times)[None] for column in (LOG_P, REWARD, LENGTH)))


@pytest.mark.parametrize(("alpha", "b"), [(1.0, 0.0), (2.5, 0.0), (1.0, 3.0), (0.5, -1.0), (3.0, 1.5)])
def test_the_prediction_is_the_tilt_of_the_distribution(alpha, b):
    """T23 against T2: samples in proportion to p give the moments of q_{alpha,b} exactly."""
    exact = moments(LOG_P, REWARD, alpha, b)
    log_q = log_tilt(LOG_P, REWARD, alpha, b)
    value = predicted(in_proportion(), alpha, b)
    np.testing.assert_allclose(value.accuracy.item(), exact.mean_reward)
    np.testing.assert_allclose(value.log_p.item(), exact.mean_log_p)
    np.testing.assert_allclose(value.length.item(), np.exp(log_q) @ LENGTH)
    np.testing.assert_allclose(value.var_length.item(), np.exp(log_q) @ LENGTH**2 - (np.exp(log_q) @ LENGTH) ** 2)
    np.testing.assert_allclose(value.entropy.item(), entropy(log_q))
    np.testing.assert_allclose(value.var_entropy.item(), np.exp(log_q) @ (-log_q - entropy(log_q)) ** 2)


@pytest.mark.parametrize("kappa", [0.5, 1.0])
def test_the_length_exponent_divides_the_sharpening_of_long_responses(kappa):
    """T20: q ∝ p e^{(alpha - 1) l/|y|^kappa + b r}, by brute force."""
    log_q = LOG_P + 2.0 * LOG_P / LENGTH**kappa + 0.7 * REWARD
    q = np.exp(log_q) / np.exp(log_q).sum()
    np.testing.assert_allclose(predicted(in_proportion(), 3.0, 0.7, kappa).length.item(), q @ LENGTH)


@pytest.mark.parametrize("point", [(1.0, 0.0), (2.5, 0.0), (1.0, 3.0), (0.5, -1.0), (3.0, 1.5)])
def test_the_coordinate_of_a_point_of_the_plane_is_that_point(point):
    """T2: the means of l and r name (alpha, b); here over two prompts with different samples."""
    one = in_proportion()
    rng = np.random.default_rng(0)
    columns = (rng.normal(-3, 1, one.log_p.shape), rng.integers(0, 2, one.log_p.shape), np.ones(one.log_p.shape))
    two = BaseSamples(*(np.concatenate([a, b]) for a, b in zip(one, columns, strict=True)))
    there = predicted(two, *point)
    np.testing.assert_allclose(coordinate(two, there.log_p.mean(), there.accuracy.mean()), point, atol=1e-5)


def test_means_out_of_reach_end_at_the_border():
    assert coordinate(in_proportion(), float(LOG_P.max()) + 1, 0.0)[0] == 64
    assert coordinate(in_proportion(), float(LOG_P.min()) - 1, 0.5)[0] == 0
    assert coordinate(in_proportion(), float(LOG_P @ np.exp(LOG_P)), 1.0)[1] == 20


def test_prompts_of_unequal_sizes_are_cut_to_the_smallest():
    zeros, log_p = np.zeros(5, int), np.array([-1.0, -3, -5, -2, -4])
    ragged = Rollouts(
        np.array(["a", "b"]), np.array([0, 3]), log_p, 0.0 * log_p, -log_p, zeros, zeros == 0, zeros, zeros[:2]
    )
    np.testing.assert_array_equal(base_samples(ragged).log_p, [[-1, -3], [-2, -4]])


def test_the_path_runs_from_the_base_model_to_the_target_or_beyond():
    """T8: straight, and unbounded where tau = 0."""
    for name, parameters, end in (
        ("tempered", {"alpha": 4.0}, (4.0, 0.0)),
        ("tilted", {"beta": 0.5}, (1.0, 2.0)),
        ("tilted-tempered", {"alpha": 2.0, "beta": 0.25}, (2.0, 4.0)),
        ("sharpening", {}, (65.0, 0.0)),
        ("task", {}, (1.0, 64.0)),
    ):
        points = np.stack(path(regime(name, **parameters)), axis=1)
        np.testing.assert_allclose(points[0], (1, 0))
        np.testing.assert_allclose(points[-1], end)
        steps = np.diff(points, axis=0)
        np.testing.assert_allclose(steps[:, 0] * steps[-1, 1], steps[:, 1] * steps[-1, 0], atol=1e-9)


def test_the_band_holds_batches_of_the_base_and_of_the_target_and_not_of_a_collapse():
    samples = in_proportion(200)
    edges = lower_edges(samples, regime("tempered", alpha=3.0), 0.0, prompts=32, generations=8)
    rng = np.random.default_rng(0)
    for alpha in (1.0, 2.0, 3.0):
        q = np.exp(log_tilt(LOG_P, REWARD, alpha, 0.0))
        batches = rng.choice(5, size=(500, 256), p=q)
        assert (LENGTH[batches].mean(1) > edges.length).all()
        assert (-np.log(q)[batches].mean(1) > edges.entropy).all()
    assert edges.length > 2.0, "only the shortest response: below"
    assert edges.entropy > 0.3, "nearly one response only: below"


def watched(values, stop):
    said, control = [], SimpleNamespace(should_training_stop=False)
    watch = CollapseWatch(LowerEdges(length=5.0, entropy=1.0), stop, said.append)
    for step, (length, entropy_) in enumerate(values, start=1):
        state = SimpleNamespace(global_step=step, is_world_process_zero=True)
        watch.on_log(None, state, control, {"length": length, "sequence_entropy": entropy_})
        if control.should_training_stop:
            break
    return watch.warning, said, control.should_training_stop


def test_a_collapse_is_warned_of_once_and_after_three_steps_in_a_row():
    dips = [(4.0, 2.0), (4.0, 2.0), (6.0, 2.0)] * 4
    assert watched(dips, stop=True) == (None, [], False), "two steps are noise"
    falling = [(9.0, 2.0), (9.0, 0.9), (9.0, 0.8), (9.0, 0.7), (9.0, 0.6), (1.0, 0.5)]
    warning, said, stopped = watched(falling, stop=False)
    assert warning == {"step": 1 + PATIENCE, "quantity": "entropy", "value": 0.7, "lower_edge": 1.0}
    assert len(said) == 1 and "entropy 0.70 has been below" in said[0] and not stopped
    assert watched(falling, stop=True)[2]


def test_a_diagnosis_of_the_base_itself_is_the_base_point_and_no_gap():
    samples = in_proportion()
    base = predicted(samples, 1.0, 0.0)
    means = {
        "log_p": base.log_p.item(),
        "accuracy": base.accuracy.item(),
        "length": base.length.item() + 2,
        "sequence_entropy": base.entropy.item() - 0.5,
        "finished": 0.75,
    }
    expected = {"alpha_t": 1.0, "b_t": 0.0, "length_gap": 2.0, "entropy_gap": -0.5, "truncated": 0.25}
    diagnosis = Diagnosis(samples)(means)
    assert diagnosis.keys() == expected.keys()
    np.testing.assert_allclose(list(diagnosis.values()), list(expected.values()), atol=1e-6)
