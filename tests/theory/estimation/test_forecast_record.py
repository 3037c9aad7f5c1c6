"""The record that is made of estimates, from made-up ones: means, intervals, bounds and doubts as written by hand."""

import importlib

import numpy as np
import pytest

from theory.estimation.intervals import ClusterBootstrap
from theory.estimation.records import Method
from theory.estimation.reweight import Reweighted
from theory.estimation.samples import Rollouts
from theory.estimation.shares import share_intervals
from theory.estimation.target import Target
from theory.vocabulary import LengthControl

f = importlib.import_module("theory.estimation.forecast")  # its package has a function of that name
PROMPTS = 30
SHARES = ("accuracy", "finished", "pass@4")
NAMES = (*SHARES, "length", "log_p", "entropy", "kl", "log_draws", "gain")
TARGET = Target(2.0, 0.0)


def table(prompts=PROMPTS, finished=1.0):
    y = np.arange(8 * prompts).reshape(prompts, 8)
    made = Rollouts.of_arrays(np.log(np.full(y.shape, 0.01)), y % 8 < 4, y * 0 + 3, y)
    return made if finished == 1 else f.replace(made, finished=y.ravel() % 8 < 8 * finished)


def made_up(prompts=PROMPTS, bias=0.0, untold=0.0, ess=20.0, seed=0, **value):
    """Estimates that differ between prompts as they may, all with this bias; without a tail that could be doubted."""
    generator = np.random.default_rng(seed)
    middle = {"accuracy": 0.6, "finished": 0.5, "pass@4": 0.7, "length": 30.0, "log_p": -40.0, "entropy": 20.0}
    middle |= {"kl": 1.0, "log_draws": 2.0} | value
    values = {name: at + 0.1 * generator.uniform(-1, 1, prompts) for name, at in middle.items()}
    biases = {name: np.full(prompts, bias) for name in values}
    left = {"untold": {name: np.full(prompts, untold) for name in values}} if untold else {}
    return Reweighted(values, biases, np.full(prompts, ess), np.full(8 * prompts, 1 / 8), 0.1, **left)


def bootstrap(prompts=PROMPTS):
    return ClusterBootstrap(prompts, np.random.default_rng(1))


@pytest.mark.parametrize("method", [Method.PSIS, Method.EXACT])
@pytest.mark.parametrize(("bias", "untold", "unseen"), [(0.004, 0.0, 0.0), (-0.1, 0.0, 0.01), (0.002, -0.003, 0.02)])
def test_errors_widen_an_interval_and_are_weighed_against_what_is_allowed(bias, untold, unseen, method, monkeypatch):
    """Half an error is added where it is within half the interval, all of it elsewhere; what was unseen only above."""
    monkeypatch.setattr(f, "unseen_accuracy", lambda *_: unseen)
    estimate = made_up(bias=bias, untold=untold)
    found = f._Summary.of(method, table(), TARGET, estimate, bootstrap())
    assert sorted(found.names) == sorted(NAMES)
    base = 0.04 if method == Method.EXACT else 0.5  # four listed responses of .01, or half of the samples
    unseen = 0.0 if method == Method.EXACT else unseen
    for place, name in enumerate(found.names):
        values = estimate.value["accuracy"] - base if name == "gain" else estimate.value[name]
        low, high = bootstrap().interval(values[:, None])[:, 0]
        half, error = (high - low) / 2, abs(bias) + abs(untold)
        added = error / 2 if error <= half else error
        above = unseen if name in ("accuracy", "pass@4", "gain") else 0.0
        assert found.mean[place] == pytest.approx(values.mean())
        assert found.low[place] == pytest.approx(low - added), name
        assert found.high[place] == pytest.approx(high + added + above), name
        allowed = max(half, 0.005) if name in (*SHARES, "gain") else half
        assert found.shortfall[name] == pytest.approx(error / allowed), name
    half = np.ptp(bootstrap().interval(estimate.value["accuracy"][:, None])) / 2
    assert found.unseen == unseen and found.largest_unseen == pytest.approx(max(0.2 * half, 0.005))


def test_a_narrow_interval_of_a_share_allows_half_a_point():
    """Of a length it does not, whose unit is another."""
    narrow = made_up()
    narrow = narrow._replace(
        value={name: v.mean() + 1e-4 * (v - v.mean()) for name, v in narrow.value.items()},
        bias={name: np.full(PROMPTS, 0.004) for name in narrow.bias},
    )
    found = f._Summary.of(Method.PSIS, table(), TARGET, narrow, bootstrap())
    assert {name for name, size in found.shortfall.items() if size == pytest.approx(0.8)} == {*SHARES, "gain"}
    assert min(size for name, size in found.shortfall.items() if name not in (*SHARES, "gain")) > 100
    assert found.largest_unseen == 0.005


