"""Policies trained on votes that are really held: what a vote pays, who wins, how fast, and how often by luck (T21)."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from theory.dynamics import self_reference_steps
from theory.tilt import log_odds_terms
from theory.voting import chance_to_win, plurality_log_odds, tie_growth, vote_reward, vote_step
from toysims.experiment import Part, Row
from toysims.verdict import STANDARD_ERRORS, Check, at_most, monte_carlo

# Log-odds from which two answers start, and how many votes a label is taken from.
STARTS = (-2.0, -1.0, -0.3, 0.3, 1.0, 2.0)
VOTES = (1, 3, 8, 31)
DECIDED = 20.0  # nats of log-odds from which a walk turns back with a chance of 2e-9
CROWD = 10**9  # as many votes as it takes for the plurality to be that of the policy


def paid(
    generator: np.random.Generator, log_p: Float[np.ndarray, " answers"], votes: int, groups: int
) -> Float[np.ndarray, " answers"]:
    """The mean reward of each answer: its share of the wins of `groups` votes that are really held, ties shared."""
    counts = generator.multinomial(votes, np.exp(log_p), size=groups)
    leads = counts == counts.max(axis=1, keepdims=True)
    return (leads / leads.sum(axis=1, keepdims=True)).mean(axis=0)


def step(log_pi: Float[np.ndarray, " k"], reward: Float[np.ndarray, " k"], beta: float) -> Float[np.ndarray, " k"]:
    """log π ← log π + r/β, normalised: the optimum of E[r] - β KL(π‖π_k), π_k the policy of the round before."""
    new = log_pi + reward / beta
    return new - np.logaddexp.reduce(new)


def many_answers(generator: np.random.Generator, beta: float, rounds: int, replicas: int) -> Part:
    """Several answers: what a vote pays each, who wins with many votes, and at what rate."""
    log_p = np.log(generator.dirichlet(np.full(5, 2.0)))
    checks = []
    for votes in VOTES:
        wins = np.array([paid(generator, log_p, votes, 100) for _ in range(replicas)])
        for answer, expected in enumerate(vote_reward(log_p, votes)):
            claim = f"{votes} votes: reward of answer {answer}"
            error = np.sqrt(expected * (1 - expected) / (100 * replicas))
            checks.append(monte_carlo(claim, "T21", expected, wins[:, answer], error))
    leader, log_pi = int(np.argmax(log_p)), log_p
    for _ in range(rounds):
        log_pi = step(log_pi, paid(generator, log_pi, CROWD, 1), beta)
    before, after = (float(x[leader] - np.logaddexp.reduce(np.delete(x, leader))) for x in (log_p, log_pi))
    claim = f"log-odds of the first plurality after {rounds} rounds"
    checks.append(Check(claim, "T21", float(plurality_log_odds(before, beta, rounds)), after, 1e-8))
    return checks, []


def two_answers(generator: np.random.Generator, beta: float, rounds: int, groups: int, replicas: int) -> Part:
    """Two answers, few votes: the mean path from both sides of 1/2, many groups a round; the growth of a small lead."""
    checks, rows = [], []
    for votes in VOTES:
        for start in STARTS:
            expected, runs = start, np.full(replicas // 10, start)
            for round in range(rounds + 1):
                row = {"part": "path", "votes": votes, "start": start, "x": round}
                rows.append({**row, "simulated": runs.mean(), "predicted": expected})
                if round < rounds:
                    expected = float(vote_step(expected, beta, votes))
                    runs = runs + _lead(generator, runs, votes, groups) / beta
            claim = f"{votes} votes from log-odds {start:g}: log-odds after {rounds} rounds"
            # A round's noise, at most 1/√groups, is never less than this in the mean of the runs.
            least = 1e-3 / (beta * (groups * len(runs)) ** 0.5)
            checks.append(monte_carlo(claim, "T21", expected, runs, least))
        lead = np.full(replicas, 0.02)  # small: the growth of a lead is exact to its square
        grown = (lead + _lead(generator, lead, votes, 10 * groups) / beta) / lead
        checks.append(monte_carlo(f"{votes} votes: growth of a small lead", "T21", tie_growth(beta, votes), grown))
    return checks, rows


def luck(generator: np.random.Generator, beta: float, replicas: int) -> Part:
    """One vote a round: the log-odds walk in steps of ±1/β, and the answer that trails can win by luck."""
    checks, rows = [], []
    for votes in (1, 3, 31):  # odd: no ties
        for start in STARTS:
            runs = np.full(10 * replicas, start)
            undecided = np.abs(runs) < DECIDED
            while undecided.any():
                runs[undecided] += _lead(generator, runs[undecided], votes, 1) / beta
                undecided = np.abs(runs) < DECIDED
            won, predicted = float((runs > 0).mean()), chance_to_win(start, beta, votes)
            error = max((predicted * (1 - predicted) / len(runs)) ** 0.5, 1 / len(runs))
            claim = f"one vote of {votes} a round from log-odds {start:g}: chance to win"
            checks.append(Check(claim, "T21", predicted, won, STANDARD_ERRORS * error))
            rows.append({"part": "luck", "votes": votes, "x": start, "simulated": won, "predicted": predicted})
    return checks, rows


def answers_and_responses(generator: np.random.Generator, beta: float, rounds: int) -> Part:
    """A correct answer that can be said in eight ways leads the vote, while the likeliest response is wrong."""
    answer = np.repeat([0, 1, 2], [8, 2, 2])
    p = np.concatenate([0.55 * generator.dirichlet(np.full(8, 20.0)), [0.28, 0.02, 0.1, 0.05]])
    log_p, correct = np.log(p), answer == 0
    log_answers = np.log(np.bincount(answer, p))
    first = np.array([True, False, False])  # of the answers the correct one
    learners = {
        "vote": lambda log_pi: paid(generator, np.log(np.bincount(answer, np.exp(log_pi))), CROWD, 1)[answer],
        "sharpening of answers": lambda log_pi: log_answers[answer],
        "sharpening of responses": lambda log_pi: log_p,
    }

    def power(round: int) -> float:
        """The exponent of p after so many rounds that pay log p."""
        return float(self_reference_steps(1.0, 0.0, 1 / beta, round))

    # The power p(answer)^k leaves the responses within an answer as they were.
    theory: dict[str, Callable[[int], float]] = {
        "vote": lambda k: float(plurality_log_odds(np.log(0.55 / 0.45), beta, k)),
        "sharpening of answers": lambda k: float(log_odds_terms(log_answers, first, power(k), 0).total),
        "sharpening of responses": lambda k: float(log_odds_terms(log_p, correct, power(k), 0).total),
    }
    checks: list[Check] = []
    rows: list[Row] = []
    for name, reward in learners.items():
        log_pi, errors = log_p, []
        for round in range(rounds + 1):
            found = float(np.logaddexp.reduce(log_pi[correct]) - np.logaddexp.reduce(log_pi[~correct]))
            predicted = theory[name](round)
            errors.append(abs(found - predicted))
            row = {"part": "answers", "policy": name, "x": round, "simulated": found}
            rows.append({**row, "predicted": predicted})
            log_pi = step(log_pi, reward(log_pi), beta)
        claim = f"{name}: log-odds of the correct answer, at every round"
        checks.append(at_most(claim, "T21, T3", max(errors), 1e-8))
    ends = {row["policy"]: row["simulated"] for row in rows if row["x"] == rounds}
    opposite = float(ends["vote"] > 0 > ends["sharpening of responses"])
    claim = "the vote ends at the correct answer, sharpening of responses at a wrong one (1 yes)"
    checks.append(Check(claim, "T21, T3", 1.0, opposite, 0.0))
    return checks, rows


def _lead(
    generator: np.random.Generator, log_odds: Float[np.ndarray, " runs"], votes: int, groups: int
) -> Float[np.ndarray, " runs"]:
    """Share of wins of the one answer less that of the other, in `groups` votes for each policy."""
    ballots = generator.binomial(votes, 1 / (1 + np.exp(-log_odds)), size=(groups, len(log_odds)))
    return np.sign(2 * ballots - votes).mean(axis=0)
