import itertools
import json

import numpy as np
import pytest

import theory.voting
from toysims import voting


def test_a_vote_pays_the_share_of_wins_with_ties_shared():
    """T21, by listing all 3⁴ ways to vote."""
    p, exact = np.array([0.5, 0.3, 0.2]), np.zeros(3)
    for ballots in itertools.product(range(3), repeat=4):
        counts = np.bincount(ballots, minlength=3)
        exact += np.prod(p[list(ballots)]) * (counts == counts.max()) / (counts == counts.max()).sum()
    shares = voting.paid(np.random.default_rng(0), np.log(p), 4, 200_000)
    np.testing.assert_array_less(np.abs(shares - exact), 4 * np.sqrt(exact / 200_000))


def test_only_a_wrong_prediction_fails_and_it_makes_the_exit_code_one(tmp_path, monkeypatch):
    """T21, T3: the simulation agrees with theory, and notices a rate 2/β and a growth of ties that is too slow."""
    monkeypatch.setattr(theory.voting, "plurality_log_odds", lambda x, beta, rounds: x + 2 * rounds / beta)
    monkeypatch.setattr(theory.voting, "tie_growth", lambda beta, votes: 1 + 1 / (4 * beta))
    with pytest.raises(SystemExit) as stop:
        voting.main(["--groups", "500", "--replicas", "100", "--rounds", "8", "--output-dir", str(tmp_path / "run")])
    assert stop.value.code == 1
    predictions = json.loads((tmp_path / "run/summary.json").read_text())["predictions"]
    failed = {row["claim"] for row in predictions if not row["holds"]}
    assert failed == {
        "log-odds of the first plurality after 8 rounds",
        "vote: log-odds of the right answer, at every round",
        # a single vote pays 1 + 1/(2β), too close to 1 + 1/(4β) for this little data
        *(f"{votes} votes: growth of a small lead" for votes in (3, 8, 31)),
    }
    assert (tmp_path / "run/voting.png").stat().st_size > 10_000


def test_bad_input_ends_with_one_line_and_writes_nothing(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        voting.main(["--beta", "0", "--output-dir", str(tmp_path / "run")])
    assert stop.value.code == 2
    assert "--beta must be between 0.2 and 20, got 0" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