def test_what_is_nothing_but_rounding_is_zero_and_the_base_model_has_no_bias():
    estimate = made_up(bias=np.nan)
    estimate = estimate._replace(value=estimate.value | {"kl": np.full(PROMPTS, -3e-14)})
    found = f._Summary.of(Method.PSIS, table(), Target(1.0, 0.0), estimate, bootstrap())
    assert found.mean[found.names.index("kl")] == 0.0 and set(found.shortfall.values()) == {0.0}
    for other in (Target(1.0, 0.5), Target(1.5, 0.0)):
        shortfall = f._Summary.of(Method.PSIS, table(), other, estimate, bootstrap()).shortfall
        assert np.isnan(list(shortfall.values())).all()


def test_a_gain_lies_between_what_there_is_to_lose_and_what_there_is_to_gain():
    """Half of the samples are right: an accuracy that a correction led to 1.3 or -.3 is a gain or a loss of .5."""
    for accuracy, gain in ((1.3, 0.5), (-0.3, -0.5)):
        found = f._Summary.of(Method.PSIS, table(), TARGET, made_up(accuracy=accuracy), bootstrap())
        place = found.names.index("gain")
        assert found.mean[place] == pytest.approx(gain)
        assert found.mean[found.names.index("accuracy")] == np.clip(accuracy, 0, 1)
    for low, high, ends in (
        (-0.9, -0.45, (-0.4, -0.4)),
        (-0.1, 0.2, (-0.1, 0.2)),
        (0.65, 0.9, (0.65, 0.7)),
        (0.75, 0.9, (0.7, 0.7)),
    ):
        assert f._within_reach(low, high, 0.3, 0.4) == pytest.approx(ends)


def test_a_gain_that_no_prompt_shows_has_an_interval_and_a_base_without_a_right_answer_has_one():
    """As wide as thirty prompts allow, Clopper and Pearson's 1 - .025^(1/30): what was lost may be that much."""
    most = 1 - 0.025 ** (1 / PROMPTS)
    none = made_up()
    none = none._replace(value=none.value | {"accuracy": np.full(PROMPTS, 0.5)})
    found = f._Summary.of(Method.PSIS, table(), TARGET, none, bootstrap())
    place = found.names.index("gain")
    assert (found.low[place], found.mean[place], found.high[place]) == pytest.approx((-most, 0, most))
    wrong = f.replace(table(), reward=np.zeros(8 * PROMPTS))
    below = made_up(accuracy=-0.05)
    found = f._Summary.of(Method.PSIS, wrong, TARGET, below, bootstrap())
    low, _ = bootstrap().interval(below.value["accuracy"][:, None])[:, 0]
    assert found.low[place] == pytest.approx(low) and -most < low < 0 == found.mean[place]


def test_a_number_that_is_equal_on_all_prompts_and_in_error_is_in_doubt():
    """Its interval has no width: any error is more than that allows."""
    equal = made_up()
    bias = {"length": np.full(PROMPTS, 1e-3), "kl": np.zeros(PROMPTS)}
    equal = equal._replace(value=equal.value | {name: np.full(PROMPTS, 5.0) for name in bias}, bias=equal.bias | bias)
    found = f._Summary.of(Method.PSIS, table(), TARGET, equal, bootstrap())
    assert found.shortfall["length"] > 1e6 and found.shortfall["kl"] == 0


def record(method=Method.PSIS, prompts=PROMPTS, target=TARGET, voters=None, **changed):
    return f._forecast(method, table(prompts), target, made_up(prompts, **changed), bootstrap(prompts), voters)


def test_a_doubted_distance_is_given_as_the_plain_estimate_and_a_bound():
    """T23: nine prompts are too few. The plain estimate is before the correction, and without what was put in."""
    sure = record()
    assert sure["kl"].reliable and not sure["kl"].at_least
    # For a power the likeliest response may be unseen, however good the weights are; not so for a reward.
    assert sure["log_draws"].reliable and sure["log_draws"].at_least
    assert not record(target=Target(1.0, 2.0))["log_draws"].at_least
    for method, bounded in ((Method.PSIS, True), (Method.CUMULANT, False)):
        estimate = made_up(9, bias=0.02, untold=0.003)
        found = f._forecast(method, table(9), TARGET, estimate, bootstrap(9), None)
        plain = f._Summary.of(method, table(9), TARGET, estimate, bootstrap(9))
        for name in ("kl", "log_draws", "length"):
            place, own = plain.names.index(name), found[name]
            at_least = bounded and name != "length"
            value = estimate.value[name].mean() + (0.02 - 0.003) * at_least
            assert not own.reliable and own.at_least == at_least
            assert own.value == pytest.approx(value) and own.low == pytest.approx(min(plain.low[place], value))
            assert at_least or own.high == pytest.approx(plain.high[place])
    below = record(prompts=9, bias=-0.3, kl=0.2)["kl"]  # a plain KL below 0 is none
    assert (below.value, below.low, below.high) == (0.0, 0.0, np.inf)
    assert record(prompts=9, bias=np.nan)["kl"].value == pytest.approx(made_up(9).value["kl"].mean())
    assert record(Method.CUMULANT)["log_draws"].high < np.inf


