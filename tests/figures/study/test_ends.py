"""Ends, paired draws and the reward at an equal KL, on runs whose curves are known."""

import numpy as np
import pandas as pd
import pytest

from figures.study.ends import BASE, ArmEnd, ends
from figures.study.equal_kl import reward_at
from theory.estimation.intervals import DRAWS, Resampled

PROMPTS = 60


def table(accuracy, kl, path, samples=20):
    """accuracy: of each prompt, a multiple of 1/samples; kl the same for all."""
    rows = [(str(i), float(s < round(a * samples))) for i, a in enumerate(accuracy) for s in range(samples)]
    made = pd.DataFrame(rows, columns=["prompt_id", "reward"]).assign(log_p=-5.0, log_pi=kl - 5.0, length=7)
    made.to_parquet(path)
    return path


@pytest.fixture
def hard(rng):
    """Base accuracies that differ much between prompts, in steps of 0.05 up to 0.55."""
    return np.round(rng.uniform(0, 0.55, PROMPTS) * 20) / 20


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def fixed(value):
    """Known without error."""
    return Resampled(value, np.full(DRAWS, value), np.full(PROMPTS, value), PROMPTS)


def point(kl, accuracy):
    return ArmEnd(*(fixed(x) for x in (accuracy, kl, 7.0)))


def test_the_gain_at_equal_kl_is_recovered_where_both_curves_are_known(tmp_path, hard):
    """T5: reward runs gain 0.1 at 0.1 nats and 0.4 at 0.4, sharpening loses 0.05 at 0.25: 0.25 against -0.05."""
    runs = {"near": (0.1, 0.1), "far": (0.4, 0.4), "sharp": (-0.05, 0.25)}
    hard = np.maximum(hard, 0.05)
    tables = {arm: [table(hard + gain, kl, tmp_path / f"{arm}.parquet")] for arm, (gain, kl) in runs.items()}
    base = table(hard, 0.0, tmp_path / "base.parquet")
    found = ends(base, tables)
    reward = reward_at(found["sharp"].kl, found[BASE], [found["far"], found["near"]])
    lead = found["sharp"].accuracy - reward
    assert (reward - found[BASE].accuracy).value == pytest.approx(0.25)
    assert lead.value == pytest.approx(-0.3) and lead.sign == -1
    # Every prompt has the same difference: paired, the interval has no width, however unlike the prompts are.
    np.testing.assert_allclose(lead.interval(), -0.3)
    low, high = found["sharp"].accuracy.interval()
    assert high - low > 0.05


@pytest.mark.parametrize("kl", [0.05, 0.1, 0.23, 0.4, 0.9])
def test_chords_lie_below_a_concave_frontier_and_meet_it_at_the_runs(kl):
    """T5: accuracy 0.5 + 0.4 sqrt(KL), three runs on it; beyond the last its accuracy stands."""
    places = (0.1, 0.25, 0.4)

    def frontier(x):
        return 0.5 + 0.4 * np.sqrt(x)

    value = reward_at(fixed(kl), point(0.0, 0.5), [point(x, frontier(x)) for x in places]).value
    if kl in places:
        assert value == pytest.approx(frontier(kl))
    elif kl > max(places):
        assert value == pytest.approx(frontier(max(places)))
    else:
        assert 0.5 < value < frontier(kl)


def test_beyond_the_last_run_the_most_accurate_one_stands():
    """More KL is not needed for it, though the farthest run is worse."""
    far = [point(0.1, 0.9), point(0.5, 0.8)]
    at = reward_at(fixed(0.7), point(0.0, 0.5), far)
    assert at.value == 0.9 and at.interval() == (0.9, 0.9)


def test_without_a_reward_run_nothing_is_known():
    at = reward_at(fixed(0.7), point(0.0, 0.5), [])
    assert np.isnan(at.value) and at.sign == 0


def test_the_spread_of_draws_is_the_standard_error_over_prompts_and_over_seeds(tmp_path, hard):
    """s²/n over prompts with one seed; three seeds that differ by a constant add their s²/3."""
    base = table(hard, 0.0, tmp_path / "base.parquet")
    shifts = (0.0, 0.1, 0.4)
    seeds = [table(hard + shift, 0.1, tmp_path / f"{shift}.parquet") for shift in shifts]
    found = ends(base, {"one": seeds[:1], "three": seeds})
    prompts = np.var(hard, ddof=1) / PROMPTS
    assert found["one"].accuracy.draws.var() == pytest.approx(prompts, rel=0.1)
    expected = prompts + np.var(shifts, ddof=1) / 3
    assert found["three"].accuracy.draws.var() == pytest.approx(expected, rel=0.1)
    assert found["three"].accuracy.value == pytest.approx(hard.mean() + 0.5 / 3)


def test_a_single_prompt_has_no_interval(tmp_path):
    base = table([0.5], 0.0, tmp_path / "base.parquet")
    found = ends(base, {})[BASE].accuracy
    assert found.value == 0.5 and np.isnan(found.interval()).all() and found.sign == 0


def test_tables_of_different_prompts_are_refused(tmp_path):
    base = table([0.5], 0.0, tmp_path / "base.parquet")
    other = pd.read_parquet(base).assign(prompt_id="another")
    other.to_parquet(tmp_path / "other.parquet")
    with pytest.raises(ValueError, match="no prompt_id in common"):
        ends(base, {"other": [tmp_path / "other.parquet"]})
