"""python -m toysims.voting: majority vote as a reward, with real votes: who wins, how fast, how often by luck (T21).

Answers against responses: a vote counts answers, sharpening weighs single responses, and they can pick opposite
winners (T3).
"""

from dataclasses import dataclass
from pathlib import Path

from harness.command import parse

# Log-odds from which two answers start, and how many votes a label is taken from.
STARTS = (-2.0, -1.0, -0.3, 0.3, 1.0, 2.0)
VOTES = (1, 3, 8, 31)


@dataclass(frozen=True)
class VotingConfig:
    """Train policies on the vote of their own samples, and compare with theory."""

    beta: float = 2.0
    """KL weight of a round, against the policy of the round before"""
    rounds: int = 30
    """rounds of training"""
    groups: int = 2000
    """independent votes that the reward of a round is averaged over"""
    replicas: int = 400
    """independent runs"""
    seed: int = 0
    """seed of the votes"""
    output_dir: Path | None = None
    """run folder; by default a new one under runs/"""
    overwrite: bool = False
    """replace the run that --output-dir holds"""

    def __post_init__(self):
        if not 0.2 <= self.beta <= 20:
            raise ValueError(f"--beta must be between 0.2 and 20, got {self.beta}")
        if not 1 <= self.rounds <= 1000:
            raise ValueError(f"--rounds must be between 1 and 1000, got {self.rounds}")
        if self.groups < 100 or self.replicas < 50:
            raise ValueError(
                f"--groups must be at least 100 and --replicas at least 50, got {self.groups} and {self.replicas}: "
                "fewer leave no standard error to judge by"
            )


def paid(generator, log_p, votes, groups):
    """The mean reward of each answer: its share of the wins of `groups` votes that are really held, ties shared."""
    import numpy as np

    counts = generator.multinomial(votes, np.exp(log_p), size=groups)
    leads = counts == counts.max(axis=1, keepdims=True)
    return (leads / leads.sum(axis=1, keepdims=True)).mean(axis=0)


def step(log_pi, reward, beta):
    """log π ← log π + r/β, normalised: the optimum of E[r] - β KL(π‖π_k), π_k the policy of the round before."""
    import numpy as np

    new = log_pi + reward / beta
    return new - np.logaddexp.reduce(new)


def many_answers(config, generator):
    """Several answers: what a vote pays each, who wins with many votes, and at what rate."""
    import numpy as np

    from theory.voting import plurality_log_odds, vote_reward
    from toysims.verdict import Check, monte_carlo

    log_p = np.log(generator.dirichlet(np.full(5, 2.0)))
    checks = []
    for votes in VOTES:
        wins = np.array([paid(generator, log_p, votes, 100) for _ in range(config.replicas)])
        for answer, expected in enumerate(vote_reward(log_p, votes)):
            claim = f"{votes} votes: reward of answer {answer}"
            error = np.sqrt(expected * (1 - expected) / (100 * config.replicas))
            checks.append(monte_carlo(claim, "T21", expected, wins[:, answer], error))
    leader, log_pi = int(np.argmax(log_p)), log_p
    # As many votes as it takes for the plurality to be that of the policy.
    for _ in range(config.rounds):
        log_pi = step(log_pi, paid(generator, log_pi, 10**9, 1), config.beta)
    log_odds = [float(x[leader] - np.logaddexp.reduce(np.delete(x, leader))) for x in (log_p, log_pi)]
    predicted = float(plurality_log_odds(log_odds[0], config.beta, config.rounds))
    checks.append(
        Check(f"log-odds of the first plurality after {config.rounds} rounds", "T21", predicted, log_odds[1], 1e-8)
    )
    return checks


