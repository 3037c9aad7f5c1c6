"""Each suspicion on tables made to deserve it, and none on samples of a model at temperature 1."""

import numpy as np
import pytest
from sampled_tables import (
    BESIDE,
    MADE,
    PROMPTS,
    SAMPLES,
    TABLES,
    changed,
    drawn,
    greedy,
    kinds,
    of_file,
)

from theory.estimation.suspicions import Kind, beside_the_models_own, surprisal_gap, suspicions


@pytest.mark.parametrize("kind", MADE)
def test_a_table_made_to_deserve_it_is_suspected(kind):
    found = [kinds(MADE[kind](seed)) for seed in range(TABLES)]
    assert np.mean([kind in each for each in found]) >= 0.98, found


def test_top_p_makes_responses_too_likely():
    assert np.mean([Kind.COLD in kinds(drawn(seed, top_p=0.9)) for seed in range(TABLES)]) >= 0.98


@pytest.mark.parametrize("scale", [0.5, 1.5, 4.0])
@pytest.mark.parametrize("length", [3.0, 12.0])
def test_samples_of_a_model_are_not_suspected(scale, length):
    """300 tables of six kinds of models: from nearly uniform to nearly certain ones, short and long."""
    assert [found for seed in range(TABLES) if (found := kinds(drawn(1000 + seed, scale=scale, length=length)))] == []


def test_responses_that_are_said_to_be_cut_off_are_not_suspected_of_it():
    assert [kinds(drawn(seed, limit=20)) for seed in range(10)] == [[]] * 10


def test_the_gap_is_zero_for_samples_of_the_model_and_negative_for_colder_ones():
    gaps = np.array([surprisal_gap(r, r.log_p, r.entropy) for r in map(drawn, range(TABLES))])
    assert abs(gaps[:, 1].mean()) < 0.5 and 0.6 < gaps[:, 1].std() < 1.5  # a z-value: mean 0, standard deviation 1
    cold = drawn(0, temperature=0.7)
    assert surprisal_gap(cold, cold.log_p, cold.entropy).z < -4.5


def test_what_the_table_says_of_its_sampling_is_said():
    rollouts = drawn(0)
    rows = len(rollouts.log_p)
    settings = {"temperature": np.full(rows, 0.6), "top_p": np.full(rows, 0.95), "top_k": np.full(rows, 20.0)}
    assert [(s.kind, s.value) for s in suspicions(rollouts, settings)] == [
        (Kind.TEMPERATURE, 0.6),
        (Kind.TOP_P, 0.95),
        (Kind.TOP_K, 20.0),
    ]
    neutral = {"temperature": np.ones(rows), "top_p": np.ones(rows), "top_k": np.full(rows, -1.0)}
    unknown = {"temperature": np.full(rows, np.nan)}
    assert suspicions(rollouts, neutral) == suspicions(rollouts, unknown) == []


def test_without_entropy_only_the_impossible_is_seen():
    mean = MADE[Kind.MEAN_PER_TOKEN](0)
    assert kinds(changed(mean, entropy=None)) == [Kind.IMPOSSIBLE]
    assert kinds(changed(drawn(0), entropy=None)) == []
    assert kinds(changed(drawn(0), log_p=np.full(PROMPTS * SAMPLES, np.nan))) == []


def test_copies_are_seen_without_log_p():
    copies = greedy(drawn(0))
    assert kinds(changed(copies, log_p=np.full_like(copies.log_p, np.nan))) == [Kind.GREEDY]


def test_a_model_that_is_certain_is_not_suspected_of_greedy_decoding():
    """Every prompt has one response of probability .99: all samples alike is what is to be expected."""
    certain = greedy(drawn(0))
    shape = np.full_like(certain.log_p, -0.01)
    assert kinds(changed(certain, log_p=shape, entropy=None)) == []
    assert kinds(changed(certain, log_p=1000 * shape, entropy=None)) == [Kind.GREEDY]


