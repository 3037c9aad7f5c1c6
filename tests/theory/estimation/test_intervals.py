"""The interval of a mean over prompts against an independent one."""

import numpy as np
import pytest
from scipy.stats import bootstrap, norm, t

from theory.estimation import intervals
from theory.estimation.intervals import ClusterBootstrap, Resampled, bca, function_of, mean_interval, seed_draws


def test_the_interval_is_the_bca_interval_of_scipy_but_for_its_widening():
    """An independent BCa on skewed values; at 400 prompts the widening for few prompts is below a percent."""
    values = np.random.default_rng(1).beta(8, 0.5, size=(400, 1))
    ours = ClusterBootstrap(400, np.random.default_rng(2)).interval(values)[:, 0]
    theirs = bootstrap(
        (values[:, 0],), np.mean, method="BCa", n_resamples=4000, rng=np.random.default_rng(3)
    ).confidence_interval
    width = theirs.high - theirs.low
    assert ours == pytest.approx([theirs.low, theirs.high], abs=0.06 * width)  # noise of 2,000 draws in the tails


def test_prompts_in_groups_have_the_same_interval_as_prompts():
    values = np.random.default_rng(1).exponential(size=(7000, 1))
    low, high = ClusterBootstrap(7000, np.random.default_rng(2)).interval(values)[:, 0]
    error = values.std() / np.sqrt(7000)
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.25 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.25 * error)


def test_the_last_digit_of_equal_means_does_not_move_an_interval():
    """Shares of two samples, as they are and as a sum of weights would have them: many draws have the mean itself."""
    shares = np.repeat([0.0, 0.5, 1.0], [6, 7, 7])[:, None]
    bootstrap = ClusterBootstrap(20, np.random.default_rng(2))
    ends = [bootstrap.interval(shares + rounding * (shares == 0.5))[:, 0] for rounding in (-4e-16, 0, 4e-16)]
    assert ends[0] == pytest.approx(ends[1], abs=1e-9) and ends[2] == pytest.approx(ends[1], abs=1e-9)


def test_an_interval_of_few_prompts_is_that_of_student():
    """Eight prompts: 1.21 times as wide as normal quantiles would be, and not 1.07 times too narrow.

    Symmetric values have neither bias nor skewness; means of many sets of draws leave no noise to speak of.
    """
    values = norm.ppf((np.arange(8) + 0.5) / 8)
    error = values.std(ddof=1) / np.sqrt(8)
    for level in (0.5, 0.8, 0.95):
        bootstraps = [ClusterBootstrap(8, np.random.default_rng(seed)) for seed in range(60)]
        ends = np.mean([bootstrap.interval(values[:, None], level)[:, 0] for bootstrap in bootstraps], axis=0)
        expected = t.ppf((1 + level) / 2, 7) * error
        assert ends == pytest.approx([-expected, expected], rel=0.035)


def test_every_way_to_an_interval_keeps_the_level():
    """Half of all intervals at level .5: .674 standard errors to either side, not 1.96."""
    values = norm.ppf((np.arange(300) + 0.5) / 300)
    error = values.std() / np.sqrt(300)
    bootstrap = ClusterBootstrap(300, np.random.default_rng(0))
    for level, width in ((0.5, 0.674), (0.95, 1.96)):
        for low, high in (
            bootstrap.interval(values[:, None], level)[:, 0],
            bootstrap.mean_of(values).interval(level),
            mean_interval(values, np.random.default_rng(1), level)[1:],
        ):
            assert low == pytest.approx(-width * error, abs=0.12 * error)
            assert high == pytest.approx(width * error, abs=0.12 * error)
    assert mean_interval(np.append(values + 3, np.nan), np.random.default_rng(1))[0] == pytest.approx(3)


def test_draws_that_are_made_once_are_those_of_the_generator_and_leave_it_where_they_would():
    def drawn(generator):
        first = ClusterBootstrap(40, generator).drawn
        return first, ClusterBootstrap(40, generator).drawn, generator.random()

    generator = np.random.default_rng(123)
    plain = [generator.multinomial(40, np.full(40, 1 / 40), size=2000) / 40 for _ in range(2)]
    expected = (*plain, generator.random())
    for _ in range(2):  # made, and remembered
        for own, true in zip(drawn(np.random.default_rng(123)), expected, strict=True):
            np.testing.assert_array_equal(own, true)


