"""What lies on the border of what a function takes has its value; what lies just beyond it is refused."""

import numpy as np
import pytest

import theory
from theory import dynamics, noise
from theory.objectives import Objective, regime
from theory.shared_parameters import class_optimum
from theory.shortest_path import shortest_path

P, REWARD = np.log([0.5, 0.3, 0.2]), np.array([0.0, 1.0, 1.0])
TOKENS = np.array([[0, 1], [0, 2], [1, 2]])
ONE, J = np.zeros(1), Objective(1.0, 1.0, 0.5)


@pytest.mark.parametrize(
    ("call", "value"),
    [
        (lambda: theory.budget.tilting_at_budget(P, REWARD, 0.0), 0.0),
        (lambda: theory.budget.sharpening_at_budget(P, 0.0), 1.0),
        (lambda: regime("tempered", alpha=0.0).target, (0.0, 0.0)),
        (lambda: theory.renyi_entropy(P, 0), np.log(3)),
        (lambda: theory.score_noise.log_weight_bonus(2.0, 0.0, 10), 0.0),
        (lambda: theory.support.missed_probability(P, 0), [1, 1, 1]),
        (lambda: theory.voting.vote_reward(P, 1), np.exp(P)),
        (lambda: theory.voting.majority_probability(np.array([0.0, 1.0]), 3), [0, 1]),
        (lambda: theory.rejection.sharpening_log_draws(P, 1.0), 0.0),
        (lambda: theory.rejection.reward_log_draws(np.array([0.0, 1.0]), 0.0), [0, 0]),
        (lambda: theory.verified_accuracy(np.array([0.0, 1.0]), 1.0, 0.0, 0.0), [0, 1]),
        (lambda: theory.reference_answer_optimum(P, np.array([-np.inf, -1.0, 0.0]), weight=0.0), P),
        (lambda: theory.reference_answer_optimum(P, np.array([-np.inf, -1.0, 0.0]), weight=0.5)[0], -np.inf),
        (lambda: theory.reference_answer_optimum(P, np.log([0.1, 0.5, 1.0])), np.log([5 / 40, 15 / 40, 20 / 40])),
        (lambda: theory.rare_responses.revival_time(0.2, 0.2, 1.0), 0.0),
        (lambda: theory.pass_at_k(4, 0, 4), 0.0),
        (lambda: theory.pass_at_k(4, 4, 1), 1.0),
        (lambda: theory.passk.majority_at_k(np.array([3, 0]), 3), [1, 0]),
        (lambda: theory.population_pass_at_k(np.array([0.0, 1.0]), 2), 0.5),
        (lambda: theory.group_advantage(P, REWARD, 2), 0.25 * 2**0.5 * np.array([-1, 1, 1])),
        (lambda: theory.tilt.delta_sharpening_bound(P, 1.0), 1.0),
        (lambda: theory.tilt.delta_sharpening_bound(ONE, 2.0), 0.0),
        (lambda: theory.iterated_sharpening(2.0, 0.0, 3), 8.0),
        (lambda: dynamics.self_reference_limit(0.0, 0.0), (1.0, False)),
        (lambda: dynamics.self_reference_limit(-2.0, 0.0), (-np.inf, False)),
        (lambda: [theory.step_is_stable(J, step) for step in (0.0, 1e-9, 3.99, 4.0)], [False, True, True, False]),
        (lambda: noise.rloo_gradient_noise(noise.GradientMoments(1.0, 2.0, 3.0, 4.0), 2), (3 + 8) / 2),
        (lambda: noise.token_gradient_moments(P, REWARD, 3, 3).variance, 3 * 0.25),
        (lambda: theory.objectives.optimum(Objective(1.0, 0.0, 0.0), P, REWARD), [-np.inf, np.log(0.6), np.log(0.4)]),
        (lambda: shortest_path(np.eye(2)[::-1] * 0.5, np.full(2, 0.5), 1).log_p, np.log(0.5)),
        (lambda: theory.trainers.rloo_alpha(0.5), 3.0),
        (lambda: theory.trainers.two_cycle(1.0, 1e-9)[1] <= 1e-9, True),
        (lambda: theory.critical_beta(P[:2] - np.logaddexp.reduce(P[:2])) > 0, True),
    ],
)
def test_the_border_itself_has_a_value(call, value):
    np.testing.assert_allclose(call(), value, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: theory.budget.tilting_at_budget(P, REWARD, -1e-9), "budget must be >= 0 nats, got -1e-09"),
        (lambda: theory.budget.tilting_at_budget(P, np.ones(3), 0.1), "reward is 1.0 on the whole support"),
        (lambda: theory.budget.sharpening_at_budget(np.log([0.5, 0.5]), 0.1), "log_p is uniform on its support"),
        (lambda: theory.renyi_entropy(P, -1e-9), "alpha must be >= 0, got -1e-09"),
        (lambda: theory.support.missed_probability(P, -1), "samples must be >= 0, got -1"),
        (lambda: theory.voting.vote_reward(P, 0), "votes must be >= 1, got 0"),
        (lambda: theory.voting.majority_probability(1.1, 3), "p must be"),
        (lambda: theory.voting.tie_growth(0.0, 3), "beta must be finite and > 0, got 0.0"),
        (lambda: theory.rejection.sharpening_log_draws(P, 0.99), "alpha must be >= 1 to sharpen, got 0.99"),
        (lambda: theory.reference_answer_optimum(P, REWARD, weight=-1e-9), "weight must be >= 0, got -1e-09"),
        (lambda: theory.rare_responses.revival_time(0.0, 0.1, 1.0), "start, end and tau must satisfy"),
        (lambda: theory.rare_responses.revival_time(0.1, 0.5, 1.0), "start, end and tau must satisfy"),
        (lambda: theory.rare_responses.revival_time(0.1, 0.2, 0.0), "start, end and tau must satisfy"),
        (lambda: theory.finite_group.advantage_bound(2.5), "group must be a whole number of at least 2, got 2.5"),
        (lambda: theory.tilt.delta_sharpening_bound(P, 0.99), "alpha must be >= 1 for the sharpening bound, got 0.99"),
        (lambda: theory.tilt.delta_sharpening_bound(np.log([0.4, 0.4, 0.2]), 2.0), "log_p has two modes at -0.916"),
        (lambda: theory.tilt.log_odds_terms(P, REWARD == 1, 1.0, np.inf), "b must be finite, got inf"),
        (lambda: theory.iterated_sharpening(2.0, -1e-9, 3), "mixing must be between 0 and 1, got -1e-09"),
        (lambda: noise.rloo_gradient_noise(noise.GradientMoments(1.0, 2.0, 3.0, 4.0), 1), "group must be"),
        (lambda: noise.leave_one_out_advantage(np.ones((3, 1))), "returns has 1 sample in a group"),
        (lambda: theory.objectives.optimum(Objective(1.0, -1e-9, 0.0), P, REWARD), "reference_weight is -1e-09"),
        (lambda: Objective(1.0, 1.0, 0.0).fixed_point, "entropy_weight is 0: this objective is"),
        (lambda: Objective(np.inf, 0.0, 0.0), "reward_weight must be finite, got inf"),
        (lambda: Objective(1.0, np.nan, 0.0), "reference_weight must be finite, got nan"),
        (lambda: Objective(1.0, 0.0, -np.inf), "entropy_weight must be finite, got -inf"),
        (lambda: regime("tempered", alpha=-1e-9), "alpha must be finite and >= 0, got -1e-09"),
        (lambda: regime("tilted", beta=0.0), "beta must be finite and > 0, got 0.0"),
        (lambda: regime("tilted"), "the tilted regime needs beta; give it a value"),
        (lambda: regime("task", alpha=1.0), r"the task regime does not use alpha \(got 1.0\); leave it out"),
        (lambda: regime("tilt", beta=1.0), "regime 'tilt' is unknown; choose one of task"),
        (lambda: dynamics.self_sharpening_winner(P, P, REWARD, Objective(1.0, 0.0, 0.0)), "entropy_weight is 0.0"),
        (lambda: class_optimum(Objective(1.0, 1.0, 0.0), P[None], REWARD[None], np.ones((1, 3, 1))),
         "entropy_weight"),
        (lambda: theory.score_moments(P[None], P[None], REWARD[None], np.ones((1, 3))), r"features has shape \(1, 3\)"),
        (lambda: shortest_path(np.full((2, 2), 0.25), np.full(2, 0.5), 2), "start is 2, but the"),
        (lambda: shortest_path(np.ones((1, 2)), np.ones(1), 0), "it must be square, one row a state"),
        (lambda: shortest_path(np.eye(2), np.array([0.0, 0.0]), 0), "a state that can never stop"),
        (lambda: theory.trainers.two_cycle(1.0, 0.0), "step_size must be > 0, got 0.0"),
        (lambda: theory.Problem(P, REWARD, np.array([1.0, 0.5, 2.0])), "length holds 0.5; count tokens with EOS"),
        (lambda: theory.reweighting.tilt_score(P, REWARD, 2.0, 0.0, kappa=1.0), "kappa is 1.0, and the score is then"),
        (lambda: theory.reweighting.tilt_score(P, REWARD, 2.0, np.inf), "log_p, reward and b must be finite"),
    ],
)  # fmt: skip
def test_beyond_the_border_is_refused(call, message, as_users_call_it):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("alpha", [-0.1, np.nan, np.inf])
@pytest.mark.parametrize(
    "call",
    [
        lambda alpha: theory.content_power(P, np.ones(3), alpha),
        lambda alpha: theory.iterated_sharpening(alpha, 0.5, 3),
        lambda alpha: theory.length.markov_power(np.full((1, 1), 0.5), np.full(1, 0.5), 0, alpha),
        lambda alpha: theory.reweighting.tilt_score(P, REWARD, alpha, 0.0),
        lambda alpha: theory.reweighting.effective_sample_ratio(P, alpha),
        lambda alpha: theory.sequences.lookahead(TOKENS, P, alpha),
        lambda alpha: theory.sequences.lookahead_bias(TOKENS, P, alpha),
        lambda alpha: theory.sequences.log_low_temperature(TOKENS, P, alpha),
        lambda alpha: theory.log_tilt(P, REWARD, alpha, 0.0),
        lambda alpha: theory.tilt.kl_to_base(P, REWARD, alpha, 0.0),
        lambda alpha: theory.tilt.delta_sharpening_bound(P, alpha),
        lambda alpha: theory.trainers.length_normalised_optimum(P, np.ones(3), alpha),
        lambda alpha: theory.trainers.trajectory_balance_rate(P, np.ones(3), alpha),
        lambda alpha: theory.score_noise.log_weight_bonus(alpha, 0.1, 10),
        lambda alpha: theory.score_noise.weighted_excess(alpha, 0.1, 10),
        lambda alpha: theory.rejection.sharpening_log_draws(P, alpha),
    ],
)
def test_a_power_is_finite_and_not_negative_wherever_one_is_given(call, alpha):
    with pytest.raises(ValueError, match=f"alpha must be finite and >= 0, got {alpha}"):
        call(alpha)
