import itertools

import numpy as np

from toysims import votes


def test_a_vote_pays_the_share_of_wins_with_ties_shared():
    """T21, by listing all 3⁴ ways to vote."""
    p, exact = np.array([0.5, 0.3, 0.2]), np.zeros(3)
    for ballots in itertools.product(range(3), repeat=4):
        counts = np.bincount(ballots, minlength=3)
        exact += np.prod(p[list(ballots)]) * (counts == counts.max()) / (counts == counts.max()).sum()
    shares = votes.paid(np.random.default_rng(0), np.log(p), 4, 200_000)
    np.testing.assert_array_less(np.abs(shares - exact), 4 * np.sqrt(exact / 200_000))


def test_only_a_wrong_prediction_fails_and_it_makes_the_exit_code_one(judge, monkeypatch):
    """T21, T3: the simulation agrees with theory, and notices a rate 2/β, slow ties, and luck that is too likely."""
    chance = votes.chance_to_win
    monkeypatch.setattr(votes, "plurality_log_odds", lambda x, beta, rounds: x + 2 * rounds / beta)
    monkeypatch.setattr(votes, "tie_growth", lambda beta, votes: 1 + 1 / (4 * beta))
    monkeypatch.setattr(votes, "chance_to_win", lambda start, beta, votes: chance(start + 0.5, beta, votes))
    judged = judge("voting", "--groups", "500", "--replicas", "100", "--rounds", "8")
    luck = {claim for claim in judged.failed if claim.endswith("chance to win")}
    assert judged.failed - luck == {
        "log-odds of the first plurality after 8 rounds",
        "vote: log-odds of the correct answer, at every round",
        # a single vote pays 1 + 1/(2β), too close to 1 + 1/(4β) for this little data
        *(f"{votes} votes: growth of a small lead" for votes in (3, 8, 31)),
    }
    assert len(luck) >= 6
    assert (judged.folder / "voting.png").exists()