@pytest.mark.parametrize(
    ("accuracy", "length", "unseen", "asked"),
    [(0.04, 0.0, 0.0, "accuracy"), (0.0, 0.1, 0.0, "length"), (0.0, 0.0, 0.03, "unseen"), (0.0, 0.0, 0.0, None)],
)
def test_more_samples_are_asked_for_by_the_largest_of_the_errors(accuracy, length, unseen, asked, monkeypatch):
    monkeypatch.setattr(f, "unseen_accuracy", lambda *_: unseen)
    monkeypatch.setattr(f, "samples_needed", lambda rollouts, target, shortfall: target.alpha * shortfall)
    estimate = made_up(finished=1.2)
    bias = {"accuracy": np.full(PROMPTS, accuracy), "length": np.full(PROMPTS, length)}
    estimate = estimate._replace(bias=estimate.bias | bias)
    found = f._forecast(Method.PSIS, table(), TARGET, estimate, bootstrap(), None)
    summary = f._Summary.of(Method.PSIS, table(), TARGET, estimate, bootstrap())
    if asked is None:
        assert found.samples_needed is None
    else:
        sizes = summary.shortfall | {"unseen": summary.unseen / summary.largest_unseen}
        assert sizes[asked] > 1 and found.samples_needed == pytest.approx(2.0 * sizes[asked])
        assert found.reliable is False


def test_the_record_has_the_mean_of_the_effective_samples_and_no_votes_unless_asked():
    found = record(ess=17.5)
    assert (found.ess, found.pareto_k, found.target, found.method) == (17.5, 0.1, TARGET, Method.PSIS)
    assert set(found.quantities) == set(NAMES)


@pytest.mark.parametrize(
    ("method", "prompts", "ess", "doubts"),
    [
        (Method.PSIS, 30, 16.0, ()),
        (Method.PSIS, 30, 15.9, ("fewer than 16 effective samples a prompt to vote",)),
        (Method.EXACT, 30, 15.9, ("fewer than 16 effective samples a prompt to vote",)),
        (Method.PSIS, 9, 16.0, ("fewer than 10 prompts",)),  # those of the accuracy
        (Method.EXACT, 9, 16.0, ()),
        (Method.EXACT, 2, 16.0, ()),
        (Method.EXACT, 1, 16.0, (f.SINGLE_PROMPT,)),
    ],
)
def test_votes_have_a_mean_with_an_interval_and_doubts(method, prompts, ess, doubts, monkeypatch):
    votes = np.linspace(0.3, 0.6, prompts)
    monkeypatch.setattr(f, "majority_accuracy", lambda *_: votes)
    voters = f.Voters.choose(prompts, (16,), bootstrap(prompts), np.random.default_rng(0))
    found = record(method, prompts, ess=ess, voters=voters)["maj@16"]
    assert found.value == pytest.approx(votes.mean()) and found.doubts == doubts
    low, high = share_intervals(votes[:, None], bootstrap(prompts))[:, 0]
    assert (found.low, found.high) == pytest.approx((low, high), nan_ok=True)


def test_up_to_five_hundred_prompts_vote_and_each_once():
    own = bootstrap(500)
    for prompts in (500, 501):
        voters = f.Voters.choose(prompts, (4,), own, np.random.default_rng(0))
        assert len(voters.prompts) == len(set(voters.prompts)) == voters.bootstrap.prompts == 500
        assert max(voters.prompts) < prompts and (voters.bootstrap is own) == (prompts == 500) and voters.ks == (4,)


FEW, TERMS = "it hangs on few samples", "the terms left out are not small"
OPEN = "all policies that are always right are optimal; where among them a model ends is open"
RARE = "the rarest response decides it, and is not among the samples"
CUT, ON = "responses run into the length limit", "base rollouts end where the training responses of this run go on"


