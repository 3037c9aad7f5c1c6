"""Where an objective takes a policy, how fast, and whether it stays: the (alpha, b) plane as pure functions.

A policy is the log-probabilities of its responses, natural logarithms, the last axis running over responses:

>>> import numpy as np
>>> from theory import critical_beta, log_odds_terms, optimum, regime, tilting_at_budget
>>> log_p, correct = np.log([0.5, 0.3, 0.2]), np.array([False, True, True])

Where does reinforcement learning with KL weight 1/2 end, and where does sharpening p to the power 4?

>>> np.exp(optimum(regime("tilted", beta=0.5), log_p, correct)).round(3)
array([0.119, 0.528, 0.352])
>>> np.exp(optimum(regime("tempered", alpha=4), log_p, correct)).round(3)
array([0.866, 0.112, 0.022])

Sharpening makes this policy worse, because its correct answers are spread over more responses than its wrong ones; the
diversity gap says so beforehand, and a KL budget of 0.1 nats is better spent on a reward of weight b:

>>> terms = log_odds_terms(log_p, correct, alpha=4, b=0)
>>> bool(terms.base > terms.diversity_gap)
False
>>> round(tilting_at_budget(log_p, correct, budget=0.1), 3)
0.943

Divided by their standard deviation (GRPO) in large groups, advantages of log p need a KL weight of at least

>>> round(critical_beta(log_p), 3)
1.591

Which function answers which question:

| question | where |
|---|---|
| where does an objective end, and what is it worth there? | `objectives` |
| what is a policy of the plane like: moments, log-odds, KL, limits? | `tilt`, `distribution` |
| how does a run get there, how fast, and does it stay? | `dynamics` |
| what do sharpening and a reward each buy with a KL budget? | `budget` |
| how often does accuracy turn as sharpening goes on? | `turning_points` |
| what does my trainer do to the end: k3, GRPO, groups, lengths? | `trainers`, `saddle_node`, `finite_group` |
| what do shared parameters change, or another sampler? | `shared_parameters`, `mismatched_sampler` |
| what becomes of length, of tokens, of cut-off responses? | `length`, `sequences`, `content`, `length_limit` |
| what do samples tell: weights, noise, what they miss? | `reweighting`, `noise`, `support`, `rare_responses` |
| what if the verifier errs, or votes, or is a reference answer? | `verifier`, `voting`, `reference_answer` |
| what does a target cost without training? | `rejection` |
| where does a run stand in the plane? | `coordinates` |

The names below are what most users need; every module has more, with the number of its statement in docs/theorems.md.
Nothing is loaded before it is named, so that a command pays only for what it uses. From samples instead of a list of
all responses: `theory.estimation`.

Conventions throughout: arrays of float64, the last axis over responses and any others before it over prompts;
probabilities as natural logarithms, -inf for what cannot happen; distances, entropies and log-odds in nats; lengths in
tokens with the end counted (in `length`, moves without it). `log_mass`, where a function has it, makes the rows
weighted samples. Bad input is a ValueError of one line that names the argument and its value. But for the command
`theory.atlas` nothing prints, and files and random numbers are used where a path or a generator is handed in.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from theory.budget import sharpening_at_budget, small_budget_ratio, tilting_at_budget, tilting_frontier
    from theory.content import content_power, covariance_by_length
    from theory.coordinates import alpha_of_mean_log_p, coordinates_of_means, projection
    from theory.distribution import entropy, kl, renyi_entropy
    from theory.dynamics import iterated_sharpening, line, line_points, mirror_line, rate, step_is_stable
    from theory.finite_group import finite_group_optimum, group_advantage, large_group_k3_optimum
    from theory.gradient_blocks import block_cosine
    from theory.length import empty_response_wins, existence_threshold, markov_power
    from theory.length_limit import finished_log_mass, length_limit_optima
    from theory.mismatched_sampler import mismatched_velocity, sampling_law
    from theory.objectives import Coordinates, Objective, Points, optimum, regime, value
    from theory.passk import crossover, majority_at_k, pass_at_k, population_pass_at_k
    from theory.policy_file import read_policy
    from theory.problem import Problem
    from theory.rare_responses import natural_gradient_floor, sampled_step_limit
    from theory.reference_answer import reference_answer_accuracy, reference_answer_optimum
    from theory.rejection import reward_log_draws, sharpening_log_draws
    from theory.reweighting import effective_sample_size, log_weights
    from theory.saddle_node import critical_beta, std_normalised_alpha
    from theory.score_noise import noisy_power
    from theory.shared_parameters import ScoreMoments, projected_gain_ratio, score_moments
    from theory.tilt import kl_to_base, log_odds_slope, log_odds_terms, log_tilt, moments, sharpening_limit, task_limit
    from theory.trainers import k3_in_loss_optimum, rloo_alpha, trajectory_balance_rate
    from theory.turning_points import accuracy_slope, most_turning_points
    from theory.verifier import verified_accuracy, verifier_precision
    from theory.vocabulary import LengthControl, Quantity, Regime
    from theory.voting import vote_reward, vote_step

# Module -> the names of it that stand at the door. One with none is there as a module: theory.noise, say.
_NAMES = {
    "budget": ("sharpening_at_budget", "small_budget_ratio", "tilting_at_budget", "tilting_frontier"),
    "content": ("content_power", "covariance_by_length"),
    "coordinates": ("alpha_of_mean_log_p", "coordinates_of_means", "projection"),
    "distribution": ("entropy", "kl", "renyi_entropy"),
    "dynamics": ("iterated_sharpening", "line", "line_points", "mirror_line", "rate", "step_is_stable"),
    "finite_group": ("finite_group_optimum", "group_advantage", "large_group_k3_optimum"),
    "fixed_points": (),
    "length": ("empty_response_wins", "existence_threshold", "markov_power"),
    "noise": (),
    "objectives": ("Coordinates", "Objective", "Points", "optimum", "regime", "value"),
    "passk": ("crossover", "majority_at_k", "pass_at_k", "population_pass_at_k"),
    "policy_file": ("read_policy",),
    "problem": ("Problem",),
    "reweighting": ("effective_sample_size", "log_weights"),
    "saddle_node": ("critical_beta", "std_normalised_alpha"),
    "sequences": (),
    "shared_parameters": ("ScoreMoments", "projected_gain_ratio", "score_moments"),
    "shortest_path": (),
    "support": (),
    "tilt": (
        "kl_to_base",
        "log_odds_slope",
        "log_odds_terms",
        "log_tilt",
        "moments",
        "sharpening_limit",
        "task_limit",
    ),
    "trainers": ("k3_in_loss_optimum", "rloo_alpha", "trajectory_balance_rate"),
    "vocabulary": ("LengthControl", "Quantity", "Regime"),
    "gradient_blocks": ("block_cosine",),
    "length_limit": ("finished_log_mass", "length_limit_optima"),
    "mismatched_sampler": ("mismatched_velocity", "sampling_law"),
    "reference_answer": ("reference_answer_accuracy", "reference_answer_optimum"),
    "voting": ("vote_reward", "vote_step"),
    "rare_responses": ("natural_gradient_floor", "sampled_step_limit"),
    "rejection": ("reward_log_draws", "sharpening_log_draws"),
    "score_noise": ("noisy_power",),
    "turning_points": ("accuracy_slope", "most_turning_points"),
    "verifier": ("verified_accuracy", "verifier_precision"),
}
_MODULE = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [
    "Coordinates",
    "LengthControl",
    "Objective",
    "Points",
    "Problem",
    "Quantity",
    "Regime",
    "ScoreMoments",
    "accuracy_slope",
    "alpha_of_mean_log_p",
    "block_cosine",
    "budget",
    "content",
    "content_power",
    "coordinates",
    "coordinates_of_means",
    "covariance_by_length",
    "critical_beta",
    "crossover",
    "distribution",
    "dynamics",
    "effective_sample_size",
    "empty_response_wins",
    "entropy",
    "existence_threshold",
    "finished_log_mass",
    "finite_group",
    "finite_group_optimum",
    "fixed_points",
    "gradient_blocks",
    "group_advantage",
    "iterated_sharpening",
    "k3_in_loss_optimum",
    "kl",
    "kl_to_base",
    "large_group_k3_optimum",
    "length",
    "length_limit",
    "length_limit_optima",
    "line",
    "line_points",
    "log_odds_slope",
    "log_odds_terms",
    "log_tilt",
    "log_weights",
    "majority_at_k",
    "markov_power",
    "mirror_line",
    "mismatched_sampler",
    "mismatched_velocity",
    "moments",
    "most_turning_points",
    "natural_gradient_floor",
    "noise",
    "noisy_power",
    "objectives",
    "optimum",
    "pass_at_k",
    "passk",
    "policy_file",
    "population_pass_at_k",
    "problem",
    "projected_gain_ratio",
    "projection",
    "rare_responses",
    "rate",
    "read_policy",
    "reference_answer",
    "reference_answer_accuracy",
    "reference_answer_optimum",
    "regime",
    "rejection",
    "renyi_entropy",
    "reward_log_draws",
    "reweighting",
    "rloo_alpha",
    "saddle_node",
    "sampled_step_limit",
    "sampling_law",
    "score_moments",
    "score_noise",
    "sequences",
    "shared_parameters",
    "sharpening_at_budget",
    "sharpening_limit",
    "sharpening_log_draws",
    "shortest_path",
    "small_budget_ratio",
    "std_normalised_alpha",
    "step_is_stable",
    "support",
    "task_limit",
    "tilt",
    "tilting_at_budget",
    "tilting_frontier",
    "trainers",
    "trajectory_balance_rate",
    "turning_points",
    "value",
    "verified_accuracy",
    "verifier",
    "verifier_precision",
    "vocabulary",
    "vote_reward",
    "vote_step",
    "voting",
]


def __getattr__(name: str) -> Any:
    """A name or a module of this package, loaded when it is first asked for (PEP 562)."""
    if name in _MODULE:
        return getattr(importlib.import_module(f"theory.{_MODULE[name]}"), name)
    if name in _NAMES:
        return importlib.import_module(f"theory.{name}")
    raise AttributeError(f"theory has no {name!r}; it has {', '.join(__dir__())}")


def __dir__() -> list[str]:
    return sorted([*_MODULE, *_NAMES])
