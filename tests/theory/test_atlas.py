"""The atlas command: its cells agree with the theory, and bad input is one line and exit code 2."""

import json
import subprocess
import sys

import numpy as np
import pytest

from theory import atlas
from theory.finite_group import finite_group_optimum
from theory.trainers import critical_beta, std_normalised_alpha

P = [0.05, 0.5, 0.15, 0.3, 0.0]
CONTENT = {"p": P, "reward": [1, 0, 1, 0, 1], "length": [3, 1, 8, 2, 4]}


@pytest.fixture
def run(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["theory.atlas", *map(str, arguments)])
        atlas.main()
        return capsys.readouterr().out

    return run


@pytest.fixture
def policy_file(tmp_path):
    def write(content):
        path = tmp_path / "policy.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def cells(text):
    return {(entry["objective"], entry["trainer"]): entry for entry in json.loads(text)["entries"]}


def test_the_table_has_every_trainer_and_regime_of_the_project(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    table = run()
    lines = table.splitlines()
    assert lines[0].split() == ["objective", "trainer", "target", "rate", "stability", "threshold", "statement"]
    for name in ("RLOO", "GRPO, G -> inf", "GRPO, G = 8", "GRPO, G = 8, k3 in the loss", "k3 in the loss",
                 "std-normalised total return", "trajectory balance",
                 "trajectory balance, 1/|y|", "RLOO on log p/|y|^1", "moving reference", "majority vote",
                 "task", "tilted", "sharpening", "tempered", "tilted-tempered"):  # fmt: skip
        assert name in table
    assert len({line.find("T1") for line in lines if line.endswith("T1 T8")}) == 1  # columns are aligned


def test_a_narrow_terminal_gets_the_same_cells_in_blocks(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    wide = run().split()
    monkeypatch.setenv("COLUMNS", "80")
    narrow = run()
    assert max(map(len, narrow.splitlines())) <= 80
    assert set(wide) <= set(narrow.split()) and narrow.count("\n14  ") >= 2  # a row is found again by its number


def test_json_says_what_the_table_says_for_the_parameters_given(run):
    found = cells(run("--json", "--alpha", 3, "--beta", 0.5, "--kappa", 0.5, "--mixing", 0.8))
    assert found["tilted", "RLOO"]["target"] == "q(alpha=1, b=2)"
    assert found["tilted", "RLOO"]["rate"] == "0.5" and found["tilted", "RLOO"]["threshold"] == "step < 4"
    assert found["tempered", "RLOO"]["target"] == "q(alpha=3, b=0)"
    assert found["tilted-tempered", "RLOO"]["target"] == "q(alpha=3, b=2)"
    assert found["log p with KL", "RLOO"]["target"] == "q(alpha=3, b=0)"
    assert found["log p with KL", "RLOO"]["rate"] == "0.5" and found["log p with KL", "RLOO"]["threshold"] == "step < 4"
    assert found["task", "RLOO"]["target"] == "p on the best reward"
    assert found["sharpening", "RLOO"]["target"] == "the mode of p"
    assert found["self-reward log pi", "RLOO"]["stability"] == "unstable"
    assert found["tempered", "RLOO on log p/|y|^0.5"]["target"] == "p^(1 + 2/|y|^0.5)"
    assert found["tempered", "moving reference"]["target"] == "q(alpha=2, b=0)"
    assert found["tempered", "moving reference"]["stability"] == "stable"
    assert found["majority vote", "RLOO, moving reference"]["rate"] == "2 nats a round"


@pytest.mark.parametrize(
    ("alpha", "mixing", "target", "stability"),
    [
        (2, 0.5, "the mode of p", "unstable"),
        (1, 0, "q(alpha=1, b=0)", "marginal"),
        (0.5, 0, "q(alpha=0, b=0)", "stable"),
    ],
)
def test_a_moving_reference_rests_or_runs_away(run, alpha, mixing, target, stability):
    """T11 as the atlas tells it."""
    cell = cells(run("--json", "--alpha", alpha, "--mixing", mixing))["tempered", "moving reference"]
    assert (cell["target"], cell["stability"]) == (target, stability)


def test_a_policy_file_turns_targets_into_numbers(run, policy_file):
    found = json.loads(run("--json", "--policy", policy_file(CONTENT), "--beta", 3, "--alpha", 2, "--mixing", 0.9))
    entries = cells(json.dumps(found))
    p, reward, length = (np.array(CONTENT[name], dtype=float) for name in ("p", "reward", "length"))

    def measured(weights):
        q = weights / weights.sum()
        on = q > 0
        return {"mean_reward": q @ reward, "entropy": -q[on] @ np.log(q[on]), "mean_length": q @ length}

    log_p = np.log(p[:4])
    stable, unstable = std_normalised_alpha(log_p, 3)
    rate = found["policy"]["trajectory_balance_rate_T20"]
    expected = {
        ("task", "RLOO"): p * reward,
        ("tilted", "RLOO"): p * np.exp(reward / 3),
        ("sharpening", "RLOO"): np.array([0, 1.0, 0, 0, 0]),
        ("tempered", "RLOO"): p**2,
        ("tilted-tempered", "RLOO"): p**2 * np.exp(reward / 3),
        ("self-reward log pi", "RLOO"): np.array([0, 1.0, 0, 0, 0]),
        ("log p with KL", "RLOO"): p ** (4 / 3),
        ("log p with KL", "GRPO, G -> inf"): p**stable,
        ("tempered", "std-normalised total return"): p**2,
        ("tempered", "trajectory balance"): p**2,
        ("tempered", "trajectory balance, 1/|y|"): p**2 * np.exp(-rate * length),
        ("tempered", "RLOO on log p/|y|^1"): p ** (1 + 1 / length),
        ("tempered", "moving reference"): p ** (0.9 / 0.8),
    }
    for cell, weights in expected.items():
        for name, value in measured(weights).items():
            np.testing.assert_allclose(entries[cell][name], value, rtol=1e-9, atol=1e-9)
    std_cell = entries["log p with KL", "GRPO, G -> inf"]
    assert std_cell["stability"] == f"stable below alpha = {unstable:.6g}"
    assert std_cell["threshold"] == f"beta > {critical_beta(log_p):.6g}"
    # α̇ = 1/sd - β(α-1), differenced over a wider step than the atlas takes.
    drift = [
        1 / np.sqrt(np.cov(log_p, aweights=p[:4] ** a, ddof=0)) - 3 * (a - 1) for a in (stable - 1e-3, stable + 1e-3)
    ]
    np.testing.assert_allclose(float(std_cell["rate"]), (drift[0] - drift[1]) / 2e-3, rtol=1e-3)
    for cell in (("tilted", "k3 in the loss"), ("log p with KL", "k3 in the loss")):
        assert 0 < entries[cell]["mean_reward"] < 1 and entries[cell]["stability"] == "stable"
    about = found["policy"]
    np.testing.assert_allclose(about["effective_sample_ratio_T23"], (p**2).sum() ** 2 / (p**3).sum())
    np.testing.assert_allclose(about["base_log_odds_T3"], np.log(0.25))
    np.testing.assert_allclose(about["diversity_gap_T3"], -np.log(10 / 16) + np.log(34 / 64))
    assert about["reward_of_the_mode_T4"] == 0 and about["sharpening_raises_accuracy_T3"] is False
    assert about["critical_beta_T12"] == critical_beta(log_p)
    correlation = np.corrcoef(np.repeat([log_p, reward[:4]], [1, 10, 3, 6], axis=1))[0, 1]
    np.testing.assert_allclose(about["gain_of_sharpening_per_gain_of_tilting_T5"], correlation)
    # Each length has one response, so all the covariance is between lengths.
    np.testing.assert_allclose(
        about["covariance_between_lengths_T18"], np.cov(log_p, reward[:4], aweights=p[:4], ddof=0)[0, 1]
    )
    np.testing.assert_allclose(about["covariance_within_length_T18"], 0.0, atol=1e-15)


def test_below_critical_beta_only_groups_without_end_collapse(run, policy_file):
    """T12, T25: with num_generations responses to a prompt there is a fixed point, and it is given."""
    text = run(
        "--json", "--policy", policy_file({"log_p": list(np.log(P[:4])), "reward": [0.5, 0, 1, 2]}), "--beta", 0.1
    )
    cell = cells(text)["log p with KL", "GRPO, G -> inf"]
    assert (cell["target"], cell["stability"], cell["mean_reward"]) == ("the mode of p", "collapses in the limit", 0)
    finite = cells(text)["log p with KL", "GRPO, G = 8"]
    assert finite["target"] == "p e^(h/beta)" and finite["threshold"] == "none"
    assert finite["stability"] == f"log-odds move <= {2 * 7 / 8**0.5 / 0.1:.4g}"
    h_end = finite_group_optimum(np.log(P[:4]), np.log(P[:4]), 0.1, 8)
    np.testing.assert_allclose(finite["mean_reward"], np.exp(h_end) @ [0.5, 0, 1, 2], rtol=1e-9)
    assert finite["mean_reward"] > 0
    assert "mean_length" not in cell and "base_log_odds_T3" not in json.loads(text)["policy"]


def test_a_uniform_policy_has_thresholds_that_json_can_hold_and_the_table_calls_none(run, policy_file, monkeypatch):
    """All of a model, of which nothing is missing; below the table, after an empty line, a threshold a line."""
    monkeypatch.setenv("COLUMNS", "400")
    path = policy_file({"p": [0.5, 0.5], "reward": [1, 0]})
    text = run("--json", "--policy", path)
    about = json.loads(text)["policy"]
    assert text.startswith('{\n  "entries": [\n    {\n')
    assert about["critical_beta_T12"] is None and about["gain_of_sharpening_per_gain_of_tilting_T5"] is None
    assert {"responses", "probability_listed"}.isdisjoint(about)
    table, below = run("--policy", path).split("\n\n")
    assert "critical beta T12: none" in below.splitlines() and "_" not in below
    header, *rows = table.splitlines()
    assert "mean reward" in header and "_" not in header and rows[0].split()[0] == "1"
    first, second = header.index("objective"), header.index("trainer")
    assert all(row[at - 1] == " " != row[at] for row in rows for at in (first, second))


BAD_FILES = [
    ("{", "invalid JSON on line 1: Expecting property name enclosed in double quotes"),
    ("[1]", "must hold objects with log_p and reward, one a response"),
    ({"p": [1.0], "log_p": [0.0], "reward": [0]}, "needs exactly one of log_p and p"),
    ({"p": [0.5, 0.3], "reward": [0, 1]}, "sum to 0.8, off by -0.2"),
    ({"p": [1.5, -0.5], "reward": [0, 1]}, "p holds -0.5; a probability is a number of at least 0"),
    ({"p": [0.5, None], "reward": [0, 1]}, "p of response 2 is None; every one must be a number"),
    ({"log_p": [0.0, float("nan")], "reward": [0, 1]}, "log_p of response 2 is nan; every one must be a number"),
    ({"p": [0.5, 0.5]}, 'has no list "reward"; give one number a response'),
    ({"p": [0.5, 0.5], "reward": [1]}, "has 2 p and 1 reward; give one of each a response"),
    ({"p": [0.5, 0.5], "reward": [1, None]}, "reward of response 2 is None; every one must be a number"),
    ({"p": [0.5, 0.5], "reward": "ab"}, 'has no list "reward"'),
    ({"p": [0.5, 0.5], "reward": 1}, 'has no list "reward"'),
    ({"p": [0.5, 0.5], "reward": [0, 1], "length": [1]}, "has 2 p and 1 length"),
    ({"p": [0.5, 0.5], "reward": [0, 1], "length": [1, 0]}, "length holds 0.0; count tokens with EOS"),
]


@pytest.mark.parametrize(("content", "message"), BAD_FILES)
def test_a_wrong_policy_file_is_one_line_and_exit_code_2(content, message, run, policy_file, capsys, as_users_call_it):
    with pytest.raises(SystemExit) as stop:
        run("--policy", policy_file(content))
    error = capsys.readouterr().err
    assert stop.value.code == 2 and error.count("\n") == 1 and error.startswith("error: --policy ")
    assert message in error


def test_a_prompt_of_a_rollouts_table_is_read_and_its_share_of_the_model_said(run, tmp_path):
    """The file that toysims.sharpening reads too: what the listed responses leave out is part of the answer."""
    rows = [
        {"prompt_id": name, "response": text, "log_p": log_p, "reward": reward, "length": length}
        for name, text, log_p, reward, length in (("a", "4", -1, 1, 1), ("a", "5", -2, 0, 2), ("b", "4", -3, 1, 1))
    ]
    path = tmp_path / "rollouts.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    about = json.loads(run("--json", "--policy", path, "--prompt-id", "a"))["policy"]
    assert list(about)[:2] == ["responses", "probability_listed"]
    assert about["responses"] == 2 and about["probability_listed"] == pytest.approx(np.exp(-1) + np.exp(-2))
    np.testing.assert_allclose(about["base_log_odds_T3"], 1.0)
    assert "trajectory_balance_rate_T20" in about
    assert "probability listed: 0.503215" in run("--policy", path, "--prompt-id", "a")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--alpha", "nan"], "alpha must be finite and >= 0, got nan"),
        (["--alpha", "-1"], "alpha must be finite and >= 0, got -1.0"),
        (["--num-generations", "1"], "num_generations must be a whole number of at least 2, got 1"),
        (["--beta", "0"], "beta must be finite and > 0, got 0.0"),
        (["--kappa", "-1"], "kappa must be finite and >= 0, got -1.0"),
        (["--kappa", "inf"], "kappa must be finite and >= 0, got inf"),
        (["--mixing", "1.5"], "mixing must be between 0 and 1, got 1.5: it is the share of p that is kept"),
        (["--policy", "no-such-file.json"], "--policy no-such-file.json does not exist"),
        (["--prompt-id", "a"], "--prompt-id a needs --policy FILE"),
        (["--colour", "red"], "--colour"),
    ],
)
def test_a_wrong_argument_is_one_line_and_exit_code_2(arguments, message, run, capsys):
    with pytest.raises(SystemExit) as stop:
        run(*arguments)
    error = capsys.readouterr().err
    assert stop.value.code == 2 and error.count("\n") == 1 and message in error


