"""The numbers that base rollouts give before any training, against theory."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import digamma

from llm.forecasting.words import sentence
from llm.rollout_table import from_table
from tests.rollout_tables import ANSWERS, responses, sampled, table_of
from tests.theory.estimation.test_length_controlled import long_answers
from tests.theory.estimation.test_length_controlled import table as population
from theory.content import covariance_by_length
from theory.estimation import diagnosis
from theory.estimation.diagnosis import (
    ALPHAS,
    Covariance,
    EmptyResponse,
    GradientCosine,
    Silent,
    Turn,
    diagnose,
    empty_response,
)
from theory.estimation.intervals import mean_interval
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
    found = diagnosis._diversity_gap(rollouts, np.random.default_rng(0), None)
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
    found = diagnosis._content(from_table(table), np.random.default_rng(0), None)
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
        ((0.5, 0.45, 0.5, 0.6, 0.7), "both", Turn.VALLEY, (1.5, 1.0, 2.0)),
    ],
)
def test_the_turning_point_is_where_accuracy_turns(accuracies, moves, turn, where):
    """T4: the highest point of a peak, the lowest of a valley, between its neighbours on the grid."""
    lows = [0.01 if moves in ("both", "rises") else -0.2] * 5
    highs = [-0.01 if moves in ("both", "falls") else 0.2] * 5
    point = diagnosis._turning_point(curve(accuracies, lows, highs))
    assert point.turn == turn and (point.value, point.low, point.high) == where
    assert point.accuracy == accuracies[[1.0, 1.5, 2.0, 3.0, 4.0].index(where[0])]


def test_two_values_make_no_turning_point():
    """Nor do values below alpha = 1, which is no sharpening."""
    few = curve((0.5, 0.6, 0.7, 0.6, 0.4), [0.01] * 5, [0.2] * 5)[:2]
    found = diagnosis._turning_point(few)
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
    found = diagnosis._turning_point(few)
    assert (found.turn, found.value) == (turn, 1.5)


def test_values_that_cannot_be_relied_on_or_lie_below_one_are_no_points_of_the_curve():
    five = curve((0.9, 0.5, 0.6, 0.55, 0.5), [0.01] * 5, [0.2] * 5)
    doubted = replace(five[0].quantities["accuracy"], doubts=("few",))
    five[0] = replace(five[0], quantities=five[0].quantities | {"accuracy": doubted})
    found = diagnosis._turning_point(five)
    assert (found.turn, found.value, found.accuracy) == (Turn.PEAK, 2.0, 0.6)
    below = [replace(five[0], target=Target(0.5, 0.0), quantities=five[1].quantities | {}), *five[1:]]
    found = diagnosis._turning_point(below)
    assert found.value == 2.0 and found.low == 1.5


def test_the_grid_begins_beside_the_base_model_and_grows_step_by_step():
    away = np.array(ALPHAS) - 1
    assert {1.5, 2, 3, 4, 6, 8, 16, 32} <= set(ALPHAS)  # powers that one asks for are among them
    assert 0 < away[0] <= 0.05 and away[-1] > 20
    assert (away[1:] / away[:-1] > 1).all() and (away[1:] / away[:-1] <= 2.5 + 1e-9).all()


@pytest.mark.parametrize(
    ("rollouts", "why"),
    [
        (table(samples=1), Silent.SINGLE_SAMPLES),
        (replace(table(), reward=table().each(np.arange(6) % 2.0)), Silent.EQUAL_REWARDS),
        (replace(table(), log_p=table().each(-np.arange(6.0))), Silent.EQUAL_LOG_P),
        (table(prompts=1), Silent.FEW_PROMPTS),
        (replace(table(), length=np.append(np.full(47, 4.0), np.nan)), None),
    ],
)
def test_why_nothing_can_be_told(rollouts, why):
    found = by_name(diagnose(rollouts, [], np.random.default_rng(0)))
    for name in ("covariance", "efficiency", "diversity_gap"):
        assert found[name].silent == why
    for name in ("efficiency", "diversity_gap"):
        assert np.isnan([found[name].value, found[name].low, found[name].high]).all() == (why is not None)
    for name in ("knob_ratio", "relaxation_time"):
        # Without rewards the spread of log p is known all the same, and one prompt has one.
        assert found[name].silent == (None if why in (Silent.EQUAL_REWARDS, Silent.FEW_PROMPTS) else why)
    content = found["content_covariance"]
    assert content.silent == (why or Silent.NO_LENGTHS)
    assert np.isnan([content.value, content.low, content.high, content.by_length]).all()
    assert content.alone == (why == Silent.SINGLE_SAMPLES)  # its share of the samples


def test_two_samples_of_a_prompt_say_something():
    found = by_name(diagnose(table(samples=2), [], np.random.default_rng(0)))
    assert found["covariance"].silent is None and found["knob_ratio"].silent is None


def ragged(lengths, seed=0, prompts=12):
    """Prompts of 1, 2, 4, 6, 9 samples in turn with these lengths in turn; rewards of 0 and 1, mixed or not."""
    generator = np.random.default_rng(seed)
    count = np.tile([1, 2, 4, 6, 9], prompts)[:prompts]
    rows = int(count.sum())
    base = Rollouts.of_arrays(*(np.zeros((rows, 1)) for _ in range(3)), np.arange(rows)[:, None])
    return replace(
        base,
        prompt_id=np.arange(prompts),
        start=np.cumsum(count) - count,
        correct_vote=np.zeros(prompts, int),
        log_p=-30 + 3 * generator.normal(size=rows),
        reward=generator.integers(0, 2, rows).astype(float),
        length=np.array(lengths, float)[np.arange(rows) % len(lengths)],
    )


def test_numbers_of_prompts_with_different_numbers_of_samples():
    """By loops over prompts: one with a single sample says nothing, one without a mistake has no log-odds."""
    rollouts = ragged([4], seed=1)
    found = by_name(diagnose(rollouts, [], np.random.default_rng(0)))
    parts = [(rollouts.reward[rows], rollouts.log_p[rows]) for rows in rollouts.prompt_rows()]
    several = [np.cov(r, l) for r, l in parts if len(r) > 1]
    cov, var_r, var_l = (np.mean([c[i] for c in several]) for i in ((0, 1), (0, 0), (1, 1)))
    assert found["covariance"].value == pytest.approx(cov) and found["covariance"].silent is None
    assert found["efficiency"].value == pytest.approx(cov / np.sqrt(var_r * var_l))
    assert found["efficiency"].low < found["efficiency"].value < found["efficiency"].high
    assert found["knob_ratio"].value == pytest.approx(np.sqrt(var_l))
    mixed = [(r, l) for r, l in parts if 0 < r.mean() < 1]
    assert {1, 2} <= {int(r.sum()) for r, _ in mixed} and 1 in {int((1 - r).sum()) for r, _ in mixed}
    gap = found["diversity_gap"]
    assert (gap.mixed, gap.prompts) == (len(mixed), 12) and 2 < gap.mixed < 12
    weight = [np.var(r, ddof=1) for r, _ in mixed]
    odds = [digamma(r.sum()) - digamma((1 - r).sum()) for r, _ in mixed]
    slope = sum(np.cov(r, l)[0, 1] for r, l in mixed) / sum(weight)
    assert gap.value == pytest.approx(slope) and gap.base_log_odds == pytest.approx(np.average(odds, weights=weight))
    assert gap.gap == pytest.approx(gap.base_log_odds - slope)


@pytest.mark.parametrize("mixed", [1, 2])
def test_two_prompts_with_right_and_wrong_samples_have_a_diversity_gap(mixed):
    rollouts = table()
    reward = np.where(rollouts.each(np.arange(6)) < mixed, rollouts.reward, 1.0)
    gap = by_name(diagnose(replace(rollouts, reward=reward), [], np.random.default_rng(0)))["diversity_gap"]
    assert gap.silent == (None if mixed == 2 else Silent.FEW_PROMPTS) and (gap.mixed, gap.prompts) == (mixed, 6)


def content_by_hand(rollouts, generator):
    """(mean_interval of the covariance at equal length, what lone samples may hide, their share, the whole)."""
    inside, hidden, whole, alone = [], [], [], []
    for rows in rollouts.prompt_rows():
        r, log_p, length = rollouts.reward[rows], rollouts.log_p[rows], rollouts.length[rows]
        groups = [length == own for own in set(length)]
        lone = np.isin(length, [length[group][0] for group in groups if group.sum() == 1])
        alone.append(lone.mean())
        if len(r) > 1:
            inside.append(sum(g.mean() * np.cov(r[g], log_p[g])[0, 1] for g in groups if g.sum() > 1))
            hidden.append(np.mean(lone * np.abs((r - r.mean()) * (log_p - log_p.mean()))))
            whole.append(np.cov(r, log_p)[0, 1])
    return mean_interval(np.array(inside), generator), np.mean(hidden), np.mean(alone), np.mean(whole)


@pytest.mark.parametrize(
    ("lengths", "seed", "ratio"),
    [
        ([4], 0, 1e99),
        ([4, 4, 4, 4, 7], 1, 2.399),
        ([4, 7, 9], 0, 2.083),
        ([4, 4, 4, 7, 9], 1, 1.843),
        ([4, 7, 9], 7, 0.972),
    ],
)
def test_what_lone_samples_may_hide_is_added_to_the_content_covariance_or_silences_it(lengths, seed, ratio):
    """T18, by loops: silent where they may hide more to either side than half of what the interval spans."""
    rollouts = ragged(lengths, seed)
    found = diagnosis._content(rollouts, np.random.default_rng(0), None)
    (value, low, high), hidden, alone, whole = content_by_hand(rollouts, np.random.default_rng(0))
    assert found.alone == pytest.approx(alone) and (
        hidden == 0 or (high - low) / hidden == pytest.approx(ratio, rel=0.01)
    )
    if ratio < 2:
        assert np.isnan([found.value, found.low, found.high, found.by_length]).all()
        assert found.silent == Silent.LENGTHS_APART
    else:
        expected = value, low - hidden, high + hidden, whole - value
        assert (found.value, found.low, found.high, found.by_length) == pytest.approx(expected)
        assert found.silent is None


def test_findings_are_known_by_their_names_and_words():
    """As diagnosis.json and the report have them."""
    peak = curve((0.5, 0.6, 0.7, 0.6, 0.4), [0.01] * 5, [0.2] * 5)
    findings = diagnose(table(), peak, np.random.default_rng(0))
    names = [finding.name for finding in findings]
    assert by_name(findings)["turning_point"].value == 2.0
    assert [*names, EmptyResponse.name, GradientCosine.name] == [
        "covariance", "content_covariance", "diversity_gap", "efficiency", "turning_point", "knob_ratio",
        "relaxation_time", "empty_response", "gradient_cosine",
    ]  # fmt: skip
    assert {*Turn} == {"peak", "valley", "falls", "rises", "flat", "noise", "unknown"}
    assert {*Silent} == {
        "single samples", "equal rewards", "equal log p", "few prompts", "lengths apart", "no lengths", "noise",
        "graded rewards",
    }  # fmt: skip


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
