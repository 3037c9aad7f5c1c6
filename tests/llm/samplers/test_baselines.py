"""Best of n, majority vote and low temperature on a table in place of a model: rows, costs and columns by hand.

Their laws, by frequencies, are in test_sampling_baselines.py.
"""

from dataclasses import replace

import numpy as np
import pytest
from every_response import PROMPTS, STOP
from table_model import ask, log_p_of

from llm.samplers import best_of_n, low_temperature, majority_vote
from llm.samplers.best_of_n import candidates_of
from llm.samplers.particles import response_ids

SAMPLES, N = 40, 3


def ballots():
    """The candidates behind each row, prompt by prompt, as the same seed draws them."""
    cloud, rows = candidates_of(ask(SAMPLES), N)
    assert rows.shape == (len(PROMPTS), SAMPLES, N)
    assert cloud.group[rows].unique(dim=None).tolist() == [0, 1] and (cloud.group[rows[1]] == 1).all()
    responses = response_ids(cloud.tokens)
    return [[responses[i] for i in ballot] for ballot in rows.view(-1, N).tolist()]


def test_best_of_n_keeps_the_likeliest_of_each_n(table):
    drawn = best_of_n.sample(ask(SAMPLES), N)
    assert drawn.tokens == table.read and drawn.columns == {"candidates": [N] * 2 * SAMPLES}
    for row, (chosen, ballot) in enumerate(zip(drawn.responses, ballots(), strict=True)):
        assert chosen == max(ballot, key=lambda ids: log_p_of(PROMPTS[row // SAMPLES], ids))


class Decoder:
    """A response's answer is its first token."""

    def batch_decode(self, responses, skip_special_tokens):
        assert skip_special_tokens
        return [str(ids[0]) for ids in responses]


def test_a_vote_is_won_by_the_answer_that_most_candidates_give(table):
    """A candidate that gives it is kept, with the number of its votes; the first of all where nobody has a vote."""
    asked = []

    def vote(text, finished):
        asked.append(finished)
        return text if finished and text not in ("0", "2") else None

    drawn = majority_vote.sample(replace(ask(SAMPLES), tokenizer=Decoder()), N, vote)
    assert drawn.tokens == table.read and drawn.columns["candidates"] == [N] * 2 * SAMPLES and any(asked)
    nobody = 0
    for chosen, won, ballot in zip(drawn.responses, drawn.columns["votes"], ballots(), strict=True):
        answers = [ids[0] if ids[-1] == STOP and ids[0] not in (0, 2) else None for ids in ballot]
        votes = {answer: answers.count(answer) for answer in answers if answer is not None}
        assert won == max(votes.values(), default=0)
        leaders = [answer for answer, count in votes.items() if count == won]
        assert chosen == (ballot[answers.index(leaders[0])] if leaders else ballot[0])
        nobody += not votes
    assert 0 < nobody < SAMPLES


def test_low_temperature_says_how_many_draws_of_the_power_it_is_worth(table):
    """(Σ w)²/Σ w² with w = p^alpha/q by hand, a prompt; log_pi is the log q of each row."""
    drawn = low_temperature.sample(ask(SAMPLES), 2.5)
    assert drawn.tokens == table.read and drawn.columns == {}
    log_q, weight = np.empty((2, SAMPLES)), np.empty((2, SAMPLES))
    for row, ids in enumerate(drawn.responses):
        place = divmod(row, SAMPLES)
        log_q[place] = log_p_of(PROMPTS[place[0]], ids, 2.5)
        weight[place] = np.exp(2.5 * log_p_of(PROMPTS[place[0]], ids) - log_q[place])
    np.testing.assert_allclose(drawn.log_pi, log_q.ravel(), rtol=1e-10)
    assert drawn.diagnostics == {"ess": pytest.approx((weight.sum(1) ** 2 / (weight**2).sum(1)).mean(), rel=1e-10)}