def test_the_command_runs_as_a_module():
    found = subprocess.run([sys.executable, "-m", "theory.atlas", "--json"], capture_output=True, text=True, check=True)
    assert len(json.loads(found.stdout)["entries"]) == 24


def test_the_number_of_generations_decides_where_grpo_ends(run, policy_file):
    """T25: for a task reward and for log p, with the KL in the reward or k3 in the loss."""
    path = policy_file(CONTENT)
    p, reward = np.array(P[:4]), np.array(CONTENT["reward"][:4], dtype=float)
    found = cells(run("--json", "--policy", path, "--beta", 0.4, "--num-generations", 16))
    for name, score in (("tilted", reward), ("log p with KL", np.log(p))):
        for kind, k3 in (("", False), (", k3 in the loss", True)):
            end = np.exp(finite_group_optimum(np.log(p), score, 0.4, 16, k3))
            np.testing.assert_allclose(found[name, f"GRPO, G = 16{kind}"]["mean_reward"], end @ reward, rtol=1e-9)


def test_a_policy_whose_log_p_nearly_tie_has_the_form_and_no_numbers(run, policy_file):
    text = run("--json", "--policy", policy_file({"p": [0.5, 0.25, 0.25 - 1e-9, 1e-9], "reward": [1, 0, 0, 1]}))
    found = cells(text)
    assert (
        "mean_reward" not in found["log p with KL", "GRPO, G = 8"] and found["tilted", "GRPO, G = 8"]["mean_reward"] > 0
    )


def test_without_options_lengths_divide_in_full_and_groups_have_eight(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    table = run()
    assert "RLOO on log p/|y|^1 " in table and "GRPO, G = 8 " in table and "p^(1 + 3/|y|^1)" in table
    assert "q(alpha=1, b=4)" in table and "4 a round" in table  # 1/beta; nothing of p is kept
