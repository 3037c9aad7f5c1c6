"""A run laid on its line: the reading of a point gives the point back, and all that is there."""

import numpy as np
import pytest

from theory.estimation import following
from theory.estimation.following import follow, targets_along
from theory.estimation.reweight import reweight
from theory.estimation.samples import Rollouts
from theory.objectives import regime


def two_prompts(spread=1.0):
    """Thirty samples each; log p, rewards and lengths differ between the prompts."""
    generator = np.random.default_rng(0)
    z = generator.normal(size=(2, 30)) + np.array([[0.0], [1.0]])
    length = np.round(6 + 2 * generator.random(z.shape) - z.clip(-2, 2))
    return Rollouts.of_arrays(
        spread * z - 8, (z + generator.normal(size=z.shape) > 0) * 1.0, length, np.arange(60).reshape(2, 30)
    )


def test_the_line_is_walked_in_equal_steps_to_a_fifth_beyond_its_end_or_far_out():
    """T8, T20: 48 points; kappa and the length control are those of the run."""
    targets = targets_along(regime("tilted-tempered", alpha=3.0, beta=0.5), 0.5)
    np.testing.assert_allclose([target.alpha for target in targets], 1 + 2 * np.linspace(0, 1.2, 48))
    np.testing.assert_allclose([target.b for target in targets], 2 * np.linspace(0, 1.2, 48))
    assert {target[2:] for target in targets} == {(0.5, "none")}
    far = [target.alpha for target in targets_along(regime("sharpening"))]
    np.testing.assert_allclose([len(far), far[0], far[1], far[-1]], [48, 1, 1.01, 41])
    assert min(target.alpha for target in targets_along(regime("tempered", alpha=0.1))) == 0.0
    assert {target.length_control for target in targets_along(regime("task"), 0.0, "content")} == {"content"}
    with pytest.raises(ValueError, match="a run with length control ignore-eos moves along no line"):
        targets_along(regime("task"), 0.0, "ignore-eos")


@pytest.mark.parametrize(
    ("name", "parameters", "kappa", "clock"),
    [
        ("tempered", {"alpha": 3.0}, 0.0, "log_p"),
        ("tempered", {"alpha": 1.5}, 0.0, "log_p"),
        ("tempered", {"alpha": 0.4}, 0.0, "log_p"),
        ("tempered", {"alpha": 3.0}, 1.0, "kl"),
        ("tilted", {"beta": 0.5}, 0.0, "kl"),
        ("tilted-tempered", {"alpha": 0.5, "beta": 0.5}, 0.0, "kl"),
    ],
)
def test_a_reading_of_a_point_gives_the_point_back(name, parameters, kappa, clock):
    """T2, T8: log p is the clock where alpha alone moves, the KL elsewhere; the other reading is not looked at."""
    rollouts, objective = two_prompts(), regime(name, **parameters)
    targets = targets_along(objective, kappa)
    chosen = [5, 20, 40]
    there = [reweight(rollouts, targets[i]) for i in chosen]
    reading = np.array([found.value[clock].mean() for found in there])
    nothing = np.full(3, np.nan)
    found = follow(rollouts, objective, *((reading, nothing) if clock == "log_p" else (nothing, reading)), kappa)
    np.testing.assert_allclose(found.alpha, [targets[i].alpha for i in chosen], rtol=1e-6)
    np.testing.assert_allclose(found.b, [targets[i].b for i in chosen], rtol=1e-6)
    for quantity in ("accuracy", "length", "entropy"):
        np.testing.assert_allclose(getattr(found, quantity), [x.value[quantity].mean() for x in there], rtol=1e-6)
    np.testing.assert_allclose(found.ess, [x.ess.mean() for x in there], rtol=1e-6)
    assert found.told.all()


def test_between_a_point_that_is_told_and_one_that_is_not_nothing_is_told():
    """T23: five effective samples a prompt, before and after; readings beyond stay at the ends."""
    rollouts, objective = two_prompts(spread=4.0), regime("tempered", alpha=3.0)
    there = [reweight(rollouts, target) for target in targets_along(objective)]
    enough = [found.ess.mean() >= 5 for found in there]
    last = enough.index(False) - 1
    assert 0 < last < 46
    curve = np.array([found.value["log_p"].mean() for found in there])
    between = [(curve[i] + curve[i + 1]) / 2 for i in (last - 1, last, last + 1)]
    found = follow(rollouts, objective, np.array([*between, curve[0] - 9, curve[-1] + 9]), np.full(5, np.nan))
    assert found.told.tolist() == [True, False, False, True, False]
    np.testing.assert_allclose(found.alpha[-2:], [1.0, 3.4])


def test_a_point_that_is_not_told_makes_both_its_sides_unknown(monkeypatch):
    """T23: whether it is reached or left."""
    rollouts, objective = two_prompts(), regime("tempered", alpha=3.0)
    targets = targets_along(objective)

    def told_but_for_one(rollouts, target):
        found = reweight(rollouts, target)
        return found._replace(ess=found.ess * (target != targets[20]))

    monkeypatch.setattr(following, "reweight", told_but_for_one)
    curve = np.array([reweight(rollouts, target).value["log_p"].mean() for target in targets[18:23]])
    found = follow(rollouts, objective, (curve[1:] + curve[:-1]) / 2, np.full(4, np.nan))
    assert found.told.tolist() == [True, False, False, True]
