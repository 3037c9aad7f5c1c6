import numpy as np
import pandas as pd
import pytest
from scipy.special import log_softmax

from llm.rollout_table import from_table
from theory.distribution import expectation, kl
from theory.estimation.distance import distance_to_optimum, forecast_optimum
from theory.estimation.forecast import target_of
from theory.estimation.target import Target
from theory.objectives import optimum, regime
from theory.trainers import trajectory_balance_optimum

LOG_P = np.log([0.4, 0.25, 0.15, 0.1, 0.06, 0.04])
REWARD = np.array([0.0, 1.0, 1.0, 0.0, 1.0, 0.0])
LENGTH = np.array([2.0, 9.0, 4.0, 1.0, 12.0, 3.0])


def rollouts(index_by_prompt):
    return pd.concat(
        pd.DataFrame(
            {
                "prompt_id": x,
                "sample": np.arange(len(i)),
                "response": np.array(list("abcdef"))[i],
                "answer": "1",
                "reward": REWARD[i],
                "log_p": LOG_P[i],
                "length": LENGTH[i],
                "finished": True,
            }
        )
        for x, i in enumerate(index_by_prompt)
    ).reset_index(drop=True)


def test_the_forecast_of_a_run_covers_the_optimum():
    """T1, T23: 300 prompts of 4 samples each, too few to hold all the probability."""
    generator = np.random.default_rng(3)
    objective = regime("tempered", alpha=1.5)
    drawn = rollouts(generator.choice(6, (300, 4), p=np.exp(LOG_P)))
    forecast = forecast_optimum(from_table(drawn), target_of(objective))
    log_q = optimum(objective, LOG_P, REWARD)
    assert forecast.method == "psis"
    assert forecast["accuracy"].low < expectation(log_q, REWARD) < forecast["accuracy"].high
    assert forecast["length"].low < expectation(log_q, LENGTH) < forecast["length"].high
    assert 0 < forecast["accuracy"].high - forecast["accuracy"].low < 0.15


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("tilted", {"beta": 0.5}), ("tempered", {"alpha": 2.0}), ("tilted-tempered", {"alpha": 2.0, "beta": 0.5})],
)
def test_the_distance_to_the_optimum_is_a_kl_divergence(name, parameters):
    """T1: KL(pi || q) from the run's and the base model's rollouts, for a pi that is neither p nor q."""
    objective = regime(name, **parameters)
    log_pi = np.log([0.05, 0.2, 0.3, 0.1, 0.3, 0.05])
    base = rollouts([np.repeat(np.arange(6), np.round(100 * np.exp(LOG_P)).astype(int))] * 2)
    drawn = [np.repeat(np.arange(6), np.round(100 * np.exp(log_pi)).astype(int))] * 2
    run = rollouts(drawn).assign(log_pi=log_pi[np.concatenate(drawn)])
    distance, error = distance_to_optimum(from_table(base), from_table(run), target_of(objective))
    assert distance == pytest.approx(kl(log_pi, optimum(objective, LOG_P, REWARD)), abs=1e-9)
    assert error == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("kappa", [0.5, 1.0])
def test_a_policy_at_the_optimum_with_a_length_exponent_is_at_distance_zero(kappa):
    """T20: the optimum is ∝ p^{1 + (alpha-1)/|y|^kappa}."""
    log_q = log_softmax((1 + 2.0 / LENGTH**kappa) * LOG_P)
    base = rollouts([np.repeat(np.arange(6), np.round(100 * np.exp(LOG_P)).astype(int))] * 2)
    everything = rollouts([np.arange(6)] * 2).assign(log_pi=np.tile(log_q, 2))
    distance, _ = distance_to_optimum(
        from_table(base), from_table(everything), target_of(regime("tempered", alpha=3.0), kappa)
    )
    assert distance == pytest.approx(0, abs=1e-9)  # log pi - log q is zero for each response, so any mean of it is


def test_a_run_without_its_own_log_p_has_no_distance_and_one_prompt_no_error():
    base = from_table(rollouts([np.arange(6)]))
    with pytest.raises(ValueError, match="the run's rollouts have no log_pi; its distance to the optimum needs it"):
        distance_to_optimum(base, base, target_of(regime("tempered", alpha=2.0)))
    run = from_table(rollouts([np.arange(6)]).assign(log_pi=LOG_P))
    assert np.isnan(distance_to_optimum(base, run, target_of(regime("tempered", alpha=2.0)))[1])


def test_the_error_of_a_distance_is_that_of_a_mean_over_prompts():
    """T1 by hand: two prompts at distances d and d', whose mean has the standard error |d - d'|/2."""
    target = target_of(regime("tempered", alpha=2.0))
    base, run = rollouts([np.arange(6)] * 2), rollouts([np.arange(6)] * 2)
    found = []
    for shift in ((0.3, 0.3), (-0.5, -0.5), (0.3, -0.5)):
        own = run.assign(log_pi=np.concatenate([LOG_P + move for move in shift]))
        found.append(distance_to_optimum(from_table(base), from_table(own), target))
    (one, no_error), (other, _), (mean, error) = found
    assert one - other == pytest.approx(0.8) and no_error == pytest.approx(0, abs=1e-12)
    assert (mean, error) == (pytest.approx((one + other) / 2), pytest.approx(0.4))


def test_a_rate_a_token_is_that_of_the_base_model_and_not_of_the_run():
    """T20: a run at the optimum of trajectory balance has no distance, whatever lengths its own samples have."""
    log_q = trajectory_balance_optimum(LOG_P, LENGTH, 2.0)
    base = rollouts([np.repeat(np.arange(6), np.round(100 * np.exp(LOG_P)).astype(int))] * 2)
    run = rollouts([np.array([0, 4, 4])] * 2).assign(log_pi=np.tile(log_q[[0, 4, 4]], 2))
    target = Target(2.0, 0.0, length_control="trajectory-balance")
    assert distance_to_optimum(from_table(base), from_table(run), target)[0] == pytest.approx(0, abs=1e-9)
