"""Low temperature, best of n and majority vote: each against its own exact distribution, none against p^alpha."""

import numpy as np
import pytest
from every_response import PROMPTS, STOP, ask, differs, everything, lopsided_model

from llm.samplers import best_of_n, low_temperature, majority_vote
from theory.sequences import log_low_temperature


@pytest.fixture(scope="module")
def model():
    return lopsided_model()


@pytest.mark.parametrize("alpha", [0.5, 1.0, 3.0])
def test_low_temperature_is_the_power_of_tokens_with_its_exact_log_probabilities(model, alpha):
    """T16: frequencies within 4 standard errors, log_pi to rounding."""
    samples = 2000
    drawn = low_temperature.sample(ask(model, PROMPTS, samples), alpha)
    for i, prompt in enumerate(PROMPTS):
        table = everything(model, prompt)
        here = slice(i * samples, (i + 1) * samples)
        log_q = log_low_temperature(table.tokens, table.log_p, alpha)
        assert differs(table.frequencies(drawn.responses[here]), np.exp(log_q), samples) < 4
        rows = [table.responses.index(tuple(ids)) for ids in drawn.responses[here]]
        np.testing.assert_allclose(np.array(drawn.log_pi)[here], log_q[rows], atol=1e-4)
    if alpha == 1:
        assert drawn.diagnostics["ess"] == pytest.approx(samples)


def test_best_of_n_takes_the_likeliest_of_independent_samples(model):
    """P(best = y) = F(y)^n - F(y-)^n with F the distribution function of log p over responses, which has no ties."""
    samples, n = 2000, 3
    drawn = best_of_n.sample(ask(model, PROMPTS, samples), n)
    for i, prompt in enumerate(PROMPTS):
        table = everything(model, prompt)
        order = np.argsort(table.log_p)
        best = np.empty(len(order))
        best[order] = np.diff(np.cumsum(np.exp(table.log_p)[order]) ** n, prepend=0)
        mine = table.frequencies(drawn.responses[i * samples : (i + 1) * samples])
        assert differs(mine, best, samples) < 4
        assert differs(mine, np.exp(table.log_p), samples) > 6
    assert drawn.columns == {"candidates": [n] * 2 * samples} and drawn.log_pi is None


class Answers:
    """Decodes a response to the answer that its first token stands for; token 0 gives none."""

    def batch_decode(self, responses, **_):
        return [f"\\boxed{{{ids[0]}}}" if ids[0] else "no box" for ids in responses]


def test_a_majority_vote_returns_the_plurality_answer_with_ties_shared(model):
    """With 3 votes over the answers by first token (finished responses only), against the sum over all ballots."""
    samples, n = 1500, 3
    drawn = majority_vote.sample(ask(model, PROMPTS, samples, tokenizer=Answers()), n)
    for i, prompt in enumerate(PROMPTS):
        table = everything(model, prompt)
        answer = np.array([y[0] if y[0] and y[-1] == STOP else -1 for y in table.responses])
        mass = np.array([np.exp(table.log_p)[answer == a].sum() for a in (-1, 1, 2, 3)])
        elected = np.zeros(4)
        for ballot in np.ndindex(4, 4, 4):
            votes = np.bincount(ballot, minlength=4)
            votes[0] = 0  # no answer is no vote
            winners = votes == votes.max() if votes.max() else np.arange(4) == 0
            elected[winners] += np.prod(mass[list(ballot)]) / winners.sum()
        rows = [table.responses.index(tuple(ids)) for ids in drawn.responses[i * samples : (i + 1) * samples]]
        found = np.bincount(answer[rows] + (answer[rows] == -1), minlength=4) / samples
        assert differs(found, elected, samples) < 4
        assert differs(found, mass, samples) > 6
    assert set(drawn.columns) == {"candidates", "votes"} and max(drawn.columns["votes"]) == n
