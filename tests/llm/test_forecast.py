import numpy as np
import pandas as pd
import pytest
from scipy.special import log_softmax

from llm.forecast import distance_to_optimum, forecast_optimum
from theory.distribution import entropy, expectation, kl
from theory.objectives import optimum, regime

LOG_P = np.log([0.4, 0.25, 0.15, 0.1, 0.06, 0.04])
REWARD = np.array([0.0, 1.0, 1.0, 0.0, 1.0, 0.0])
LENGTH = np.array([2.0, 9.0, 4.0, 1.0, 12.0, 3.0])
CASES = [
    ("task", {}),
    ("tilted", {"beta": 0.5}),
    ("sharpening", {}),
    ("tempered", {"alpha": 0.5}),
    ("tempered", {"alpha": 2.0}),
    ("tilted-tempered", {"alpha": 2.0, "beta": 0.5}),
]


def rollouts(index_by_prompt):
    return pd.concat(
        pd.DataFrame({"prompt_id": x, "reward": REWARD[i], "log_p": LOG_P[i], "length": LENGTH[i]})
        for x, i in enumerate(index_by_prompt)
    )


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_the_forecast_of_a_sample_in_exact_proportion_is_the_optimum_of_the_theory(name, parameters):
    """T23 against T1: with every response in the sample as often as p says, reweighting is exact."""
    objective = regime(name, **parameters)
    in_proportion = np.repeat(np.arange(6), np.round(100 * np.exp(LOG_P)).astype(int))
    forecast = forecast_optimum(rollouts([in_proportion] * 2), objective)
    log_q = optimum(objective, LOG_P, REWARD)
    exact = {
        "accuracy": expectation(log_q, REWARD),
        "length": expectation(log_q, LENGTH),
        "log_p": expectation(log_q, LOG_P),
        "kl": kl(log_q, LOG_P),
        "entropy": entropy(log_q),
    }
    assert {name: forecast[name] for name in exact} == pytest.approx(exact, abs=1e-9)


def test_the_standard_error_over_prompts_covers_the_truth():
    generator = np.random.default_rng(3)
    objective = regime("tempered", alpha=1.5)
    forecast = forecast_optimum(rollouts(generator.choice(6, (400, 64), p=np.exp(LOG_P))), objective)
    log_q = optimum(objective, LOG_P, REWARD)
    # 64 samples a prompt leave a bias of order 1/64 of the spread, well inside the statistical error here.
    assert abs(forecast["accuracy"] - expectation(log_q, REWARD)) < 4 * forecast["accuracy_se"]
    assert 0 < forecast["accuracy_se"] < 0.01
    assert 1 < forecast["ess"] < 64


@pytest.mark.parametrize(("name", "parameters"), [c for c in CASES if c[0] not in ("task", "sharpening")])
def test_the_distance_to_the_optimum_is_a_kl_divergence(name, parameters):
    """T1: KL(pi || q) from the run's and the base model's rollouts, for a pi that is neither p nor q."""
    objective = regime(name, **parameters)
    log_pi = np.log([0.05, 0.2, 0.3, 0.1, 0.3, 0.05])
    base = rollouts([np.repeat(np.arange(6), np.round(100 * np.exp(LOG_P)).astype(int))] * 2)
    drawn = [np.repeat(np.arange(6), np.round(100 * np.exp(log_pi)).astype(int))] * 2
    run = rollouts(drawn).assign(log_pi=log_pi[np.concatenate(drawn)])
    distance, error = distance_to_optimum(base, run, objective)
    assert distance == pytest.approx(kl(log_pi, optimum(objective, LOG_P, REWARD)), abs=1e-9)
    assert error == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("kappa", [0.5, 1.0])
def test_the_length_exponent_enters_the_forecast_as_a_power_of_each_response(kappa):
    """T20: the optimum is ∝ p^{1 + (alpha-1)/|y|^kappa}, and a policy there is at distance 0."""
    log_q = log_softmax((1 + 2.0 / LENGTH**kappa) * LOG_P)
    base = rollouts([np.repeat(np.arange(6), np.round(100 * np.exp(LOG_P)).astype(int))] * 2)
    forecast = forecast_optimum(base, regime("tempered", alpha=3.0), kappa)
    assert forecast["length"] == pytest.approx(expectation(log_q, LENGTH), abs=1e-9)
    assert forecast["kl"] == pytest.approx(kl(log_q, LOG_P), abs=1e-9)
    everything = rollouts([np.arange(6)] * 2).assign(log_pi=np.tile(log_q, 2))
    distance, _ = distance_to_optimum(base, everything, regime("tempered", alpha=3.0), kappa)
    assert distance == pytest.approx(0, abs=1e-9)  # log pi - log q is zero for each response, so any mean of it is
