"""The numbers that base rollouts give before any training, against theory."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from llm.forecasting.words import sentence
from llm.rollout_table import from_table
from tests.rollout_tables import ANSWERS, responses, sampled, table_of
from tests.theory.estimation.test_length_controlled import long_answers
from tests.theory.estimation.test_length_controlled import table as population
from theory.content import covariance_by_length
from theory.estimation.diagnosis import ALPHAS, Covariance, Silent, Turn, diagnose, empty_response
from theory.estimation.length_term import length_class
from theory.estimation.records import Estimate, Forecast, Method
from theory.estimation.samples import Rollouts
from theory.estimation.target import Target


def by_name(findings):
    return {finding.name: finding for finding in findings}


def test_the_diagnosis_has_the_numbers_of_the_theory():
    """T2, T5: covariance and equal-budget efficiency of samples in exact proportion."""
    from theory.tilt import moments

    counts = [np.repeat(np.arange(5), np.round(3000 * np.exp(responses(i)[0])).astype(int)) for i in range(12)]
    rollouts = from_table(table_of(counts))
    found = by_name(diagnose(rollouts, [], np.random.default_rng(0)))
    right = (ANSWERS == 1).astype(float)
    each = [moments(responses(i)[0], right, 1, 0) for i in range(12)]
    covariance, var_l, var_r = (
        np.mean([getattr(m, name) for m in each]) for name in ("cov", "var_log_p", "var_reward")
    )
    assert found["covariance"].value == pytest.approx(covariance, abs=2e-3)
    assert found["efficiency"].value == pytest.approx(covariance / np.sqrt(var_l * var_r), abs=2e-3)
    # The standard deviation, not the variance: what alpha = 2 weighs against b = 1, and the b that balances it.
    assert found["knob_ratio"].value == found["relaxation_time"].value == pytest.approx(np.sqrt(var_l), rel=2e-3)


def drawn_prompts(samples, prompts=4000, seed=0):
    """Samples of prompts whose right answers are rare and unlikely, or common and likely, and what theory says."""
    generator = np.random.default_rng(seed)
    log_p = np.log([[0.93, 0.05, 0.02], [0.2, 0.1, 0.7], [0.35, 0.3, 0.35]])
    right = np.array([[0, 0, 1], [0, 0, 1], [1, 1, 0]])
    kind = np.arange(prompts) % 3
    drawn = (generator.random((prompts, samples, 1)) > np.cumsum(np.exp(log_p), axis=1)[kind][:, None, :-1]).sum(-1)
    rows = kind[:, None]
    rollouts = Rollouts.of_arrays(log_p[rows, drawn], right[rows, drawn], 3 + drawn, drawn)
    p = np.exp(log_p)
    accuracy = (p * right).sum(1)
    given = [(p * of * log_p).sum(1) / (p * of).sum(1) for of in (right, 1 - right)]
    undecided = accuracy * (1 - accuracy)
    slope = np.average(given[0] - given[1], weights=undecided)
    return rollouts, slope, np.average(np.log(accuracy / (1 - accuracy)), weights=undecided)


@pytest.mark.parametrize("samples", [3, 8, 64])
def test_the_diversity_gap_is_the_same_for_any_number_of_samples(samples):
    """T3: with 3 samples the mixed prompts are others than with 64; an unweighted mean over them turned round."""
    rollouts, slope, odds = drawn_prompts(samples)
    found = by_name(diagnose(rollouts, [], np.random.default_rng(0)))["diversity_gap"]
    error = (found.high - found.low) / 3.92
    assert found.value == pytest.approx(slope, abs=3.5 * error) and error < 0.15 * abs(slope)
    assert found.sign == np.sign(slope)
    assert samples < 64 or found.base_log_odds == pytest.approx(odds, abs=0.1)
    assert found.value == pytest.approx(found.base_log_odds - found.gap)


def test_graded_rewards_have_no_diversity_gap():
    """T3 is of right and wrong responses."""
    rollouts, _, _ = drawn_prompts(8, prompts=30)
    graded = replace(rollouts, reward=rollouts.reward / 2 + 0.25)
    found = by_name(diagnose(graded, [], np.random.default_rng(0)))["diversity_gap"]
    assert found.silent == Silent.GRADED_REWARDS and np.isnan(found.value) and "between 0 and 1" in sentence(found)


def test_a_diagnosis_does_not_change_with_what_was_drawn_before():
    """Findings once shared one generator with the forecasts: another grid of alpha gave other intervals."""
    rollouts, _, _ = drawn_prompts(8, prompts=60)
    generator = np.random.default_rng(5)
    before = diagnose(rollouts, [], generator)
    generator.random(1000)
    for one, other in zip(before, diagnose(rollouts, [], generator), strict=True):
        assert repr(one) == repr(other)
    assert repr(before[0]) != repr(diagnose(rollouts, [], np.random.default_rng(6))[0])


def test_covariance_at_equal_length_is_content_alone():
    """T18: two lengths; within each the likelier response is wrong, but the shorter length is right more often."""
    log_p = np.log([0.4, 0.3, 0.2, 0.1])
    reward, length = np.array([0.0, 1.0, 0.0, 1.0]), np.array([4, 4, 20, 20])
    y = np.repeat(np.arange(4), [40, 30, 20, 10])
    table = pd.DataFrame(
        {
            "prompt_id": np.repeat(["a", "b", "c"], 100),
            "sample": np.tile(np.arange(100), 3),
            "response": np.tile(y.astype(str), 3),
            "answer": "1",
            "reward": np.tile(reward[y], 3),
            "log_p": np.tile(log_p[y], 3),
            "length": np.tile(length[y], 3),
            "finished": True,
        }
    )
    found = by_name(diagnose(from_table(table), [], np.random.default_rng(0)))
    expected = covariance_by_length(log_p, reward, length)
    assert found["content_covariance"].value == pytest.approx(expected.within, rel=0.05)
    assert found["content_covariance"].value < 0 and found["covariance"].value < 0


def test_content_covariance_is_not_too_small_for_few_samples_of_a_length():
    """T18 with n - 1: prompts of six samples, about three of a length, give the covariance of p on average."""
    log_p, reward = np.log([0.4, 0.1, 0.3, 0.2]), np.array([1.0, 0.0, 0.0, 1.0])
    length = np.array([4, 4, 20, 20])
    y = np.random.default_rng(0).choice(4, size=2000 * 6, p=np.exp(log_p))
    table = pd.DataFrame(
        {
            "prompt_id": np.repeat(np.arange(2000), 6),
            "sample": np.tile(np.arange(6), 2000),
            "response": y.astype(str),
            "answer": "1",
            "reward": reward[y],
            "log_p": log_p[y],
            "length": length[y],
            "finished": True,
        }
    )
    found = by_name(diagnose(from_table(table), [], np.random.default_rng(0)))["content_covariance"]
    error = (found.high - found.low) / 3.92
    assert found.value == pytest.approx(covariance_by_length(log_p, reward, length).within, abs=4 * error)
    assert error < 0.1 * found.value


@pytest.mark.parametrize("samples", [8, 64, 1000])
def test_content_covariance_is_told_only_where_lengths_come_back(samples):
    """T18: lengths of 100 to 2,000. The mean over lengths seen twice was -.028 [-.032, -.025], and -.059 is true."""
    generator = np.random.default_rng(0)
    kinds = list(long_answers(generator))
    truth = np.mean([covariance_by_length(log_p, r, length_class(length)).within for log_p, r, length in kinds])
    responses = [generator.choice(300, size=samples, p=np.exp(log_p)) for log_p, *_ in kinds]
    found = by_name(diagnose(population(kinds, responses), [], generator))["content_covariance"]
    assert (found.silent == Silent.LENGTHS_APART) == (samples < 1000)
    if found.silent:
        assert np.isnan(found.value) and f"{100 * found.alone:.0f} % of the samples have no other" in sentence(found)
    else:
        assert found.low < truth < found.high and found.sign == np.sign(truth)


def test_the_empty_response_is_compared_with_the_likeliest_sample():
    """T17."""
    rollouts = from_table(sampled(prompts=4))
    best = rollouts.max(rollouts.log_p)
    found = empty_response(best + np.array([1.0, -1.0, -2.0, -3.0]), rollouts)
    assert found.value == 0.25 and "On 25.0 % of prompts" in sentence(found)


def curve(accuracies, lows, highs):
    """Forecasts along alpha = 1, 1.5, 2, 3, 4 with these accuracies and intervals of the gain over the base model."""
    return [
        Forecast(
            Target(alpha, 0.0),
            Method.PSIS,
            20.0,
            0.1,
            {"accuracy": Estimate(value, value - 0.1, value + 0.1), "gain": Estimate(0.0, low, high)},
            None,
        )
        for alpha, value, low, high in zip((1.0, 1.5, 2.0, 3.0, 4.0), accuracies, lows, highs, strict=True)
    ]


@pytest.mark.parametrize(
    ("accuracies", "moves", "turn", "where"),
    [
        ((0.5, 0.6, 0.7, 0.6, 0.4), "both", Turn.PEAK, (2.0, 1.5, 3.0)),
        ((0.5, 0.45, 0.4, 0.45, 0.7), "both", Turn.VALLEY, (2.0, 1.5, 3.0)),
        ((0.5, 0.45, 0.4, 0.35, 0.3), "falls", Turn.FALLS, (1.0, 1.0, 1.5)),
        ((0.5, 0.55, 0.6, 0.65, 0.7), "rises", Turn.RISES, (4.0, 3.0, 4.0)),
        ((0.5, 0.51, 0.52, 0.51, 0.5), "neither", Turn.NOISE, (2.0, 1.5, 3.0)),
        ((0.5, 0.5, 0.5, 0.5, 0.5), "both", Turn.FLAT, (1.0, 1.0, 1.5)),
    ],
)
def test_the_turning_point_is_where_accuracy_turns(accuracies, moves, turn, where):
    """T4: the highest point of a peak, the lowest of a valley, between its neighbours on the grid."""
    lows = [0.01 if moves in ("both", "rises") else -0.2] * 5
    highs = [-0.01 if moves in ("both", "falls") else 0.2] * 5
    found = by_name(diagnose(from_table(sampled()), curve(accuracies, lows, highs), np.random.default_rng(0)))
    point = found["turning_point"]
    assert point.turn == turn and (point.value, point.low, point.high) == where
    assert point.accuracy == accuracies[[1.0, 1.5, 2.0, 3.0, 4.0].index(where[0])]


def test_two_values_make_no_turning_point():
    """Nor do values below alpha = 1, which is no sharpening."""
    few = curve((0.5, 0.6, 0.7, 0.6, 0.4), [0.01] * 5, [0.2] * 5)[:2]
    found = by_name(diagnose(from_table(sampled()), few, np.random.default_rng(0)))["turning_point"]
    assert found.turn == Turn.UNKNOWN and np.isnan(found.value)


def table(prompts=6, samples=8, seed=0):
    generator = np.random.default_rng(seed)
    y = np.arange(prompts * samples).reshape(prompts, samples)
    return Rollouts.of_arrays(-9 + generator.normal(size=y.shape), y % 3 == 0, y * 0 + 4, y)


def test_an_interval_that_touches_nothing_has_no_sign():
    assert [Covariance(0.0, low, high).sign for low, high in ((-1, 0), (0, 1), (-2, -1), (1, 2), (-1, 1))] == [
        0, 0, -1, 1, 0,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lows", "highs", "turn"),
    [
        ([0.0] * 3, [0.0] * 3, Turn.NOISE),
        ([-0.1, -0.1, 0.01], [0.1] * 3, Turn.PEAK),  # one gain that is sure is enough
        ([-0.1] * 3, [0.1, 0.1, -0.01], Turn.PEAK),
    ],
)
def test_three_values_are_a_curve_and_one_sure_gain_or_loss_leaves_the_noise(lows, highs, turn):
    few = curve((0.5, 0.6, 0.55, 0, 0), [*lows, 0, 0], [*highs, 0, 0])[:3]
    found = by_name(diagnose(from_table(sampled()), few, np.random.default_rng(0)))["turning_point"]
    assert (found.turn, found.value) == (turn, 1.5)


def test_values_that_cannot_be_relied_on_or_lie_below_one_are_no_points_of_the_curve():
    five = curve((0.9, 0.5, 0.6, 0.55, 0.5), [0.01] * 5, [0.2] * 5)
    doubted = replace(five[0].quantities["accuracy"], doubts=("few",))
    five[0] = replace(five[0], quantities=five[0].quantities | {"accuracy": doubted})
    found = by_name(diagnose(from_table(sampled()), five, np.random.default_rng(0)))["turning_point"]
    assert (found.turn, found.value, found.accuracy) == (Turn.PEAK, 2.0, 0.6)
    below = [replace(five[0], target=Target(0.5, 0.0), quantities=five[1].quantities | {}), *five[1:]]
    found = by_name(diagnose(from_table(sampled()), below, np.random.default_rng(0)))["turning_point"]
    assert found.value == 2.0 and found.low == 1.5


def test_the_grid_begins_beside_the_base_model_and_grows_step_by_step():
    away = np.array(ALPHAS) - 1
    assert 0 < away[0] <= 0.05 and away[-1] > 20
    assert (away[1:] / away[:-1] > 1).all() and (away[1:] / away[:-1] <= 2.5 + 1e-9).all()


@pytest.mark.parametrize(
    ("rollouts", "why"),
    [
        (table(samples=1), Silent.SINGLE_SAMPLES),
        (replace(table(), reward=table().each(np.arange(6) % 2.0)), Silent.EQUAL_REWARDS),
        (replace(table(), log_p=table().each(-np.arange(6.0))), Silent.EQUAL_LOG_P),
        (table(prompts=1), Silent.FEW_PROMPTS),
    ],
)
def test_why_nothing_can_be_told(rollouts, why):
    found = by_name(diagnose(rollouts, [], np.random.default_rng(0)))
    for name in ("covariance", "efficiency", "diversity_gap"):
        assert found[name].silent == why
    for name in ("efficiency", "diversity_gap"):
        assert np.isnan([found[name].value, found[name].low, found[name].high]).all()
    knob = found["knob_ratio"]
    # Without rewards the spread of log p is known all the same, and one prompt has one.
    assert knob.silent == (None if why in (Silent.EQUAL_REWARDS, Silent.FEW_PROMPTS) else why)


def test_two_prompts_have_a_covariance_and_an_efficiency():
    rollouts = table(prompts=2)
    found = by_name(diagnose(rollouts, [], np.random.default_rng(0)))
    parts = [np.cov(rollouts.reward[rows], rollouts.log_p[rows]) for rows in rollouts.prompt_rows()]
    cov, var_r, var_l = (np.mean([part[i] for part in parts]) for i in ((0, 1), (0, 0), (1, 1)))
    assert found["covariance"].value == pytest.approx(cov) and found["covariance"].silent is None
    assert (
        found["efficiency"].value == pytest.approx(cov / np.sqrt(var_r * var_l)) and found["efficiency"].silent is None
    )
    assert found["knob_ratio"].value == pytest.approx(np.sqrt(var_l))
    gap = found["diversity_gap"]
    assert gap.value == pytest.approx(cov / var_r) and (gap.mixed, gap.prompts, gap.silent) == (2, 2, None)


def test_a_tie_with_stopping_at_once_is_no_win_and_the_margin_is_a_median():
    rollouts = table(prompts=3)
    best = rollouts.max(rollouts.log_p)
    found = empty_response(best + np.array([0.0, 0.5, -3.0]), rollouts)
    assert found.value == pytest.approx(1 / 3) and found.margin == pytest.approx(0.0)
