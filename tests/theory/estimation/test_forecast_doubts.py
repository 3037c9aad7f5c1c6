"""Each reason to doubt a forecast at its threshold, from both sides; what a record holds and where it stops."""

import importlib

import numpy as np
import pytest

from theory.estimation.intervals import ClusterBootstrap
from theory.estimation.records import Method
from theory.estimation.reweight import Reweighted, reweight
from theory.estimation.samples import Rollouts
from theory.estimation.target import Target
from theory.vocabulary import LengthControl

f = importlib.import_module("theory.estimation.forecast")  # its package has a function of that name
TWO = Target(2.0, 0.0)


def samples(prompts=12, count=8, sd=1.0, seed=0, **changed):
    generator = np.random.default_rng(seed)
    y = np.arange(prompts * count).reshape(prompts, count)
    rollouts = Rollouts.of_arrays(-20 + sd * generator.normal(size=y.shape), y % 2, 3 + y % 4, y)
    return Rollouts(**{name: getattr(rollouts, name) for name in rollouts.__dataclass_fields__} | changed)


def exactly_one(**changed):
    """log p with a variance of 1 nat² within prompts, responses of 4 tokens: an error of .5 a token is one of 1."""
    log_p = -20 + np.tile([-1.0, 1.0], 48)
    return samples(log_p=log_p, length=np.full(96, 4.0), **changed)


def doubts(method=Method.PSIS, rollouts=None, target=TWO, ess=20.0, k=0.1, unseen=0.0, most=0.1):
    rollouts = samples() if rollouts is None else rollouts
    n = len(rollouts.start)
    estimate = Reweighted({}, {}, np.full(n, ess), None, k)
    nothing = np.zeros(0)
    summary = f._Summary([], nothing, nothing, nothing, {}, unseen, most)
    return f._general_doubts(method, rollouts, target, estimate, summary)


@pytest.mark.parametrize(
    ("fine", "wrong", "reason"),
    [
        ({"rollouts": samples(10)}, {"rollouts": samples(9)}, "fewer than 10 prompts"),
        ({"rollouts": samples(count=2)}, {"rollouts": samples(count=1)}, "prompts with a single sample"),
        ({"unseen": 0.1}, {"unseen": 0.11}, "right answers that were never sampled could matter"),
        ({"ess": 5.0}, {"ess": 4.9}, "fewer than 5 effective samples a prompt"),
        ({"ess": 4.0, "method": Method.COUNTS}, {"ess": 4.0}, "fewer than 5 effective samples a prompt"),
        (
            {"ess": 7.0, "target": Target(2.0, 0.0, 0.0, LengthControl.TRAJECTORY_BALANCE)},
            {"ess": 6.9, "target": Target(2.0, 0.0, 0.0, LengthControl.TRAJECTORY_BALANCE)},
            "fewer than 7 effective samples a prompt",
        ),
        (
            {"ess": 5.0, "target": Target(2.0, 0.0, 0.0, LengthControl.CONTENT)},
            {"ess": 4.9, "target": Target(2.0, 0.0, 0.0, LengthControl.CONTENT)},
            "fewer than 5 effective samples a prompt and length",
        ),
        ({"k": 0.7}, {"k": 0.71}, "Pareto k above 0.7"),
        ({"k": np.nan}, {"k": 0.71}, "Pareto k above 0.7"),
        (
            {"method": Method.CUMULANT, "target": Target(1.8, 5.0)},
            {"method": Method.CUMULANT, "target": Target(2.3, 5.0)},
            "too far from the base model for an expansion",
        ),
        ({"rollouts": exactly_one(log_p_noise=0.5)}, {"ess": 4.9}, "fewer than 5 effective samples a prompt"),
        (
            {"rollouts": exactly_one(), "method": Method.CUMULANT},
            {"ess": 4.9},
            "fewer than 5 effective samples a prompt",
        ),
        (
            {"rollouts": samples(log_p_noise=0.4)},  # (α-1)² s² L is .16 times 4.5
            {"rollouts": samples(log_p_noise=0.5)},
            "log p is known to 0.5 nats a token, which decides the weights",
        ),
    ],
)
def test_each_reason_holds_on_one_side_of_its_threshold(fine, wrong, reason):
    assert doubts(**fine) == [] and doubts(**wrong) == [reason]


