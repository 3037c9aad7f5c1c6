"""Simulated votes against the theory of majority votes."""

import numpy as np
import pytest

from llm.rollout_table import from_table
from tests.rollout_tables import table_of
from theory.estimation.samples import Rollouts
from theory.estimation.votes import majority_accuracy
from theory.voting import vote_reward


def test_a_simulated_vote_wins_as_often_as_the_theory_says():
    """T21, T22: maj@k of the distribution over answers, ties shared."""
    rollouts = from_table(table_of([np.array([0, 1, 2, 2, 3, 4])]))
    weight = np.array([0.1, 0.25, 0.15, 0.1, 0.3, 0.1])
    answers = np.log([0.35, 0.35, 0.3])  # answers 1, 2 and 3
    found = np.mean(
        [majority_accuracy(rollouts, weight, 4, np.array([0]), np.random.default_rng(i))[0] for i in range(200)]
    )
    assert found == pytest.approx(vote_reward(answers, 4)[0], abs=4 * np.sqrt(0.25 / (200 * 256)))


def test_a_response_without_an_answer_does_not_vote():
    table = table_of([np.array([0, 2, 2])])
    table.loc[1:, "response"] = ["no box", "none here"]
    rollouts = from_table(table)
    found = majority_accuracy(rollouts, np.array([0.5, 0.25, 0.25]), 8, np.array([0]), np.random.default_rng(0))
    assert found[0] > 0.97  # right unless all eight abstain: 1 - 2^-8


def test_nobody_is_elected_by_no_vote_and_what_nobody_gave_cannot_win():
    """Prompt 0: the right answer has hardly any weight beside responses without one. Prompt 1: nobody is right."""
    rows, start = np.zeros(4, int), np.array([0, 2])
    vote, right = np.array([3, -1, 5, 5]), np.array([3, -1])
    table = Rollouts(np.arange(2), start, -1.0 - rows, 0.0 * rows, 1.0 + rows, np.arange(4), rows == 0, vote, right)
    weight = np.array([1e-12, 1.0, 0.5, 0.5])
    assert majority_accuracy(table, weight, 4, np.array([0, 1]), np.random.default_rng(0)).tolist() == [0.0, 0.0]
