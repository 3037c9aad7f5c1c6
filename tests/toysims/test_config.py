"""Bad input to any simulation ends with one line that names the option, and writes nothing."""

import importlib

import pytest

from toysims.config import Range

BAD = [
    ("sharpening", ("--k", "1"), "--k must be at least 2, got 1: one response leaves no choice"),
    ("sharpening", ("--k", "many"), "--k"),
    ("sharpening", ("--alpha", "nan"), "--alpha must be finite and at least 0, got nan"),
    ("sharpening", ("--alpha", "-1"), "--alpha must be at least 0, got -1.0"),
    ("sharpening", ("--alpha", "inf"), "--alpha must be finite and at least 0, got inf"),
    ("sharpening", ("--beta", "0"), "--beta must be above 0, got 0.0"),
    ("sharpening", ("--beta", "nan"), "--beta must be finite and above 0, got nan"),
    ("sharpening", ("--correct-fraction", "0"), "--correct-fraction must lie strictly between 0 and 1, got 0.0: with"),
    ("sharpening", ("--correct-fraction", "1"), "--correct-fraction must lie strictly between 0 and 1, got 1.0: with"),
    ("sharpening", ("--seed", "-1"), "--seed must be at least 0, got -1"),
    ("sharpening", ("--policy", "/nowhere/p.json"), "--policy /nowhere/p.json does not exist"),
    ("sharpening", ("--prompt-id", "3"), "--prompt-id 3 needs --policy FILE"),
    ("sharpening", ("--regime", "other"), "--regime"),
    ("instability", ("--k", "1"), "--k must be at least 2, got 1: one response leaves no choice"),
    ("instability", ("--tau", "0"), "--tau must be above 0, got 0.0: both signs are tried"),
    ("instability", ("--tau", "nan"), "--tau must be finite and above 0, got nan"),
    ("instability", ("--seed", "-2"), "--seed must be at least 0, got -2"),
    ("heterogeneity", ("--alpha", "1"), "--alpha must be above 1 and at most 20, got 1.0"),
    ("heterogeneity", ("--prompts", "49"), "--prompts must be between 50 and 20000, got 49"),
    ("length", ("--alpha", "1"), "--alpha must be above 1 and at most 10, got 1.0"),
    ("length", ("--stop", "0.6"), "--stop must be above 0 and at most 0.5, got 0.6"),
    ("length", ("--depth", "7"), "--depth must be between 1 and 6, got 7: the tree has 3^depth leaves"),
    ("trainers", ("--beta", "0"), "--beta must be between 0.1 and 100, got 0.0"),
    (
        "trainers",
        ("--replicas", "7"),
        "--replicas must be at least 8, got 7: fewer leave no standard error to judge by",
    ),
    ("tokens", ("--vocabulary", "1"), "--vocabulary must be between 2 and 5, got 1"),
    ("voting", ("--beta", "0"), "--beta must be between 0.2 and 20, got 0.0"),
    ("voting", ("--groups", "99"), "--groups must be at least 100, got 99: fewer leave no standard error to judge by"),
    ("noise", ("--replicas", "1"), "--replicas must be between 100 and 1000000, got 1"),
    ("sweep", ("--alphas", "nan"), "--alphas must be finite and at least 0, got nan"),
    ("sweep", ("--alphas", "1", "-2"), "--alphas must be at least 0, got -2.0"),
    ("sweep", ("--alphas",), "--alphas needs at least one value"),
    ("sweep", ("--alphas", "x"), "--alphas"),
    ("sweep", ("--betas", "0"), "--betas must be above 0, got 0.0"),
    ("sweep", ("--policies", "0"), "--policies must be at least 1, got 0"),
    ("sweep", ("--chunk", "0"), "--chunk must be at least 1, got 0"),
    ("sweep", ("--k", "1"), "--k must be at least 2, got 1"),
]


@pytest.mark.parametrize(("name", "arguments", "message"), BAD, ids=lambda x: x if isinstance(x, str) else "")
def test_bad_input_is_one_line_and_writes_nothing(name, arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        importlib.import_module(f"toysims.{name}").main([*arguments, "--output-dir", str(tmp_path / "run")])
    error = capsys.readouterr().err
    assert stop.value.code == 2 and error.count("\n") == 1 and message in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("bounds", "inside", "outside"),
    [
        ({"least": 2.0, "most": 5.0}, (2, 5), (1.9, 5.1)),
        ({"above": 2.0, "most": 5.0}, (2.1, 5), (2, 5.1)),
        ({"least": 2.0, "below": 5.0}, (2, 4.9), (1.9, 5)),
        ({}, (-1e300, 1e300), (float("nan"), float("inf"), -float("inf"))),
    ],
)
def test_each_bound_holds_on_its_own_side(bounds, inside, outside):
    allowed = Range(*(bounds.get(name) for name in ("least", "most", "above", "below")), why="")
    assert all(map(allowed.allows, inside)) and not any(map(allowed.allows, outside))
