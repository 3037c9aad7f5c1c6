"""The band of a healthy run."""

import numpy as np

from tests.theory.estimation.test_coordinate import LENGTH, LOG_P, REWARD, in_proportion
from theory.estimation.band import lower_edges, path
from theory.estimation.samples import BaseSamples
from theory.objectives import regime
from theory.tilt import log_tilt


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
        if name == "sharpening":
            np.testing.assert_allclose(points[1], (1 + 2.0**-4, 0))
        if not name.startswith(("sharpening", "task")):
            np.testing.assert_allclose(np.diff(points, axis=0), np.diff(points[[0, -1]], axis=0) / 8 + np.zeros((8, 2)))
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


def test_the_edge_is_four_standard_errors_of_a_batch_below_the_mean():
    """A run that stays at the base model, by hand: two prompts that differ, 32 prompts and 8 generations a batch."""
    lengths = np.array([[2.0, 4.0, 4.0], [9.0, 9.0, 12.0]])
    samples = BaseSamples(np.full((2, 3), -2.0), np.zeros((2, 3)), lengths)
    edges = lower_edges(samples, regime("tempered", alpha=1.0), 0.0, prompts=32, generations=8)
    noise = lengths.mean(axis=1).var() / 32 + lengths.var(axis=1).mean() / (32 * 8)
    np.testing.assert_allclose(edges.length, lengths.mean() - 4 * np.sqrt(noise))