def doubts_of(method=Method.PSIS, target=TARGET, size=0.5, finished=1.0, prompts=PROMPTS, only=NAMES):
    """Which quantities have which doubts, where the known error of those in `only` has this size."""
    shortfall = {name: size if name in only else 0.5 for name in NAMES}
    mean = np.array([finished if name == "finished" else 0.5 for name in NAMES])
    summary = f._Summary([*NAMES], mean, mean, mean, shortfall, 0.0, 0.1)
    told = f._doubts(method, table(prompts), target, made_up(prompts), summary)
    reasons = {reason for own in told.values() for reason in own}
    return {reason: {name for name in NAMES if reason in told[name]} for reason in reasons}


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ({}, {}),
        ({"size": 1.0}, {}),
        ({"size": 1.01, "only": ("length",)}, {FEW: {"length"}}),
        ({"size": np.nan, "only": ("kl",)}, {FEW: {"kl"}}),
        ({"size": 1.01, "only": ("gain",), "method": Method.CUMULANT}, {TERMS: {"gain"}}),
        ({"size": 9.0, "method": Method.EXACT}, {}),
        ({"size": 9.0, "target": Target(1.0, 0.0)}, {}),
        ({"size": 9.0, "target": Target(1.0, 0.1)}, {FEW: {*NAMES}}),
        ({"target": Target(1.0, np.inf)}, {OPEN: {"length", "log_p", "entropy", "kl"}}),
        ({"target": Target(np.inf, 0.0)}, {}),
        ({"target": Target(1.0, np.inf), "method": Method.EXACT}, {OPEN: {"length", "log_p", "entropy", "kl"}}),
        ({"target": Target(0.9, 0.0)}, {RARE: {"log_draws"}}),
        ({"target": Target(1.0, 2.0)}, {}),
        ({"target": Target(1.5, 0.0)}, {}),
        ({"target": Target(0.9, 0.0), "method": Method.EXACT}, {}),
        ({"finished": 0.96}, {}),
        ({"finished": 0.94}, {CUT: {"length"}}),
        ({"finished": 0.0, "method": Method.EXACT}, {CUT: {"length"}}),
        ({"target": TARGET._replace(length_control=LengthControl.IGNORE_EOS)}, {ON: {*NAMES}}),
        ({"prompts": 2, "method": Method.EXACT}, {}),
        ({"prompts": 1, "method": Method.EXACT}, {f.SINGLE_PROMPT: {*NAMES}}),
        ({"prompts": 9}, {"fewer than 10 prompts": {*NAMES}}),
        ({"prompts": 9, "target": Target(1.0, 0.0)}, {}),
    ],
)
def test_each_reason_falls_on_the_quantities_it_is_about(case, expected):
    assert doubts_of(**case) == expected


@pytest.mark.parametrize(
    ("methods", "alpha", "control", "made"),
    [
        (("psis",), 1.0, LengthControl.NONE, ["psis"]),
        (("cumulant",), 1.1, LengthControl.NONE, ["cumulant"]),
        (("cumulant", "psis"), 1.1, LengthControl.CONTENT, ["psis"]),
        (("psis", "counts"), 1.0, LengthControl.NONE, ["psis", "counts"]),
        (("psis", "counts"), 1.1, LengthControl.NONE, ["psis"]),  # counts are for alpha = 1
        (("exact", "cumulant"), 1.1, LengthControl.NONE, ["cumulant"]),  # nothing is listed whole
    ],
)
def test_a_method_is_used_where_it_was_asked_for_and_applies(methods, alpha, control, made):
    target = Target(alpha, 0.5, 0.0, control)
    found = f.forecast(table(), [target], np.random.default_rng(0), methods)
    assert [r.method for r in found] == made
    assert f.forecast(table(), [Target(np.inf, 0.0)], np.random.default_rng(0), ("cumulant",)) == []


def test_graded_rewards_have_no_pass_at_k_and_unknown_answers_no_votes():
    graded = {"reward": np.full(8 * PROMPTS, 0.5)}
    for column, gone in ((graded, {"pass@4", "maj@4"}), ({"answers_known": False}, {"maj@4"})):
        (found,) = f.forecast(f.replace(table(), **column), [Target(1.0, 0.0)], np.random.default_rng(0), ("psis",))
        assert {"pass@4", "maj@4"} - set(found.quantities) == gone


@pytest.mark.parametrize(("most", "used"), [(240, 240), (239, 240), (235, 232)])
def test_an_expansion_is_made_of_about_as_many_samples_as_it_needs(most, used, monkeypatch):
    """Of whole prompts, eight samples each: 30 of them, and at 29.9 of 30 still all, in another order."""
    seen = []

    def expanded(rollouts, *_):
        seen.append(len(rollouts.log_p))
        return made_up(len(rollouts.start))

    monkeypatch.setattr(f, "EXPANDED_ROWS", most)
    monkeypatch.setattr(f, "expand", expanded)
    (found,) = f.forecast(table(), [Target(1.1, 0.0)], np.random.default_rng(0), ("cumulant",))
    assert seen == [used] and found["length"].low < found["length"].value < found["length"].high
