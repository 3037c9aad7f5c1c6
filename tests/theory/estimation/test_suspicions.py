"""Each suspicion on tables made to deserve it, and none on samples of a model at temperature 1.

The model is a small one, token by token: at each place of each prompt a distribution over seven tokens and the end.
"""

import numpy as np
import pytest
from scipy.special import logsumexp

from theory.estimation import suspicions as module
from theory.estimation.samples import Rollouts
from theory.estimation.suspicions import Gap, Kind, beside_the_models_own, of_entropy, surprisal_gap, suspicions

TABLES, PROMPTS, SAMPLES, PLACES, TOKENS = 50, 40, 8, 40, 8


def drawn(seed, temperature=1.0, top_p=1.0, limit=PLACES, scale=1.5, length=12.0):
    """Rollouts of PROMPTS prompts: log p and entropy of the model itself, responses drawn at temperature and top-p."""
    generator = np.random.default_rng(seed)
    logits = scale * generator.normal(size=(PROMPTS, PLACES, TOKENS))
    logits[..., 0] = logsumexp(logits[..., 1:], axis=-1) - np.log(
        length
    )  # token 0 ends, after `length` tokens on average
    log_p = logits - logsumexp(logits, axis=-1, keepdims=True)
    entropy = -np.sum(np.exp(log_p) * log_p, axis=-1)
    chance = np.exp(log_p / temperature)
    order = np.argsort(-chance, axis=-1)
    chance /= chance.sum(axis=-1, keepdims=True)
    before = np.cumsum(np.take_along_axis(chance, order, -1), -1) - np.take_along_axis(chance, order, -1)
    kept = np.zeros_like(chance, bool)
    np.put_along_axis(kept, order, before < top_p, -1)
    chance = np.where(kept, chance, 0.0)
    cumulated = np.cumsum(chance / chance.sum(axis=-1, keepdims=True), axis=-1)[:, None]
    token = np.minimum((generator.random((PROMPTS, SAMPLES, PLACES, 1)) > cumulated).sum(-1), TOKENS - 1)
    written = np.arange(PLACES) < limit
    ends = np.cumsum((token == 0) & written, axis=-1) == 0
    alive = np.concatenate([np.ones((PROMPTS, SAMPLES, 1), bool), ends[..., :-1]], -1) & written
    chosen = np.take_along_axis(np.broadcast_to(log_p[:, None], (*token.shape, TOKENS)), token[..., None], -1)[..., 0]
    finished = (alive & (token == 0)).any(-1).ravel()
    text = np.unique(np.where(alive, token, -1).reshape(PROMPTS * SAMPLES, -1), axis=0, return_inverse=True)[1]
    reward = (text % 3 == 0) & finished
    return Rollouts(
        np.arange(PROMPTS),
        np.arange(PROMPTS) * SAMPLES,
        (chosen * alive).sum(-1).ravel(),
        reward.astype(float),
        alive.sum(-1).ravel().astype(float),
        text,
        finished,
        np.where(finished, text % 5, -1),
        np.zeros(PROMPTS, int),
        entropy=(entropy[:, None] * alive).sum(-1).ravel(),
    )


def changed(rollouts, **columns):
    names = (*Rollouts.__dataclass_fields__,)
    return Rollouts(**({name: getattr(rollouts, name) for name in names} | columns))


def of_prompts(rollouts, seed):
    """log p with the tokens of a prompt, 20 to 40 of two nats each."""
    tokens = np.random.default_rng(seed).integers(20, 40, PROMPTS)
    return changed(rollouts, log_p=rollouts.log_p - 2.0 * rollouts.each(tokens))


def greedy(rollouts):
    first = np.repeat(rollouts.start, rollouts.count)
    names = ("log_p", "length", "response", "entropy", "reward", "finished", "vote")
    return changed(rollouts, **{name: getattr(rollouts, name)[first] for name in names})


def cut_off(seed):
    """Ended by a limit of 20 tokens, and said to be finished."""
    rollouts = drawn(seed, limit=20)
    return changed(rollouts, finished=np.ones(len(rollouts.log_p), bool))


MADE = {
    Kind.MEAN_PER_TOKEN: lambda seed: (r := drawn(seed), changed(r, log_p=r.log_p / r.length))[1],
    Kind.BASE_10: lambda seed: (r := drawn(seed), changed(r, log_p=r.log_p / np.log(10)))[1],
    Kind.BASE_2: lambda seed: (r := drawn(seed), changed(r, log_p=r.log_p / np.log(2)))[1],
    Kind.PROMPT_INCLUDED: lambda seed: of_prompts(drawn(seed), seed),
    Kind.COLD: lambda seed: drawn(seed, temperature=0.7),
    Kind.HOT: lambda seed: drawn(seed, temperature=1.5),
    Kind.GREEDY: lambda seed: greedy(drawn(seed)),
    Kind.CUT_OFF: cut_off,
}


def kinds(rollouts, settings=None):
    return [found.kind for found in suspicions(rollouts, settings)]


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


def of_file(seed, change, share_of_other_tokens=0.3, noise=0.01):
    """(what a file has, what the model says, lengths, prompts): some texts are read back as other tokens."""
    rollouts = drawn(seed)
    generator = np.random.default_rng(seed)
    own = rollouts.log_p * (1 + noise * generator.normal(size=len(rollouts.log_p)))
    other = generator.random(len(own)) < share_of_other_tokens
    own = np.where(other, own - generator.exponential(5.0, len(own)), own)
    return change(rollouts), own, rollouts.length, rollouts.each(np.arange(PROMPTS))


BESIDE = {
    None: lambda r: r.log_p,
    Kind.MEAN_PER_TOKEN: lambda r: r.log_p / r.length,
    Kind.BASE_10: lambda r: r.log_p / np.log(10),
    Kind.BASE_2: lambda r: r.log_p / np.log(2),
    Kind.PROMPT_INCLUDED: lambda r: r.log_p - r.each(np.linspace(20, 80, PROMPTS)),
    Kind.OTHER_MODEL: lambda r: r.log_p - np.random.default_rng(1).exponential(10.0, len(r.log_p)),
}


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
