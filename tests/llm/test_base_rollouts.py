"""What a forecast may start from: samples of the base model, whose log p are log-probabilities in nats."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax

from llm.base_rollouts import check_probabilities, read_base
from llm.rollout_table import from_table
from theory.estimation.samples import Rollouts, probability_seen, repeated_beyond_log_p

LOG_P = np.log([0.4, 0.3, 0.2, 0.1])


def table_of(drawn, log_p=LOG_P, **columns):
    """One prompt for each row of response numbers."""
    drawn = np.asarray(drawn)
    prompts, samples = drawn.shape
    i = drawn.ravel()
    return pd.DataFrame(
        {
            "prompt_id": np.repeat([f"p{x}" for x in range(prompts)], samples),
            "sample": np.tile(np.arange(samples), prompts),
            "response": [f"way {n}" for n in i],
            "answer": "1",
            "reward": (i % 2).astype(float),
            "log_p": log_p[i],
            "length": 4.0 + i,
            "finished": True,
            **columns,
        }
    )


def sampled(samples=24, prompts=40, seed=0):
    return np.random.default_rng(seed).choice(4, (prompts, samples), p=np.exp(LOG_P))


def read(table, folder):
    table.to_parquet(folder / "rollouts.parquet")
    return read_base(folder / "rollouts.parquet").rollouts


def test_the_smallest_impossible_table_is_refused(tmp_path):
    """Two different responses to one prompt with log p -0.1 each would have a probability of 1.81."""
    table = table_of([[0, 1]]).assign(log_p=-0.1)
    with pytest.raises(ValueError, match=r"responses to prompt p0 have a probability of 1\.81 together, more than 1"):
        read(table, tmp_path)


def test_one_response_drawn_twice_counts_once(tmp_path):
    assert len(read(table_of([[0, 0]]).assign(log_p=-0.1), tmp_path).log_p) == 2


def test_beginnings_of_one_another_may_be_probable_together(tmp_path):
    """Cut off after 4 and 5 tokens: one may be the other's beginning, and no law bounds their sum."""
    assert len(read(table_of([[0, 1]]).assign(log_p=-0.1, finished=False), tmp_path).log_p) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t["log_p"] / t["length"], "more than 1; log_p must be in nats"),
        (lambda t: t["log_p"] / np.log(10), "more than 1; log_p must be in nats"),
        (lambda t: t["log_p"] / np.log(2), "come back more often than their log_p says"),
        (lambda t: 2 * t["log_p"], "come back more often than their log_p says"),
    ],
    ids=["mean per token", "base 10", "base 2", "both directions added"],
)
def test_log_p_in_other_units_is_refused(tmp_path, change, said):
    """Even where no answer turns round: alpha would be in other units."""
    table = table_of(sampled())
    assert len(read(table, tmp_path).log_p) == len(table)
    with pytest.raises(ValueError, match=said):
        read(table.assign(log_p=change(table)), tmp_path)


def test_samples_of_a_lower_temperature_are_refused(tmp_path):
    generator = np.random.default_rng(0)
    drawn = generator.choice(4, (60, 16), p=np.exp(log_softmax(4 * LOG_P)))
    with pytest.raises(ValueError, match="sample at temperature 1"):
        read(table_of(drawn), tmp_path)


@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(2, 40), st.floats(-2, 3))
def test_samples_of_p_are_never_refused(seed, samples, prompts, sharpness):
    """Any p, however peaked: neither law is broken by chance."""
    generator = np.random.default_rng(seed)
    log_p = log_softmax(np.exp(sharpness) * generator.normal(size=40))
    drawn = generator.choice(40, (prompts, samples), p=np.exp(log_p))
    check_probabilities(Path("here"), from_table(table_of(drawn, log_p)))


def test_what_was_seen_is_estimated_by_what_came_more_than_once():
    """By hand: responses 0 (thrice) and 1 (once), log p of the two together .7; Good-Turing 1 - 1/4."""
    rollouts = from_table(table_of([[0, 1, 0, 0]]))
    np.testing.assert_array_equal(rollouts.different.times, [3, 1, 0, 0])
    np.testing.assert_allclose(probability_seen(rollouts), 0.7)
    np.testing.assert_allclose(repeated_beyond_log_p(rollouts)[0], 1 - 1 / 4 - 0.7)