def test_the_noise_of_weights_is_a_variance_and_a_limit_counts_as_a_power_of_ten():
    """T32: (α-1)² s² L^{1-2κ}, mean over responses; a task reward's limit uses no log p."""
    rollouts = samples(log_p_noise=0.1)
    length = rollouts.length
    assert f.noise_of_weights(rollouts, Target(3.0, 0.0)) == pytest.approx(np.mean(4 * 0.01 * length))
    assert f.noise_of_weights(rollouts, Target(3.0, 1.0, 1.0)) == pytest.approx(np.mean(4 * 0.01 / length))
    assert f.noise_of_weights(rollouts, Target(np.inf, 0.0)) == pytest.approx(np.mean(81 * 0.01 * length))
    assert f.noise_of_weights(rollouts, Target(2.0, np.inf)) == 0.0 == f.noise_of_weights(samples(), Target(3.0, 0.0))


def test_the_variance_of_sharpening_is_that_within_prompts():
    rollouts = samples()
    expected = np.mean([4 * rollouts.log_p[rows].var() for rows in rollouts.prompt_rows()])
    assert f._variance_of_sharpening(rollouts, Target(3.0, 7.0)) == pytest.approx(expected)


def test_what_was_never_sampled_could_add_its_odds_times_the_weight():
    """T24: prompts without a right sample, were their accuracy 1/(n + 1)."""
    reward = np.array([[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]])
    y = np.arange(12).reshape(3, 4)
    rollouts = Rollouts.of_arrays(np.log(np.full((3, 4), 0.1)), reward, y + 1, y)
    odds = 0.25 * np.exp(2.0)
    assert f.unseen_accuracy(rollouts, 2.0) == pytest.approx(2 / 3 * (odds / (1 + odds) - 0.2))
    assert f.unseen_accuracy(rollouts, 0.0) == pytest.approx(0.0) and f.unseen_accuracy(rollouts, -1.0) == 0.0
    assert f.unseen_accuracy(rollouts, np.inf) == pytest.approx(2 / 3 * 0.8)


def test_a_bias_is_a_mean_over_those_that_have_one():
    assert f._mean_of_known(np.array([0.1, np.nan, 0.3])) == pytest.approx(0.2)
    assert np.isnan(f._mean_of_known(np.array([np.nan])))


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("accuracy", (0, 1)), ("pass@4", (0, 1)), ("length", (1, np.inf)), ("log_p", (-np.inf, 0)),
        ("entropy", (0, np.inf)), ("kl", (0, np.inf)), ("log_draws", (0, np.inf)), ("gain", (-1, 1)),
    ],
)  # fmt: skip
def test_what_a_quantity_can_be(quantity, expected):
    assert f.limits(quantity) == expected


def test_equal_shares_have_an_interval_and_other_numbers_keep_theirs():
    bootstrap = ClusterBootstrap(60, np.random.default_rng(0))
    values = np.stack([np.ones(60), np.zeros(60), np.full(60, 7.0)], axis=1)
    kinds = np.array([True, False, False]), np.array([False, True, False])
    low, high = f._interval(values, kinds[0], bootstrap, kinds[1])
    most = 1 - 0.025 ** (1 / 60)  # Clopper and Pearson's for no success among 60
    assert low[0] == pytest.approx(1 - most) and high[0] == 1.0
    np.testing.assert_allclose([low[1], high[1], low[2], high[2]], [-most, most, 7.0, 7.0])
    low, high = f._interval(values[:1], kinds[0], ClusterBootstrap(1, np.random.default_rng(0)), kinds[1])
    assert np.isnan(low).all() and np.isnan(high).all()


