"""p^alpha by particles: against a list of all that a small model can say, and in doubt where few particles mislead."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from every_response import HORIZON, PROMPTS, STOP, everything, lopsided_model

from llm.forecasting.model import Model
from llm.forecasting.power_smc import FACTOR, Particles, as_forecast, particles
from llm.scoring.config import ScoreConfig
from theory.distribution import entropy, expectation, kl
from theory.estimation.intervals import ClusterBootstrap

COPIES = 40  # of each of the two prompts


@pytest.fixture(scope="module")
def behind():
    """A random network of four tokens, as llm.forecasting.model has it."""
    prompts = [list(ids) for ids in PROMPTS] * COPIES
    scoring = ScoreConfig(rollouts=Path("none"), model="none")
    return Model(lopsided_model(), None, {STOP}, pd.DataFrame(), prompts, scoring, HORIZON)


def right(responses):
    """Three tokens or more, the second of them a 2."""
    return np.array([float(len(ids) > 2 and ids[1] == 2) for ids in responses])


@pytest.fixture(scope="module")
def exact(behind):
    tables = [everything(behind.model, prompt) for prompt in PROMPTS]

    def of(alpha):
        means = []
        for table in tables:
            log_q, log_p = table.log_power(alpha), table.log_p
            done = np.array([ids[-1] == STOP for ids in table.responses], float)
            columns = {
                "accuracy": right(table.responses) * done,
                "length": np.array([len(ids) for ids in table.responses], float),
                "finished": done,
            }
            own = {name: expectation(log_q, column) for name, column in columns.items()}
            means.append(own | {"kl": kl(log_q, log_p), "entropy": entropy(log_q), "log_p": expectation(log_q, log_p)})
        return {name: np.mean([own[name] for own in means]) for name in means[0]}

    return of


def asked(behind, alpha, number, seed=0):
    few, many = (
        particles(behind, alpha, n, 100 * seed + n, lambda _, responses: right(responses)) for n in (number, 4 * number)
    )
    prompts = len(behind.prompt_ids)
    bootstrap = ClusterBootstrap(prompts, np.random.default_rng(0))
    return few, many, as_forecast(alpha, few, many, np.zeros(prompts), bootstrap)


@pytest.mark.parametrize("alpha", [1.25, 2.0])
def test_particles_give_the_power_that_a_list_of_all_responses_gives(behind, exact, alpha):
    """T16: prompts and their two kinds are fixed here, so that the standard error is the particles' own."""
    _, many, record = asked(behind, alpha, 16)
    assert record.reliable and record.ess > 20
    for name, truth in exact(alpha).items():
        by_kind = many.value[name].reshape(COPIES, len(PROMPTS))
        error = np.sqrt(np.sum(by_kind.var(axis=0, ddof=1) / COPIES)) / len(PROMPTS)
        assert abs(record[name].value - truth) < 3.5 * error + 0.01 * abs(truth) / 4, name
        assert record[name].low < truth < record[name].high, name
    base = exact(1.0)["log_p"]
    assert not record["log_p"].low < base < record["log_p"].high  # so that the base model would not do


def test_what_moves_with_four_times_the_particles_is_in_doubt(behind):
    """Two particles are hardly weighed against each other: their mean KL is far above that of eight."""
    few, many, record = asked(behind, 2.0, 2)
    assert few.value["kl"].mean() > many.value["kl"].mean() + 0.1
    assert f"{FACTOR} times the particles say something else" in record["kl"].doubts
    assert not record["accuracy"].reliable  # where the cloud moves as a whole nothing of it is told


def test_a_third_of_what_moved_is_left_and_widens_the_interval():
    prompts = 30
    values = np.random.default_rng(0).random(prompts)
    names = ("accuracy", "length", "log_p", "finished", "kl", "entropy")
    bootstrap = ClusterBootstrap(prompts, np.random.default_rng(0))

    def of(shift):
        own = [Particles({name: values + moved for name in names}, np.full(prompts, 50.0)) for moved in (shift, 0.0)]
        return as_forecast(2.0, *own, np.zeros(prompts), bootstrap)["length"]

    still, moved = of(0.0), of(0.03)
    assert still.reliable and not moved.reliable
    assert still.low - moved.low == pytest.approx(0.01) and moved.high - still.high == pytest.approx(0.01)


def test_few_effective_particles_are_in_doubt():
    prompts = 30
    own = Particles(
        dict.fromkeys(("accuracy", "length", "log_p", "finished", "kl", "entropy"), np.ones(prompts)),
        np.full(prompts, 4.0),
    )
    record = as_forecast(2.0, own, own, np.zeros(prompts), ClusterBootstrap(prompts, np.random.default_rng(0)))
    assert "fewer than 5 effective particles a prompt" in record["accuracy"].doubts