def by_hand(value, draws, influence, prompts, level):
    """BCa (Efron 1987) with the quantile of Student's t over √((P-1)/P), for one number."""
    below = (np.mean(draws < value - 1e-9) + np.mean(draws < value + 1e-9)) / 2
    shift = norm.ppf(min(max(below, 0.1), 0.9))
    acceleration = np.sum(influence**3) / (6 * np.sum(influence**2) ** 1.5) if np.any(influence) else 0.0
    quantile = t.ppf((1 + level) / 2, prompts - 1) * np.sqrt(prompts / (prompts - 1))
    ends = [shift + (shift + z) / (1 - acceleration * (shift + z)) for z in (-quantile, quantile)]
    return [np.quantile(draws, norm.cdf(end)) for end in ends]


def columns(prompts):
    """Numbers over prompts of every kind: even, skewed to either side, with ties, near 0, large, all equal."""
    generator = np.random.default_rng(prompts)
    skewed = generator.exponential(size=prompts) ** 2
    share = (np.arange(prompts) % 3 == 0) * 1.0
    parts = generator.normal(size=prompts), skewed, -skewed, share, 1e-4 * skewed, 1e3 + share, np.full(prompts, 0.7)
    return np.stack(parts, axis=1)


@pytest.mark.parametrize("level", [0.5, 0.95])
@pytest.mark.parametrize("prompts", [2, 3, 9, 40])
def test_every_number_has_the_interval_of_the_formula(prompts, level):
    values = columns(prompts)
    bootstrap = ClusterBootstrap(prompts, np.random.default_rng(0))
    found, draws = bootstrap.interval(values, level), bootstrap.means(values)
    for own, drawn, (low, high) in zip(values.T, draws.T, found.T, strict=True):
        expected = by_hand(own.mean(), drawn, own - own.mean(), prompts, level)
        assert [low, high] == pytest.approx(expected, rel=1e-6, abs=1e-9)
        assert level != 0.95 or bootstrap.mean_of(own).interval() == pytest.approx(expected, rel=1e-6, abs=1e-9)
        assert bootstrap.mean_of(own).interval(level) == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("value", [-3.0, -1.0, 1.0, 3.0])
def test_a_number_at_the_edge_of_its_draws_is_shifted_by_no_more_than_nine_tenths(value):
    draws = np.random.default_rng(0).normal(size=2000)
    influence = np.random.default_rng(1).exponential(size=30) - 1
    found = bca(np.array([value]), draws[:, None], influence[:, None], 30)[:, 0]
    assert found == pytest.approx(by_hand(value, draws, influence, 30, 0.95))


@pytest.mark.parametrize("value", [-0.5, 0.0, 1000.0])
def test_draws_at_the_number_itself_lie_half_below_it(value):
    """Ties but for their last digit, as means of counts have them: no bias."""
    last = 1e-16 * max(abs(value), 1) * np.tile([-1.0, 0.0, 1.0, 0.0], 250)
    away = np.linspace(0.1, 1, 500)
    draws = np.concatenate([value - away, value + last, value + away])
    even = np.array([[-1.0], [1.0]])
    low, high = bca(np.array([value]), draws[:, None], even, 10**6, 0.9)[:, 0]
    assert value - low == pytest.approx(high - value) == pytest.approx(0.82, abs=0.01)  # a fifth of the way back


def test_what_is_not_known_has_no_interval_and_leaves_that_of_others():
    """A draw that is nan, a value that is nan, a single prompt."""
    bootstrap = ClusterBootstrap(30, np.random.default_rng(0))
    values = columns(30)[:, :3]
    draws, influence = bootstrap.means(values), values - values.mean(axis=0)
    known = bca(values.mean(axis=0), draws, influence, 30)
    lost, nowhere = draws.copy(), values.mean(axis=0)
    lost[7, 0], nowhere[1] = np.nan, np.nan
    found = bca(nowhere, lost, influence, 30)
    assert np.isnan(found[:, :2]).all() and found[:, 2] == pytest.approx(known[:, 2])
    assert np.isnan(bca(nowhere[1:2], lost[:, :1], influence[:, :1], 30)).all()
    lost[7, 0] = np.inf  # a quotient whose denominator was 0
    assert np.isnan(bca(values.mean(axis=0), lost, influence, 30)[:, 0]).all()
    one = ClusterBootstrap(1, np.random.default_rng(0))
    assert np.isnan(one.interval(values[:1])).all() and one.interval(values[:1]).shape == (2, 3)
    assert np.isnan(one.mean_of(values[:1, 0]).interval()).all() and np.isnan(one.mean_of(values[:1, 0]).draws).all()
    generator = np.random.default_rng(0)
    assert np.isnan(mean_interval(np.array([1.0, np.nan]), generator)).all()
    assert mean_interval(np.array([1.0, np.nan, 2.0]), generator)[0] == 1.5
    assert np.isfinite(mean_interval(np.array([1.0, np.nan, 2.0]), generator)).all()