@given(st.integers(0, 1000))
def test_on_average_nothing_is_repeated_beyond_its_log_p(seed):
    """E[1 - n1/n] <= E[probability of what was seen], over 400 prompts within five standard errors."""
    generator = np.random.default_rng(seed)
    log_p = log_softmax(2 * generator.normal(size=30))
    drawn = generator.choice(30, (400, 12), p=np.exp(log_p))
    excess, error = repeated_beyond_log_p(from_table(table_of(drawn, log_p)))
    assert excess < 5 * error and error < 0.05


def test_a_response_that_ended_is_not_the_one_that_was_cut_off():
    zeros, ended = np.zeros(2, int), np.array([True, False])
    one = Rollouts(np.array(["a"]), np.array([0]), -np.ones(2), -np.ones(2), np.ones(2), zeros, ended, zeros, zeros[:1])
    assert list(one.different.times) == [1, 1]


@pytest.mark.parametrize(
    ("config", "columns", "said"),
    [
        ({"method": "power-smc"}, {}, "was sampled with --method power-smc, not from the model"),
        ({"method": "base"}, {"log_pi": np.nan}, "row 1: log_pi is not known, as in rollouts of a power sampler"),
        (None, {"log_pi": -1.0}, "log_pi and log_p differ by .* another model than the base model"),
    ],
)
def test_rollouts_of_other_samplers_and_of_trained_models_are_refused(tmp_path, config, columns, said):
    if config:
        (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=said):
        read(table_of(sampled(), **columns), tmp_path)


@pytest.mark.parametrize("config", [None, "[1]", "{", '{"method": "base"}'])
def test_whatever_else_stands_beside_the_table_says_nothing(tmp_path, config):
    if config:
        (tmp_path / "config.json").write_text(config)
    table = table_of(sampled())
    assert len(read(table.assign(log_pi=table["log_p"] + 1e-4), tmp_path).log_p) == len(table)


def test_copies_of_a_response_with_another_log_p_are_refused(tmp_path):
    """Log p of -5 and -300 for one text were averaged to -152.5, and nothing was said."""
    table = table_of(sampled(prompts=10), log_p=LOG_P - 4)
    rows = table.index[table["response"] == "way 0"][::2]
    table.loc[rows, "log_p"] = -300.0
    with pytest.raises(ValueError, match=r"more than once have different log_p, up to 295\.1 nats apart \(prompt p0\)"):
        read(table, tmp_path)


def test_a_rare_copy_with_another_log_p_is_said_and_not_averaged(tmp_path):
    """A text can be cut into other tokens: one of 400 repeated responses is no reason to refuse the file."""
    table = table_of(sampled(prompts=100))
    table.loc[table.index[table["response"] == "way 0"][0], "log_p"] = -300.0
    table.to_parquet(tmp_path / "rollouts.parquet")
    base = read_base(tmp_path / "rollouts.parquet")
    assert base.rollouts.log_p.min() == -300 and base.rollouts.log_p[base.rollouts.log_p > -300].min() > -3
    assert any("different log_p, up to 299.1 nats apart" in note for note in base.notes)


@pytest.mark.parametrize("power", [1.25, 2.0, 4.0])
def test_rollouts_of_a_low_temperature_or_a_power_are_refused_without_their_folder(tmp_path, power):
    """Their log_pi is not log_p, in a table that was copied to another place as well."""
    log_q = log_softmax(power * LOG_P)
    drawn = np.random.default_rng(1).choice(4, (40, 24), p=np.exp(log_q))
    with pytest.raises(ValueError, match="sampled from another model than the base model"):
        read(table_of(drawn, log_pi=log_q[drawn.ravel()]), tmp_path)


@pytest.mark.parametrize("columns", [{"candidates": 8}, {"chain": 0, "move": 40}])
def test_rollouts_of_a_sampler_that_chooses_are_refused_without_log_pi_too(tmp_path, columns):
    """Best of n, a vote and power-rollout choose among candidates, power-mh moves: they are no samples of the model."""
    with pytest.raises(ValueError, match=f"has a column '{next(iter(columns))}'"):
        read(table_of(sampled()).assign(**columns), tmp_path)
