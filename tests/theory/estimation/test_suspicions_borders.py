"""From which share, size or gap on each suspicion is said: just below and just beyond."""

import numpy as np
import pytest
from sampled_tables import (
    BESIDE,
    PROMPTS,
    SAMPLES,
    changed,
    drawn,
    kinds,
    of_file,
)

from theory.estimation import suspicions as module
from theory.estimation.samples import Rollouts
from theory.estimation.suspicions import Gap, Kind, beside_the_models_own, of_entropy, surprisal_gap, suspicions


def alike(share, prompts=20, log_p=-5.0, samples=4):
    """This share of prompts have four samples of one text, the others four different ones."""
    y = np.arange(samples * prompts).reshape(prompts, samples)
    y[: round(share * prompts)] = y[: round(share * prompts), :1]
    return Rollouts.of_arrays(np.full(y.shape, log_p), y * 0, np.full(y.shape, 9.0), y)


def one_unknown(rollouts):
    return changed(rollouts, log_p=np.append(rollouts.log_p[:-1], np.nan))


def with_single_samples(rollouts):
    """As many prompts with one sample each besides."""
    prompts, rows = len(rollouts.start), len(rollouts.log_p)
    twice = Rollouts.of_arrays(*(np.tile(x.reshape(prompts, -1), (2, 1)) for x in (
        rollouts.log_p, rollouts.reward, rollouts.length, rollouts.response
    )))  # fmt: skip
    return twice.rows((np.arange(2 * rows) < rows) | (np.arange(2 * rows) % (rows // prompts) == 0))


@pytest.mark.parametrize(
    ("rollouts", "share"),
    [
        (alike(0.1), None),
        (alike(0.15), 0.15),
        (alike(1.0, prompts=4), None),  # too few prompts
        (alike(1.0, prompts=5), 1.0),
        (alike(1.0, log_p=-2.2), None),  # e^{-6.6} = .00136: rare, and it happens
        (alike(1.0, log_p=-2.4), 1.0),  # e^{-7.2} = .00075
        (alike(0.9, log_p=np.nan), None),
        (alike(0.95, log_p=np.nan), 0.95),
        (with_single_samples(alike(0.8, prompts=5, log_p=np.nan)), None),  # they are alike by themselves
        (with_single_samples(alike(1.0, prompts=5, log_p=np.nan)), 1.0),
        (with_single_samples(alike(1.0, prompts=4)), None),
        (one_unknown(alike(0.5)), None),  # as if none were known
        (one_unknown(alike(1.0)), 1.0),
        (alike(1.0, prompts=5, samples=2, log_p=-7.0), 1.0),
    ],
)
def test_texts_that_come_back_are_suspected_from_a_share_on(rollouts, share):
    found = [s.value for s in suspicions(rollouts) if s.kind == Kind.GREEDY]
    assert found == ([] if share is None else [pytest.approx(share)])


def ended_at(length, many, other=5.0, rows=400, near=0, answered=0.0, at=1.0, lone=0):
    """So many responses of this length, `near` of one `at` shorter, the others short and answered."""
    lengths = np.full(rows, other)
    lengths[:many], lengths[many : many + near] = length, length - at
    lengths[many + near : many + near + lone] = length - 2
    vote = np.where((np.arange(rows) < many) & (np.arange(rows) >= answered * many), -1, 0)
    y = np.arange(rows).reshape(40, -1)
    made = Rollouts.of_arrays(np.full(y.shape, -9.0), y * 0, lengths.reshape(y.shape), y)
    return changed(made, vote=vote)


def half_answered(rollouts):
    """Of the short ones every other has no answer."""
    rows = np.arange(len(rollouts.vote))
    return changed(rollouts, vote=np.where((rollouts.length < 9) & (rows % 2 == 0), -1, rollouts.vote))


@pytest.mark.parametrize(
    ("rollouts", "told"),
    [
        (ended_at(16.0, 12), True),
        (ended_at(15.0, 12), False),  # short texts often end together
        (ended_at(40.0, 11), False),  # a thirtieth of 400 is 12
        (ended_at(40.0, 12), True),
        (ended_at(40.0, 10, rows=320), True),
        (ended_at(40.0, 9, rows=240), False),  # fewer than ten are no pile
        (ended_at(40.0, 10, rows=240), True),
        (ended_at(40.0, 40, near=10), True),  # four times as many as a token before
        (ended_at(40.0, 39, near=10), False),
        (ended_at(40.0, 40, answered=0.5), True),
        (ended_at(40.0, 40, answered=0.55), False),
        (ended_at(40.0, 400), False),
        (ended_at(40.0, 40, near=11, at=8.0), False),  # within a fifth below
        (ended_at(40.0, 40, near=11, at=9.0), True),
        (ended_at(40.0, 39, near=10, lone=1), False),  # the most of one length
        (half_answered(ended_at(40.0, 40, answered=0.2)), True),
        (half_answered(ended_at(40.0, 40, answered=0.3)), False),  # more than half as often as the others
        (changed(ended_at(40.0, 40), reward=np.ones(400)), False),  # a right answer is one, whatever was read
        (changed(ended_at(40.0, 40), length=np.append(ended_at(40.0, 40).length[:-1], np.nan)), False),
    ],
)
def test_a_pile_at_the_largest_length_is_one_from_a_size_on(rollouts, told):
    found = [s for s in suspicions(rollouts) if s.kind == Kind.CUT_OFF]
    assert bool(found) == told
    if told:
        assert found[0].value == pytest.approx(np.mean(rollouts.length == rollouts.length.max()))


def test_log_p_alone_is_suspected_beyond_a_tenth_and_beyond_blind_draws():
    y = np.arange(40).reshape(20, 2)
    for total, told in ((1.05, []), (1.2, [Kind.IMPOSSIBLE])):
        assert kinds(Rollouts.of_arrays(np.log(np.full((20, 2), total / 2)), y * 0, y * 0 + 3, y)) == told
    for nats, told in ((12.5, []), (12.7, [Kind.UNLIKELY])):
        assert kinds(Rollouts.of_arrays(np.full((20, 2), -3 * nats), y * 0, y * 0 + 3, y)) == told
    one = np.where(y < 2, np.log(0.6), -20.0)  # one prompt is enough, unless its responses were cut off
    odd = Rollouts.of_arrays(one, y * 0, y * 0 + 3, y)
    assert suspicions(odd) == [(Kind.IMPOSSIBLE, pytest.approx(1.2))]
    assert suspicions(changed(odd, finished=np.arange(40) > 0)) == []
    assert suspicions(changed(odd, entropy=np.full(40, np.nan))) == [(Kind.IMPOSSIBLE, pytest.approx(1.2))]
    assert suspicions(changed(odd, log_pi=np.full(40, -9.0))) == []  # of another law than was sampled from


def test_the_value_of_a_suspicion_is_what_its_sentence_says():
    """The ratio of units, the gap in nats of a prompt that is counted in, the setting that most rows have."""
    own = drawn(0)
    ((kind, value),) = suspicions(changed(own, log_p=own.log_p / np.log(10)))
    assert kind == Kind.BASE_10 and value == pytest.approx(1 / np.log(10), rel=0.1)
    more = changed(own, log_p=own.log_p - 60.0)
    ((kind, value),) = suspicions(more)
    assert kind == Kind.PROMPT_INCLUDED and value == pytest.approx(60, rel=0.1)
    rows = len(own.log_p)
    mixed = {"top_p": np.where(np.arange(rows) % 3 == 0, 0.8, 0.9)}
    assert suspicions(own, mixed) == [(Kind.TOP_P, 0.9)]
    given, model, length, prompt = of_file(0, BESIDE[Kind.BASE_2])
    found = beside_the_models_own(given, model, length, prompt)
    assert found.value == pytest.approx(1 / np.log(2), rel=0.1)
    given, model, length, prompt = of_file(0, BESIDE[Kind.PROMPT_INCLUDED])
    assert beside_the_models_own(given, model, length, prompt).value == pytest.approx(50, rel=0.2)


def test_suspicions_are_known_by_their_words():
    """As the report and its sentences have them."""
    assert {*Kind} == {
        "mean_per_token", "base_10", "base_2", "impossible", "cold", "hot", "prompt_included", "unlikely",
        "other_model", "temperature", "top_p", "top_k", "greedy", "cut_off",
    }  # fmt: skip


def test_the_law_that_was_sampled_is_looked_at_where_all_of_it_is_known():
    own = drawn(0)
    odd = own.log_p / np.log(10)
    assert kinds(changed(own, log_pi=odd)) == [Kind.BASE_10] and kinds(changed(own, log_p=odd, log_pi=own.log_p)) == []
    unknown = np.append(own.log_p[:-1], np.nan)
    assert kinds(changed(own, log_p=odd, log_pi=unknown)) == [Kind.BASE_10]
    assert kinds(changed(own, log_p=np.append(odd[:-1], np.nan))) == []
    assert kinds(changed(own, log_p=odd, entropy=np.append(own.entropy[:-1], np.nan))) == []


def scripted(monkeypatch, gap, units=None):
    """of_entropy of 40 responses of 2 or 4 tokens where the gap is this one, and this one with each unit mended."""
    length = np.tile([2.0, 4.0], (4, 5))
    table = Rollouts.of_arrays(-8 + 0 * length, length * 0, length, np.arange(40).reshape(4, 10))
    scales = {Kind.MEAN_PER_TOKEN: length.ravel(), Kind.BASE_10: np.log(10), Kind.BASE_2: np.log(2)}
    told = [(table.log_p * scales[kind], own) for kind, own in (units or {}).items()]

    def found(rollouts, log_p, entropy):
        return next((own for scale, own in told if np.allclose(scale, log_p)), gap if (log_p == -8).all() else FAR)

    monkeypatch.setattr(module, "surprisal_gap", found)
    return lambda **options: of_entropy(table, table.log_p, np.full(40, 5.0), **options)


FAR = Gap(9.0, 9.0, 9.0)


@pytest.mark.parametrize(
    ("gap", "units", "found"),
    [
        (Gap(-1, -3.5, 0.5), {}, []),
        (Gap(-1, -3.6, 0.5), {}, [(Kind.COLD, 0.5)]),
        (Gap(-1, -9, 0.991), {}, []),  # two programs differ by that
        (Gap(-1, -9, 0.989), {}, [(Kind.COLD, 0.989)]),
        (Gap(1, 9, 1.009), {}, []),
        (Gap(0.5, 9, 1.011), {}, [(Kind.PROMPT_INCLUDED, 0.5)]),
        (Gap(np.nan, np.nan, np.nan), {}, []),
        (Gap(-1, -9, 0.5), {Kind.BASE_2: Gap(0, 3.4, 1.19)}, [(Kind.BASE_2, 0.5)]),
        (Gap(-1, -9, 0.5), {Kind.BASE_2: Gap(0, -3.4, 0.81)}, [(Kind.BASE_2, 0.5)]),
        (Gap(-1, -9, 0.5), {Kind.BASE_2: Gap(0, 3.6, 1.0)}, [(Kind.COLD, 0.5)]),
        (Gap(-1, -9, 0.5), {Kind.BASE_2: Gap(0, -3.6, 1.0)}, [(Kind.COLD, 0.5)]),
        (Gap(-1, -9, 0.5), {Kind.BASE_2: Gap(0, 0, 1.21)}, [(Kind.COLD, 0.5)]),
        (Gap(-1, -9, 0.5), {Kind.BASE_2: Gap(0, 0, 0.79)}, [(Kind.COLD, 0.5)]),
        (
            Gap(-1, -9, 0.5),
            {Kind.MEAN_PER_TOKEN: Gap(0, -1, 1), Kind.BASE_10: Gap(0, 2, 1), Kind.BASE_2: Gap(0, 3, 1)},
            [(Kind.MEAN_PER_TOKEN, 0.5)],
        ),
        (Gap(1, 9, 0.5), {Kind.MEAN_PER_TOKEN: Gap(0, 2, 1)}, [(Kind.MEAN_PER_TOKEN, 0.5)]),
    ],
)
def test_a_gap_is_explained_from_a_size_on_by_the_unit_that_fits_best(gap, units, found, monkeypatch):
    assert scripted(monkeypatch, gap, units)() == found


def test_a_gap_that_grows_with_length_is_a_hotter_sampler(monkeypatch):
    length = np.tile([2.0, 4.0], (4, 5))
    table = Rollouts.of_arrays(-2 * length, length * 0, length, np.arange(40).reshape(4, 10))
    monkeypatch.setattr(module, "surprisal_gap", lambda table, log_p, entropy: Gap(3.0, 9.0, 2.0))
    assert of_entropy(table, table.log_p, table.length) == [(Kind.HOT, 3.0)]
    assert of_entropy(table, table.log_p, 2 * table.length - 3) == [(Kind.PROMPT_INCLUDED, 3.0)]


def test_where_log_p_are_surely_in_nats_no_unit_explains_a_gap(monkeypatch):
    told = scripted(monkeypatch, Gap(-1, -9, 0.5), {Kind.BASE_2: Gap(0, 0, 1.0)})
    assert told() == [(Kind.BASE_2, 0.5)] and told(in_nats=True) == [(Kind.COLD, 0.5)]


@pytest.mark.parametrize(("constant", "grows"), [(0.0, True), (6.9, True), (7.1, False), (99.0, False)])
def test_an_excess_grows_with_length_where_length_explains_half_of_it(constant, grows):
    """Two nats a token and a constant; 3.5 tokens on average, so that up to 7 nats of constant are the smaller half.

    Prompts of one length say nothing, and all of them together neither.
    """
    length = np.array([[3.0, 4.0], [3.0, 4.0], [3.5, 3.5], [3.5, 3.5]])
    table = Rollouts.of_arrays(length * 0, length * 0, length, np.arange(8).reshape(4, 2))
    apart = 9.0 * (table.each(np.arange(4)) - 1.5)  # what differs between prompts is not the length
    excess = 2 * table.length + constant
    assert module._grows_with_length(table, excess + apart, float(excess.mean())) == grows
    equal = changed(table, length=np.full(8, 3.5))
    assert not module._grows_with_length(equal, excess, float(excess.mean()))
    assert not module._grows_with_length(equal, excess * 0 + 1, 1.0)
    once = changed(table, length=np.append([3.0, 4.0], np.full(6, 3.5)))
    assert module._grows_with_length(once, 2 * once.length + constant, 7 + constant) == grows


def test_a_gap_of_half_a_nat_is_a_gap():
    """Responses of .4 nats of surprisal beside .2 nats of entropy."""
    table = changed(drawn(0), log_p=np.full(PROMPTS * SAMPLES, -0.4))
    gap = surprisal_gap(table, table.log_p, np.full(PROMPTS * SAMPLES, 0.2))
    assert gap == pytest.approx((0.2, np.sqrt(PROMPTS * SAMPLES), 2.0))


@pytest.mark.parametrize(
    ("own", "given", "found"),
    [
        (np.full(8, -100.0), np.full(8, -102.0), None),
        (np.full(8, -100.0), np.full(8, -102.2), (Kind.PROMPT_INCLUDED, 2.2)),
        (np.full(8, -1.0), np.full(8, -1.11), None),
        (np.full(8, -1.0), np.full(8, -1.13), (Kind.PROMPT_INCLUDED, 0.13)),
        (np.full(8, -50.0), -60 + 0.9 * np.tile([-1.0, 1.0], 4), (Kind.PROMPT_INCLUDED, 10.0)),
        (np.full(8, -50.0), -60 + 1.1 * np.tile([-1.0, 1.0], 4), (Kind.OTHER_MODEL, 10.0)),
        (np.full(8, -0.3), np.full(8, -0.3 / np.log(2)), (Kind.BASE_2, 1 / np.log(2))),
        (-np.arange(8.0), -np.arange(8.0) / np.log(10), (Kind.BASE_10, 1 / np.log(10))),  # one is certain
    ],
)
def test_log_p_agree_within_two_hundredths_and_a_tenth_of_a_nat(own, given, found):
    """What is the same for all responses to a prompt but for a tenth of it is the prompt."""
    odd = beside_the_models_own(given, own, np.full(8, 50.0), np.repeat(np.arange(4), 2))
    assert odd == (found and (found[0], pytest.approx(found[1])))
