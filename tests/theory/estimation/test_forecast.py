"""What a forecast says, what it doubts, and that it stands on theory's formulas."""

import importlib
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from llm.rollout_table import from_table
from tests.rollout_tables import ANSWERS, COMPLETE, PROMPTS, responses, sampled, table_of
from tests.theory.estimation.test_reweight import one_table
from theory import dynamics, estimation, reweighting
from theory.estimation import band, following
from theory.estimation.at_distance import frontier
from theory.estimation.forecast import forecast, limits
from theory.estimation.records import Method
from theory.estimation.reweight import Target, reweight
from theory.estimation.verdict import Base, judge
from theory.objectives import regime
from theory.vocabulary import Quantity

FORECAST = importlib.import_module("theory.estimation.forecast")  # its function has the same name


def test_two_samples_with_log_probabilities_a_hundred_nats_apart_cannot_tell():
    """T23: one response has all the weight; no number is offered as reliable, and no feasible sample size either."""
    table = sampled(samples=2)
    table["log_p"] = -50 + np.random.default_rng(0).uniform(-50, 49, size=len(table))
    table["response"] = [f"{i} {text}" for i, text in enumerate(table["response"])]
    for record in forecast(from_table(table), [Target(2.0, 0.0), Target(4.0, 1.0)], np.random.default_rng(0)):
        assert not record.reliable and record.doubts
        assert record.samples_needed > 1e9


def test_single_samples_cannot_tell():
    for record in forecast(from_table(sampled(samples=1)), [Target(1.1, 0.0)], np.random.default_rng(0)):
        assert not record.reliable and "prompts with a single sample" in record.doubts


