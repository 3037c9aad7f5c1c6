import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import log_softmax

from llm.training.rewards import log_prob_term, task_reward, trl_beta
from theory.objectives import REGIMES, regime, value

VECTORS = arrays(float, 6, elements=st.floats(-4, 4))
REWARD = np.array([1.0, 0.0, 0.0, 1.0, 0.0, 0.0])
PARAMETERS = {
    "task": {},
    "tilted": {"beta": 0.3},
    "sharpening": {},
    "tempered": {"alpha": 2.5},
    "tilted-tempered": {"alpha": 2.5, "beta": 0.3},
}


def returns(objective, kappa, log_p, log_pi, length):
    """What TRL's advantage is made of: weighted rewards less beta (log pi - log p)."""
    columns = {"sequence_log_p": log_p, "sequence_log_pi": log_pi, "sequence_length": length}
    term = log_prob_term(objective, kappa)(**{name: list(values) for name, values in columns.items()})
    return objective.reward_weight * REWARD + np.array(term) - trl_beta(objective) * (log_pi - log_p)


@pytest.mark.parametrize("name", REGIMES)
@given(logits_p=VECTORS, logits_pi=VECTORS)
def test_the_expected_return_is_the_objective_of_the_theory(name, logits_p, logits_pi):
    """T1: E_pi[return] = J(pi), with J evaluated by theory.objectives."""
    objective = regime(name, **PARAMETERS[name])
    log_p, log_pi = log_softmax(logits_p), log_softmax(logits_pi)
    expected = np.exp(log_pi) @ returns(objective, 0.0, log_p, log_pi, np.ones(6))
    np.testing.assert_allclose(expected, value(objective, log_pi, log_p, REWARD), rtol=1e-9, atol=1e-9)


@given(logits_p=VECTORS, kappa=st.floats(0, 2))
def test_the_length_exponent_weakens_the_power_of_each_response(logits_p, kappa):
    """T20: at pi ∝ p^{1 + (alpha-1)/|y|^kappa} the return is the same for all y, so no gradient is left."""
    objective, length = regime("tempered", alpha=3.0), np.array([1, 2, 3, 5, 8, 13])
    log_p = log_softmax(logits_p)
    log_pi = log_softmax((1 + 2.0 / length**kappa) * log_p)
    reached = returns(objective, kappa, log_p, log_pi, length)
    np.testing.assert_allclose(reached, reached[0], rtol=1e-9, atol=1e-9)


def test_what_a_run_is_followed_by_has_the_signs_of_its_definitions():
    """KL(pi‖p) = E[log pi - log p] and entropy = -E log pi, of responses that the policy likes better than the base."""
    logged = {}
    rewards = task_reward(
        completions=["so \\boxed{4}", "so \\boxed{5}", "\\boxed{4"],
        answer=["4", "4", "4"],
        finished=[True, True, False],
        log_p=[-6.0, -3.0, -9.0],
        log_pi=[-2.0, -2.5, -6.0],
        length=[5, 5, 4],
        log_metric=logged.__setitem__,
    )
    assert rewards == [1.0, 0.0, 0.0]
    expected = {"accuracy": 1 / 3, "length": 14 / 3, "finished": 2 / 3, "log_p": -6.0, "log_p_sd": 6**0.5}
    expected |= {"sequence_entropy": 3.5, "sequence_kl": 2.5}
    assert logged == pytest.approx(expected)
