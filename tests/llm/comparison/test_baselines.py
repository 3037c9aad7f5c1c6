"""What could be said without a forecast, against sums by hand."""

import itertools

import numpy as np
import pytest

from llm.comparison.baselines import baselines, by_correlation, straight_line
from theory.estimation.reweight import Target
from theory.estimation.samples import Rollouts


@pytest.fixture
def base():
    generator = np.random.default_rng(0)
    log_p = np.log(generator.dirichlet(np.ones(10), size=4))
    reward = (generator.random((4, 10)) < 0.4).astype(float)
    reward[3] = 0
    return Rollouts.of_arrays(log_p, reward, generator.integers(3, 30, (4, 10)), np.tile(np.arange(10), (4, 1)))


def test_the_likeliest_of_eight_and_any_of_all(base):
    found = baselines(base, {"arm": Target(2.0, 0.0)})["arm"]
    log_p, reward, length = (x.reshape(4, 10) for x in (base.log_p, base.reward, base.length))
    best = [[max(c, key=lambda i: row[i]) for c in itertools.combinations(range(10), 8)] for row in log_p]
    for name, values in (("accuracy", reward), ("length", length)):
        by_hand = np.mean([values[row, choices].mean() for row, choices in enumerate(best)])
        assert found["best_of_8"][name] == pytest.approx(by_hand)
        assert found["no_change"][name] == pytest.approx(values.mean())
    assert found["pass_at_n"]["accuracy"] == pytest.approx(reward.max(1).mean())
    assert found["pass_at_n"]["accuracy"] < 1


def test_the_straight_line_has_the_slope_of_the_covariance(base, monkeypatch):
    """d accuracy/d alpha = Cov(r, log p), d length/d b = Cov(length, r) within prompts [T3], to first order."""
    monkeypatch.setattr("llm.comparison.baselines.STEP", 1e-4)
    log_p, reward, length = (x.reshape(4, 10) for x in (base.log_p, base.reward, base.length))

    def covariance(x, y):
        return np.mean(((x - x.mean(1, keepdims=True)) * (y - y.mean(1, keepdims=True))).mean(1)) * 10 / 9

    start = {"accuracy": reward.mean(), "length": length.mean()}
    sharper, tilted = straight_line(base, Target(1.2, 0.0)), straight_line(base, Target(1.0, 0.5))
    assert sharper["accuracy"] - start["accuracy"] == pytest.approx(0.2 * covariance(reward, log_p), rel=1e-2)
    assert tilted["length"] - start["length"] == pytest.approx(0.5 * covariance(length, reward), rel=1e-2)


def test_it_stays_in_its_range_and_has_no_length_at_a_limit(base):
    assert straight_line(base, Target(1.0, 50.0))["accuracy"] == 1
    assert straight_line(base, Target(1.0, np.inf)) == {"accuracy": 1.0, "length": None}
    assert straight_line(base, Target(1.0, 0.0))["accuracy"] == pytest.approx(base.reward.mean())


def test_the_correlation_speaks_of_sharpening_alone_and_has_its_slope():
    """T5: near the base model accuracy moves by (alpha - 1) Cov(r, log p)."""
    generator = np.random.default_rng(1)
    z = generator.normal(size=(200, 16))
    reward = generator.random(z.shape) < 1 / (1 + np.exp(-z))
    rollouts = Rollouts.of_arrays(5 * z - 30, reward, np.ones(z.shape), np.arange(z.size).reshape(z.shape))
    near = Target(1.02, 0.0)
    slope = straight_line(rollouts, near)["accuracy"] - reward.mean()
    assert by_correlation(rollouts, near)["accuracy"] - reward.mean() == pytest.approx(slope, rel=0.15)
    assert by_correlation(rollouts, Target(np.inf, 0.0))["accuracy"] > by_correlation(rollouts, near)["accuracy"]
    for target in (Target(1.0, 1.0), Target(2.0, 1.0), Target(0.5, 0.0)):
        assert by_correlation(rollouts, target) == {"accuracy": None, "length": None}