def test_prompts_never_solved_are_a_reason_to_doubt_a_large_b():
    """T24: right answers that were never sampled could be what the reward would find."""
    table = sampled()
    hopeless = table["prompt_id"].isin([f"p{i}" for i in range(PROMPTS // 2)])
    table.loc[hopeless, "reward"] = 0.0
    small, large = forecast(from_table(table), [Target(1, 0.01), Target(1, 5.0)], np.random.default_rng(0), ("psis",))
    assert small["accuracy"].reliable and not large["accuracy"].reliable
    assert "right answers that were never sampled could matter" in large.doubts


def test_a_file_of_complete_distributions_is_answered_exactly():
    """T1: where all responses are listed the method is exact, and its value is the sum."""
    record = forecast(COMPLETE, [Target(2.0, 1.0)], np.random.default_rng(0))[0]
    assert record.method == "exact" and record.reliable
    weighed = forecast(COMPLETE, [Target(2.0, 1.0)], np.random.default_rng(0), (Method.PSIS,))
    assert [own.method for own in weighed] == ["psis"]  # what was not asked for is not told
    weights = [np.exp(log_softmax(2 * responses(i)[0] + (ANSWERS == 1))) for i in range(PROMPTS)]
    assert record["accuracy"].value == pytest.approx(np.mean([w[ANSWERS == 1].sum() for w in weights]), abs=1e-12)
    length = np.mean([w @ responses(i)[1] for i, w in enumerate(weights)])
    assert record["length"].low < length < record["length"].high


def test_the_frontier_of_tilting_is_that_of_the_theory():
    """T5: accuracy and KL of q_{1,b}, from responses in exact proportion."""
    from theory.budget import reward_at, tilting_at_budget
    from theory.estimation.reweight import tilting_frontier
    from theory.tilt import moments

    log_p, _ = responses(3)
    y = np.repeat(np.arange(5), np.round(20_000 * np.exp(log_p)).astype(int))
    frontier = tilting_frontier(from_table(table_of([y[:0]] * 3 + [y])))
    right = (ANSWERS == 1).astype(float)
    for budget in (0.01, 0.1, 0.3):
        expected = moments(log_p, right, 1, tilting_at_budget(log_p, right, budget)).mean_reward
        assert reward_at(frontier, budget) == pytest.approx(expected, abs=3e-3)


def numbers(rollouts=None):
    """accuracy, length and KL at a point, by every method."""
    records = forecast(rollouts or from_table(sampled(prompts=12)), [Target(1.5, 0.5)], np.random.default_rng(0))
    return {record.method: [record[name].value for name in ("accuracy", "length", "kl")] for record in records}


def test_the_forecast_stands_on_the_weights_of_theory(monkeypatch):
    """T23: were theory's weights others, every number of psis and of exact would be."""
    before, exact_before = numbers()["psis"], numbers(COMPLETE)["exact"]
    true = reweighting.log_weights

    def flatter(score, start=None, log_mass=None):
        return true(0.5 * score, start, log_mass)

    for module in ("theory.estimation.reweight", "theory.estimation.coordinate"):
        monkeypatch.setattr(f"{module}.log_weights", flatter)
    assert np.abs(np.subtract(numbers()["psis"], before)).min() > 1e-3
    assert np.abs(np.subtract(numbers(COMPLETE)["exact"], exact_before)).min() > 1e-3


def test_the_expansion_stands_on_the_cumulant_formula_of_theory(monkeypatch):
    """T23: its accuracy is theory's, the sign of the second cumulants included."""
    before = numbers()["cumulant"][0]
    true = reweighting.cumulant_log_odds
    monkeypatch.setattr("theory.estimation.cumulants.cumulant_log_odds", lambda *a, **k: true(*a, **k) + 1)
    assert numbers()["cumulant"][0] > before + 0.05


def test_no_module_of_estimation_weighs_by_itself():
    """T23: weights are exponentials of theory.reweighting's; whoever normalises by hand has a second code for it."""
    folder = Path(estimation.__file__).parent
    by_hand = {
        file.name: name
        for file in folder.glob("*.py")
        for name in ("logsumexp(", "softmax(", "log_softmax(")
        if name in file.read_text()
    }
    # The Pareto tail is put back to where it was; Z of a run's distance is no weight.
    assert by_hand.keys() <= {"smoothing.py", "distance.py"}


def test_the_gain_at_equal_kl_is_read_off_the_frontier_of_theory(monkeypatch):
    """T5: the verdict and the comparison ask theory.budget what a KL can buy."""
    rollouts = from_table(sampled(samples=64, spread=0.4))
    curves = frontier(rollouts, np.random.default_rng(0))
    base = Base(PROMPTS, 64, 0.5, flat=False)
    assert judge(base, *curves).best.reward_gain != 0.123
    monkeypatch.setattr("theory.estimation.verdict.reward_at", lambda frontier, budget: 0.123)
    assert judge(base, *curves).best.reward_gain == 0.123


def test_runs_are_followed_along_the_line_of_theory(monkeypatch):
    """T8: the collapse band and the following of a run share one line; a longer one takes both farther."""
    true, objective = dynamics.line_points, regime("tempered", alpha=3.0)

    def ends():
        return max(band.path(objective).alpha), max(target.alpha for target in following.targets_along(objective))

    assert ends() == pytest.approx((3.0, 3.4))
    for module in (band, following):
        monkeypatch.setattr(module, "line_points", lambda objective, share: true(objective, 2 * np.asarray(share)))
    assert ends() == pytest.approx((5.0, 5.8))


def test_a_forecast_is_written_with_the_keys_that_readers_know():
    """Flat, each quantity with its ends and whether it is reliable; votes last."""
    record = forecast(from_table(sampled()), [Target(1.1, 0.0)], np.random.default_rng(0), ("psis",))[0]
    written = record.to_json()
    assert list(written)[:11] == [
        "method", "alpha", "b", "kappa", "length_control", "ess", "pareto_k",
        "accuracy", "accuracy_low", "accuracy_high", "accuracy_reliable",
    ]  # fmt: skip
    for name in (*Quantity, "pass@4", "pass@16", "gain", "maj@4", "maj@16"):
        assert {name, f"{name}_low", f"{name}_high", f"{name}_reliable"} <= written.keys()
    assert list(written)[-8:-4] == ["maj@4", "maj@4_low", "maj@4_high", "maj@4_reliable"]
    assert json.loads(json.dumps(written))["method"] == "psis" and written["reliable"] is record.reliable
    assert {"reliable", "doubts", "samples_needed"} <= written.keys()


def test_an_expansion_far_from_the_base_model_is_not_relied_on():
    """T23: log p that varies by 114 nats within a prompt: where logits saturate the next term looks small."""
    generator = np.random.default_rng(0)
    table = sampled(samples=3, prompts=100)
    table["log_p"] = -800 + 114 * generator.normal(size=len(table))
    table["response"] = [f"{i} {text}" for i, text in enumerate(table["response"])]
    targets = [Target(alpha, 0.0) for alpha in (0.5, 1.02, 1.1, 2.0, 4.0)]
    for record in forecast(from_table(table), targets, generator, ("cumulant",)):
        assert not record["accuracy"].reliable and not record["length"].reliable, record.target
    assert forecast(from_table(table), [Target(1.0, 0.1)], generator, ("cumulant",))[0]["accuracy"].reliable


@pytest.mark.parametrize("method", list(Method))
@settings(max_examples=15)
@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 6), st.floats(0.1, 200), st.booleans(), st.data())
def test_nothing_is_said_outside_the_range_of_a_quantity(method, seed, prompts, samples, spread, binary, data):
    """However few and odd the samples: a length below 1, an entropy or KL below 0, a share beyond 1 is no answer."""
    generator = np.random.default_rng(seed)
    table = sampled(samples=samples, prompts=prompts)
    table["log_p"] = -spread * generator.exponential(size=len(table))
    table["reward"] = generator.integers(0, 2, len(table)) if binary else generator.random(len(table))
    table["finished"] = generator.random(len(table)) < data.draw(st.sampled_from([0.0, 0.5, 1.0]))
    targets = [Target(*data.draw(st.sampled_from([(0.0, 0.0), (1.0, 0.0), (1.5, 1.0), (8.0, 0.0), (1.0, 20.0)])))]
    targets += [Target(np.inf, 0.0), Target(1.0, np.inf)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        records = forecast(from_table(table), targets, generator, (method,))
    for record in records:
        for name, estimate in record.quantities.items():
            low, high = limits(name)
            for number in (estimate.value, estimate.low, estimate.high):
                assert np.isnan(number) or low <= number <= high, (name, number)
            assert not np.isnan(estimate.value)
            assert not (estimate.reliable and np.isnan([estimate.low, estimate.high]).any()), name


def test_a_record_does_not_depend_on_what_else_was_asked():
    """Intervals and votes once changed with the grid, for all drew from one generator in turn."""
    rollouts, asked = from_table(sampled()), Target(1.3, 0.0)
    generator = np.random.default_rng(3)
    alone = forecast(rollouts, [asked], generator, (Method.PSIS,))[0].to_json()
    among = forecast(rollouts, [Target(0.5, 0.0), Target(2.0, 1.0), asked], generator, (Method.PSIS,))[2].to_json()
    assert alone == among


def test_a_gain_is_no_larger_than_what_is_left_to_gain():
    """From a base of .592 once a gain of 46.5 points was said: the bias of few samples, corrected, led beyond 1."""
    generator, worst = np.random.default_rng(0), 0.0
    for _ in range(6):
        table = sampled(samples=8, prompts=20)
        table["log_p"] = -60 + 15 * generator.normal(size=len(table))
        table["reward"] = generator.integers(0, 2, len(table)).astype(float)
        table["response"] = np.arange(len(table)).astype(str)
        rollouts = from_table(table)
        known = forecast(rollouts, [Target(1.0, 0.0)], generator, (Method.PSIS,))[0]["accuracy"]
        for record in forecast(rollouts, [Target(a, 8.0) for a in (1.2, 2.0, 4.0)], generator, (Method.PSIS,)):
            gain, base = record["gain"], rollouts.mean(rollouts.reward).mean()
            assert -base - 1e-12 <= gain.value <= 1 - base + 1e-12
            assert -known.high - 1e-9 <= gain.low and gain.high <= 1 - known.low + 1e-9
            worst = max(worst, gain.value - (1 - base))
    assert worst == pytest.approx(0, abs=1e-9)  # the border was reached, so that it was there to hold


def test_a_kl_beyond_what_the_samples_can_tell_is_a_lower_bound():
    """T23: log n - H(w) cannot pass log n; at 15 nats of spread and alpha = 2 the KL is 112, and 2 is the least."""
    generator = np.random.default_rng(0)
    table = sampled(samples=16, prompts=30)
    table["log_p"] = -200 + 15 * generator.normal(size=len(table))
    table["response"] = np.arange(len(table)).astype(str)
    far, near = forecast(from_table(table), [Target(2.0, 0.0), Target(1.02, 0.0)], generator, (Method.PSIS,))
    assert far["kl"].at_least and far["kl"].high == np.inf and not far["kl"].reliable
    assert 1.5 < far["kl"].value <= np.log(16) and far["kl"].low <= far["kl"].value
    assert near["kl"].reliable and not near["kl"].at_least
    assert near["kl"].value == pytest.approx(0.02**2 * 15**2 / 2, rel=0.3)


def test_a_prompt_with_a_single_sample_does_not_take_the_interval_of_all():
    table = sampled(prompts=20)
    ragged = from_table(table[(table["prompt_id"] != "p0") | (table["sample"] == 0)])
    for record in forecast(ragged, [Target(1.0, 0.0), Target(1.2, 0.0)], np.random.default_rng(0), ("psis",)):
        assert record["accuracy"].low < record["accuracy"].value < record["accuracy"].high
    assert not record.reliable and "prompts with a single sample" in record.doubts


def test_what_was_corrected_for_widens_the_interval(monkeypatch):
    """Half of a bias is added to either end, and all of it where it is more than half the interval's width."""
    rollouts = from_table(sampled(samples=6))
    target = Target(1.5, 0.0)
    true = reweight(rollouts, target)

    def end(bias):
        told = true._replace(bias={name: np.full(PROMPTS, bias) for name in true.bias})
        monkeypatch.setattr(FORECAST, "reweight", lambda *_: told)
        (record,) = forecast(rollouts, [target], np.random.default_rng(0), ("psis",))
        return np.array([record["length"].low, record["length"].high])

    plain = end(0.0)
    half = (plain[1] - plain[0]) / 2
    for bias, added in ((0.4 * half, 0.2 * half), (-0.4 * half, 0.2 * half), (1.5 * half, 1.5 * half)):
        assert end(bias) - plain == pytest.approx([-added, added])


def test_right_answers_that_were_never_sampled_are_added_above(monkeypatch):
    """T24: what was not seen can only be missing, and only from accuracies."""
    table = sampled()
    table.loc[table["prompt_id"].isin(["p0", "p1", "p2"]), "reward"] = 0.0
    rollouts = from_table(table)

    def record(unseen):
        monkeypatch.setattr(FORECAST, "unseen_accuracy", lambda *_: unseen)
        return forecast(rollouts, [Target(1.0, 1.0)], np.random.default_rng(0), ("psis",))[0]

    without, having = record(0.0), record(0.01)  # so little that it makes no doubt, which would open the KL
    for name in ("accuracy", "pass@4", "gain"):
        assert having[name].high - without[name].high == pytest.approx(0.01) and having[name].low == without[name].low
    for name in ("length", "log_p", "finished", "kl"):
        assert (having[name].low, having[name].high) == (without[name].low, without[name].high)


@pytest.mark.parametrize(("mean", "doubted"), [(0.5, False), (0.95, True)])
def test_a_tail_beyond_seven_tenths_is_doubted(mean, doubted):
    """T23: an exponential tail of t with mean m has Pareto shape m; from .7 on smoothed weights do not converge."""
    surprise = np.random.default_rng(0).exponential(size=4000)
    (record,) = forecast(one_table(-60 + mean * surprise), [Target(2.0, 0.0)], np.random.default_rng(0), ("psis",))
    assert record.pareto_k == pytest.approx(mean, abs=0.15)
    assert ("Pareto k above 0.7" in record.doubts) == doubted