def two_answers(config, generator):
    """Two answers, few votes: the mean path from both sides of 1/2, many groups a round; the growth of a small lead."""
    import numpy as np

    from theory.voting import tie_growth, vote_step
    from toysims.verdict import monte_carlo

    checks, rows = [], []
    for votes in VOTES:
        for start in STARTS:
            expected, runs = start, np.full(config.replicas // 10, start)
            for round in range(config.rounds + 1):
                row = {"part": "path", "votes": votes, "start": start, "x": round}
                rows.append({**row, "simulated": runs.mean(), "predicted": expected})
                if round < config.rounds:
                    expected = vote_step(expected, config.beta, votes)
                    runs = runs + _vote(generator, runs, votes, config.groups) / config.beta
            claim = f"{votes} votes from log-odds {start:g}: log-odds after {config.rounds} rounds"
            # A round's noise, at most 1/√groups, is never less than this in the mean of the runs.
            least = 1e-3 / (config.beta * (config.groups * len(runs)) ** 0.5)
            checks.append(monte_carlo(claim, "T21", expected, runs, least))
        lead = np.full(config.replicas, 0.02)  # small: the growth of a lead is exact to its square
        grown = (lead + _vote(generator, lead, votes, 10 * config.groups) / config.beta) / lead
        checks.append(
            monte_carlo(f"{votes} votes: growth of a small lead", "T21", tie_growth(config.beta, votes), grown)
        )
    return checks, rows


def luck(config, generator):
    """One vote a round: the log-odds walk in steps of ±1/β, and the answer that trails can win by luck."""
    import numpy as np

    from theory.voting import majority_probability
    from toysims.verdict import Check

    checks, rows = [], []
    for votes in (1, 3, 31):  # odd: no ties
        for start in STARTS:
            runs = np.full(10 * config.replicas, start)
            undecided = np.abs(runs) < 20
            while undecided.any():
                runs[undecided] += _vote(generator, runs[undecided], votes, 1) / config.beta
                undecided = np.abs(runs) < 20
            won = float((runs > 0).mean())
            # Gambler's ruin: with ρ = P(down)/P(up) at each site, P(win) = Σ_{j below} Π ρ / Σ_j Π ρ.
            width = int(np.ceil(40 * config.beta))
            up = majority_probability(1 / (1 + np.exp(-(start + np.arange(-width, width + 1) / config.beta))), votes)
            log_product = np.cumsum(np.log(np.maximum(1 - up, 1e-300)) - np.log(np.maximum(up, 1e-300)))
            log_product = np.concatenate([[0.0], log_product])
            below = np.logaddexp.reduce(log_product[: width + 1])
            predicted = float(np.exp(below - np.logaddexp.reduce(log_product)))
            error = max((predicted * (1 - predicted) / len(runs)) ** 0.5, 1 / len(runs))
            claim = f"one vote of {votes} a round from log-odds {start:g}: chance to win"
            checks.append(Check(claim, "T21", predicted, won, 4 * error))
            rows.append({"part": "luck", "votes": votes, "x": start, "simulated": won, "predicted": predicted})
    return checks, rows


def answers_and_responses(config, generator):
    """A right answer that can be said in eight ways leads the vote, while the likeliest response is wrong."""
    import numpy as np

    from theory.tilt import log_odds_terms
    from theory.voting import plurality_log_odds
    from toysims.verdict import Check, at_most

    answer = np.repeat([0, 1, 2], [8, 2, 2])
    p = np.concatenate([0.55 * generator.dirichlet(np.full(8, 20.0)), [0.28, 0.02, 0.1, 0.05]])
    log_p, right = np.log(p), answer == 0
    log_answers = np.log(np.bincount(answer, p))
    step_size = 1 / config.beta
    learners = {
        "vote": lambda log_pi: paid(generator, np.log(np.bincount(answer, np.exp(log_pi))), 10**9, 1)[answer],
        "sharpening of answers": lambda log_pi: log_answers[answer],
        "sharpening of responses": lambda log_pi: log_p,
    }
    # The power p(answer)^k leaves the responses within an answer as they were.
    theory = {
        "vote": lambda k: plurality_log_odds(np.log(0.55 / 0.45), config.beta, k),
        "sharpening of answers": lambda k: (
            log_odds_terms(log_answers, np.array([True, False, False]), 1 + k * step_size, 0).total
        ),
        "sharpening of responses": lambda k: log_odds_terms(log_p, right, 1 + k * step_size, 0).total,
    }
    checks, rows = [], []
    for name, reward in learners.items():
        log_pi = log_p
        for round in range(config.rounds + 1):
            found = float(np.logaddexp.reduce(log_pi[right]) - np.logaddexp.reduce(log_pi[~right]))
            row = {"part": "answers", "policy": name, "x": round, "simulated": found}
            rows.append({**row, "predicted": float(theory[name](round))})
            log_pi = step(log_pi, reward(log_pi), config.beta)
        worst = max(abs(row["simulated"] - row["predicted"]) for row in rows if row["policy"] == name)
        checks.append(at_most(f"{name}: log-odds of the right answer, at every round", "T21, T3", worst, 1e-8))
    ends = {row["policy"]: row["simulated"] for row in rows if row["x"] == config.rounds}
    opposite = float(ends["vote"] > 0 > ends["sharpening of responses"])
    checks.append(Check("the vote ends right and sharpening of responses wrong", "T21, T3", 1.0, opposite, 0.0))
    return checks, rows


def _vote(generator, log_odds, votes, groups):
    """Share of wins of the one answer less that of the other, in `groups` votes for each policy."""
    import numpy as np

    ballots = generator.binomial(votes, 1 / (1 + np.exp(-log_odds)), size=(groups, len(log_odds)))
    return np.sign(2 * ballots - votes).mean(axis=0)


def simulate(config: VotingConfig, generator, run):
    """All four questions."""
    import pandas as pd

    from figures.toysims.voting import voting_figure
    from harness import run_folder
    from toysims.experiment import Outcome

    checks, rows = many_answers(config, generator), []
    for part in (two_answers, luck, answers_and_responses):
        run.stage(part.__name__.replace("_", " "))
        new = part(config, generator)
        checks, rows = checks + new[0], rows + new[1]
    table = pd.DataFrame(rows)
    run_folder.write(run.output_dir / "voting.parquet", table.to_parquet)
    return Outcome(checks, {"seed": config.seed, "beta": config.beta}, {"voting.png": voting_figure(table)})


def prepare(config: VotingConfig):
    """The generator of all votes."""
    import numpy as np

    return np.random.default_rng(config.seed)


def main(arguments=None):
    config = parse(VotingConfig, "toysims.voting", arguments)
    from toysims.experiment import run

    run("toysims.voting", config, prepare, simulate, stages=3)


if __name__ == "__main__":
    main()