def quantities(target, method=Method.PSIS, **changed):
    rollouts = samples(prompts=40, count=16, **changed)
    (found,) = f.forecast(rollouts, [target], np.random.default_rng(0), [method])
    return found.quantities


def test_what_no_sample_tells_is_doubted_by_name():
    """At b = inf which of the optimal policies; a run that ignores the end; lengths cut off; prices for alpha < 1."""
    open_ = "all policies that are always right are optimal; where among them a model ends is open"
    found = quantities(Target(1.0, np.inf))
    assert {name for name, q in found.items() if open_ in q.doubts} == {"length", "log_p", "entropy", "kl"}
    found = quantities(Target(1.5, 1.0))
    assert not any(open_ in q.doubts for q in found.values())
    rare = "the rarest response decides it, and is not among the samples"
    assert rare in quantities(Target(0.5, 0.0))["log_draws"].doubts
    assert rare not in found["log_draws"].doubts
    assert {"accuracy", "length", "log_p", "finished", "kl", "entropy", "log_draws", "gain"} <= set(found)
    assert {"pass@4", "pass@16", "maj@4", "maj@16"} <= set(found)
    cut = "responses run into the length limit"
    for share, doubted in ((31, False), (33, True)):  # of 640: 5 % are 32
        ended = np.arange(640) >= share
        own = quantities(Target(1.0, 0.0), finished=ended, reward=np.where(ended, np.arange(640) % 2, 0.0))
        assert (cut in own["length"].doubts) == doubted and cut not in own["accuracy"].doubts
    assert found["log_draws"].high == np.inf


def test_more_than_a_few_samples_allow_is_not_asked():
    """pass@k and maj@k up to the median number of samples; votes of more than the effective samples are in doubt."""
    few = samples(prompts=20, count=8)
    (found,) = f.forecast(few, [Target(1.0, 0.0)], np.random.default_rng(0), [Method.PSIS])
    assert "pass@4" in found.quantities and "pass@16" not in found.quantities and "maj@16" not in found.quantities
    assert found.quantities["maj@4"].doubts == ()
    (found,) = f.forecast(few, [Target(1.0, 0.0)], np.random.default_rng(0), [Method.PSIS], votes=False)
    assert "maj@4" not in found.quantities and "pass@4" in found.quantities
    (far,) = f.forecast(few, [Target(9.0, 0.0)], np.random.default_rng(0), [Method.PSIS])
    assert "fewer than 4 effective samples a prompt to vote" in far.quantities["maj@4"].doubts


def test_the_target_of_an_objective_or_the_limit_of_its_flow():
    """T1, T8."""
    from theory.objectives import Objective

    assert f.target_of(Objective(1.0, 0.5, 0.5), 0.5, LengthControl.CONTENT) == (1.0, 2.0, 0.5, LengthControl.CONTENT)
    assert f.target_of(Objective(1.0, 0.0, 0.0)) == (1.0, np.inf, 0.0, LengthControl.NONE)
    assert f.target_of(Objective(0.0, 1.0, 0.0), 0.5) == (np.inf, 0.0, 0.5, LengthControl.NONE)
    with pytest.raises(ValueError, match="ends on a face that no pair"):
        f.target_of(Objective(1.0, 1.0, 0.0))


def test_the_gain_is_the_accuracy_less_that_of_the_base_model():
    rollouts = samples(prompts=40, count=16)
    target = Target(1.2, 0.5)
    (found,) = f.forecast(rollouts, [target], np.random.default_rng(0), [Method.PSIS])
    value = reweight(rollouts, target).value["accuracy"].mean()
    assert found.quantities["accuracy"].value == pytest.approx(value)
    assert found.quantities["gain"].value == pytest.approx(value - rollouts.reward.mean())
    assert found.ess == pytest.approx(reweight(rollouts, target).ess.mean())