def long_ones(length, answered):
    """A third of the responses have one of the given lengths and this share of answers, the others 5 tokens and one."""
    rollouts = drawn(0)
    rows = np.arange(len(rollouts.log_p))
    is_long = rows % 3 == 0
    lengths = np.where(is_long, np.asarray(length)[rows // 3 % len(length)], 5.0)
    vote = np.where(is_long & (rows % 10 >= 10 * answered), -1, 1)
    certain = {"finished": np.ones(len(rows), bool), "reward": np.zeros(len(rows)), "entropy": None}
    return changed(rollouts, length=lengths, vote=vote, **certain)


def test_long_responses_look_cut_off_only_without_answers_and_at_one_length():
    assert kinds(long_ones([29.0], answered=0.1)) == [Kind.CUT_OFF]
    assert kinds(long_ones([29.0], answered=0.9)) == []
    assert kinds(long_ones([27.0, 28.0, 29.0], answered=0.1)) == []


def test_a_temperature_moves_the_gap_by_the_tokens_variances():
    """To first order by (1 - 1/T) V, V = E[(-log p - Σ H)²] of samples at T = 1; the second order is a tenth of it."""
    gaps, variances = [], []
    for seed in range(TABLES):
        clean, warm = drawn(seed), drawn(seed + TABLES, temperature=0.97)
        variances.append(np.mean((-clean.log_p - clean.entropy) ** 2))
        gaps.append(surprisal_gap(warm, warm.log_p, warm.entropy).mean)
    expected = (1 - 1 / 0.97) * np.mean(variances)
    error = np.std(gaps, ddof=1) / np.sqrt(TABLES)
    assert abs(np.mean(gaps) - expected) < 3 * error + 0.1 * abs(expected)
    assert np.mean(gaps) < -3 * error


@pytest.mark.parametrize("kind", BESIDE)
def test_log_p_beside_the_models_own_tell_their_units(kind):
    for seed in range(10):
        odd = beside_the_models_own(*of_file(seed, BESIDE[kind]))
        assert (odd and odd.kind) == kind, seed


def test_fewer_nats_a_token_than_blind_draws_are_odd():
    rollouts = changed(drawn(0), entropy=None)
    far = changed(rollouts, log_p=rollouts.log_p - rollouts.each(np.full(PROMPTS, 400.0)))
    assert kinds(far) == [Kind.UNLIKELY] and kinds(rollouts) == []


def test_no_limit_on_tokens_is_no_setting_to_suspect():
    """top_k = 0 and -1 mean none in the tools that write them, and 1 is temperature 1 and all of top-p."""
    clean = drawn(0)
    rows = len(clean.log_p)
    for none in (0.0, -1.0):
        settings = {"temperature": np.ones(rows), "top_p": np.ones(rows), "top_k": np.full(rows, none)}
        assert suspicions(clean, settings) == []
    assert suspicions(clean, {"top_p": np.zeros(rows)}) == []
    first = np.where(np.arange(rows) % 2, 1.0, np.nan)
    assert suspicions(clean, {"top_k": first}) == [(Kind.TOP_K, 1.0)]  # the likeliest token alone
    assert suspicions(clean, {"temperature": 0 * first}) == [(Kind.TEMPERATURE, 0.0)]


def test_the_ratio_of_surprisal_to_entropy_is_that_of_the_units():
    """-log p is as large as the entropy in nats on average; in base 10 it is 1/log 10 of it."""
    rollouts = drawn(0)
    for unit in (1.0, np.log(10)):
        gap = surprisal_gap(rollouts, rollouts.log_p / unit, rollouts.entropy)
        assert gap.ratio == pytest.approx(1 / unit, rel=0.05)


def test_a_gap_has_no_error_below_24_responses_or_where_nothing_varies():
    """Its value: excess over the prompt's mean; its error from the squares of all responses."""
    rollouts = changed(drawn(0), entropy=None)
    for rows, known in ((24, True), (23, False)):
        kept = np.arange(len(rollouts.log_p)) < rows
        few = rollouts.rows(kept)
        entropy = np.full(rows, 9.0)
        gap = surprisal_gap(few, few.log_p, entropy)
        excess = few.each(1 / few.count) * (-few.log_p - 9.0) / len(few.start)
        assert gap.mean == pytest.approx(excess.sum())
        assert gap.ratio == pytest.approx(few.mean(-few.log_p).mean() / 9.0)
        assert np.isnan(gap.z) != known and (
            not known or gap.z == pytest.approx(excess.sum() / np.sqrt(excess @ excess))
        )
    certain = np.zeros(len(rollouts.log_p))
    nothing = surprisal_gap(rollouts, certain, certain)
    assert nothing.mean == 0 and np.isnan([nothing.z, nothing.ratio]).all()
