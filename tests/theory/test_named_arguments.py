"""Whatever a function is given that is no distribution, no reward or no count: the message names the argument."""

import numpy as np
import pytest

import theory
from theory.objectives import Objective

THREE = np.log([0.5, 0.3, 0.2])
REWARD, LENGTH = np.array([0.0, 1.0, 1.0]), np.array([2.0, 3.0, 9.0])
LOST = np.log([0.5, 0.3, 0.1])
HOLE = np.array([0.0, np.nan, 1.0])
J, FEATURES = Objective(1.0, 1.0, 0.5), np.eye(3)[None]
LOG_P = "the probabilities of {} sum to 0.9, off by -0.1; normalise them"
NUMBER = "{} holds nan; every entry must be finite"
WHOLE = "{} must be a whole number, got 2.5"


@pytest.mark.parametrize(
    ("name", "message", "call"),
    [
        ("reward", NUMBER, lambda: theory.covariance_by_length(THREE, HOLE, LENGTH)),
        ("length", NUMBER, lambda: theory.covariance_by_length(THREE, REWARD, HOLE)),
        ("length", NUMBER, lambda: theory.content_power(THREE, HOLE, 2.0)),
        ("steps", WHOLE, lambda: theory.mirror_line(J, 0.1, 2.5)),
        ("rounds", WHOLE, lambda: theory.iterated_sharpening(2.0, 0.5, 2.5)),
        (
            "log_pi0",
            LOG_P,
            lambda: theory.dynamics.self_sharpening_score(LOST, THREE, REWARD, Objective(1.0, 1.0, -1.0)),
        ),
        ("log_p", LOG_P, lambda: theory.dynamics.self_sharpening_score(THREE, LOST, REWARD, Objective(1.0, 1.0, -1.0))),
        (
            "reward",
            NUMBER,
            lambda: theory.dynamics.self_sharpening_score(THREE, THREE, HOLE, Objective(1.0, 1.0, -1.0)),
        ),
        ("log_pi", LOG_P, lambda: theory.dynamics.softmax_jacobian(LOST, J)),
        ("log_pi", LOG_P, lambda: theory.group_advantage(LOST, REWARD, 4)),
        ("vocabulary", WHOLE, lambda: theory.length.uniform_length_ratio(2.5, 0.1, 1.0)),
        ("vocabulary", WHOLE, lambda: theory.length.uniform_existence_threshold(2.5, 0.1)),
        ("log_pi", LOG_P, lambda: theory.sampling_law(LOST, THREE, 1.0)),
        ("log_mu", LOG_P, lambda: theory.sampling_law(THREE, LOST, 1.0)),
        ("log_pi", LOG_P, lambda: theory.mismatched_velocity(LOST, THREE, REWARD)),
        ("log_mu", LOG_P, lambda: theory.mismatched_velocity(THREE, LOST, REWARD)),
        ("returns", NUMBER, lambda: theory.mismatched_velocity(THREE, THREE, HOLE)),
        ("log_target", LOG_P, lambda: theory.mismatched_sampler.sampler_return_optimum(LOST, REWARD)),
        ("log_ratio", NUMBER, lambda: theory.mismatched_sampler.sampler_return_optimum(THREE, HOLE)),
        ("log_pi", LOG_P, lambda: theory.noise.total_return(J, LOST, THREE, REWARD)),
        ("log_p", LOG_P, lambda: theory.noise.total_return(J, THREE, LOST, REWARD)),
        ("log_pi", LOG_P, lambda: theory.noise.token_gradient_moments(LOST, REWARD, 5, 1)),
        ("log_pi", LOG_P, lambda: theory.objectives.value(J, LOST, THREE, REWARD)),
        ("log_p", LOG_P, lambda: theory.objectives.value(J, THREE, LOST, REWARD)),
        ("reward", NUMBER, lambda: theory.objectives.value(J, THREE, THREE, HOLE)),
        ("log_p", LOG_P, lambda: theory.Problem(LOST, REWARD)),
        ("reward", NUMBER, lambda: theory.Problem(THREE, HOLE)),
        ("length", NUMBER, lambda: theory.Problem(THREE, REWARD, HOLE)),
        ("log_p", LOG_P, lambda: theory.natural_gradient_floor(LOST, THREE)),
        ("log_target", LOG_P, lambda: theory.natural_gradient_floor(THREE, LOST)),
        ("log_p_answer", NUMBER, lambda: theory.reference_answer_optimum(THREE, HOLE)),
        ("log_p", LOG_P, lambda: theory.reference_answer_optimum(LOST, REWARD)),
        ("length", NUMBER, lambda: theory.noisy_power(THREE, HOLE, 2.0, 0.1)),
        ("log_pi", LOG_P, lambda: theory.score_moments(LOST[None], THREE[None], REWARD[None], FEATURES)),
        ("log_p", LOG_P, lambda: theory.score_moments(THREE[None], LOST[None], REWARD[None], FEATURES)),
        ("log_target", LOG_P, lambda: theory.shared_parameters.distilled(LOST[None], THREE[None], FEATURES)),
        ("log_p", LOG_P, lambda: theory.shared_parameters.distilled(THREE[None], LOST[None], FEATURES)),
        (
            "features",
            NUMBER,
            lambda: theory.shared_parameters.log_policy(np.zeros(3), THREE[None], FEATURES * HOLE[:, None]),
        ),
        ("samples", WHOLE, lambda: theory.support.missed_probability(THREE, 2.5)),
        ("log_pi", LOG_P, lambda: theory.trainers.std_normalised_return_step(LOST, THREE, 0.1)),
        ("log_target", LOG_P, lambda: theory.trainers.std_normalised_return_step(THREE, LOST, 0.1)),
        ("score", NUMBER, lambda: theory.trainers.balance_rate(HOLE, LENGTH, np.zeros(3))),
        ("length", NUMBER, lambda: theory.trainers.balance_rate(REWARD, HOLE, np.zeros(3))),
        ("length", NUMBER, lambda: theory.trainers.length_normalised_optimum(THREE, HOLE, 2.0)),
        ("votes", WHOLE, lambda: theory.vote_reward(THREE, 2.5)),
        ("n", WHOLE, lambda: theory.pass_at_k(2.5, 1, 1)),
        ("c", WHOLE, lambda: theory.pass_at_k(4, 2.5, 1)),
        ("k", WHOLE, lambda: theory.pass_at_k(4, 2, 2.5)),
    ],
)
def test_what_is_wrong_is_called_by_the_name_of_its_argument(name, message, call, as_users_call_it):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value).startswith(message.format(name))