def test_a_mean_is_known_without_each_prompt_and_a_function_of_means_is_too():
    values, others = columns(12)[:, 0], columns(12)[:, 1]
    bootstrap = ClusterBootstrap(12, np.random.default_rng(0))
    one, other = bootstrap.mean_of(values), bootstrap.mean_of(others)
    loo = [np.delete(values, i).mean() for i in range(12)]
    assert one.value == pytest.approx(values.mean()) and one.prompts == 12
    assert one.without == pytest.approx([*loo, values.mean()])
    assert one.draws == pytest.approx(bootstrap.means(values[:, None])[:, 0])
    assert function_of(np.exp, one).without == pytest.approx(np.exp([*loo, values.mean()]))
    assert (one - other).draws == pytest.approx(one.draws - other.draws) and function_of(np.exp, one).prompts == 12


def test_a_mean_over_seeds_is_drawn_over_both_and_known_without_each():
    """Three prompts and seeds; of the five seeds of all runs the second to fourth are this run's."""
    values = np.arange(9.0).reshape(3, 3) ** 2
    bootstrap = ClusterBootstrap(3, np.random.default_rng(0))
    seeds = seed_draws(3, np.random.default_rng(1))
    found = bootstrap.mean_over_seeds(values, seeds, 1, 5)
    expected = [share @ values @ own for share, own in zip(bootstrap.drawn, seeds, strict=True)]
    assert found.value == pytest.approx(values.mean()) and found.draws == pytest.approx(expected)
    by_prompt = [np.delete(values, i, 0).mean() for i in range(3)]
    by_seed = [np.delete(values, i, 1).mean() for i in range(3)]
    assert found.without == pytest.approx([*by_prompt, values.mean(), *by_seed, values.mean()])


@pytest.mark.parametrize("seeds", [1, 2, 3, 5])
def test_a_draw_of_seeds_is_of_one_fewer_than_there_are(seeds):
    """Rao and Wu: the mean over them has variance s²/n."""
    drawn = seed_draws(seeds, np.random.default_rng(0))
    most = max(seeds - 1, 1)
    assert drawn.shape == (2000, seeds) and drawn.sum(axis=1) == pytest.approx(1)
    assert set(np.unique(np.rint(drawn * most))) <= set(range(most + 1)) and drawn * most == pytest.approx(
        np.rint(drawn * most)
    )
    if seeds > 1:
        values = np.arange(seeds) ** 2.0
        assert np.var(drawn @ values) == pytest.approx(np.var(values, ddof=1) / seeds, rel=0.12)


def test_a_sign_is_told_where_the_interval_does_not_touch_nothing(monkeypatch):
    number = Resampled(0.0, np.zeros(2), np.zeros(2), 2)
    for ends, sign in (((-1, 0), 0), ((0, 1), 0), ((-2, -0.5), -1), ((0.5, 2), 1), ((-1, 1), 0)):
        monkeypatch.setattr(Resampled, "interval", lambda self, ends=ends: ends)
        assert number.sign == sign


def test_more_prompts_than_two_thousand_are_drawn_in_groups(monkeypatch):
    """Of groups as equal as may be: the mean of a draw that has each once is the mean."""
    assert ClusterBootstrap(2000, np.random.default_rng(0)).group is None
    assert ClusterBootstrap(2001, np.random.default_rng(0)).drawn.shape == (2000, 2000)
    monkeypatch.setattr(intervals, "MOST_CLUSTERS", 5)
    bootstrap = ClusterBootstrap(12, np.random.default_rng(0))
    assert sorted(np.bincount(bootstrap.group)) == [2, 2, 2, 3, 3] and bootstrap.drawn.shape == (2000, 5)
    values = columns(12)
    total = np.stack([[own[bootstrap.group == g].sum() for g in range(5)] for own in values.T], axis=1) * 5 / 12
    np.testing.assert_allclose(bootstrap.means(values), bootstrap.drawn @ total)
    np.testing.assert_allclose(total.mean(axis=0), values.mean(axis=0))
    assert bootstrap.mean_of(values[:, 1]).value == pytest.approx(values[:, 1].mean())


def test_the_latest_four_sets_of_draws_are_kept():
    for seed in range(6):
        ClusterBootstrap(3, np.random.default_rng(seed))
    assert len(intervals._known) == 4
    kept = [*intervals._known.values()]
    ClusterBootstrap(3, np.random.default_rng(2))
    assert [own is other for own, other in zip(kept, intervals._known.values(), strict=True)] == [True] * 4
