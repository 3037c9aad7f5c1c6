"""The cells of the atlas word by word, and the policy each ends at against its formula written out."""

import numpy as np
import pytest

from theory.fixed_points import Trainer, fixed_points, measured, thresholds
from theory.problem import Problem
from theory.trainers import k3_in_loss_optimum, trajectory_balance_rate

P, REWARD, LENGTH = np.array([0.05, 0.5, 0.15, 0.3]), np.array([1.0, 0, 1, 0]), np.array([3.0, 1, 8, 2])
POLICY = Problem(np.log(P), REWARD, LENGTH)
TRAINER = Trainer(alpha=3, beta=0.5, kappa=0.5, mixing=0.8)
NEVER = "never settles: two distances that add up to the step"
K3 = "GRPO, G -> inf, k3 in the loss"
# What docs/theorems.md proves, in the words of the table: objective, trainer; target, rate, stability, threshold, T.
CELLS = {
    ("task", "RLOO"): ("p on the best reward", "linear in time", "marginal", "none", "T4 T8"),
    ("tilted", "RLOO"): ("q(alpha=1, b=2)", "0.5", "stable", "step < 4", "T1 T8"),
    ("sharpening", "RLOO"): ("the mode of p", "linear in time", "marginal", "none", "T4 T8"),
    ("tempered", "RLOO"): ("q(alpha=3, b=0)", "1", "stable", "step < 2", "T1 T8"),
    ("tilted-tempered", "RLOO"): ("q(alpha=3, b=2)", "0.5", "stable", "step < 4", "T1 T8"),
    ("self-reward log pi", "RLOO"): ("the response likeliest at the start", "-1", "unstable", "none", "T8 T10"),
    ("log p with KL", "RLOO"): ("q(alpha=3, b=0)", "0.5", "stable", "step < 4", "T12"),
    ("log p with KL", "GRPO, G -> inf"): (
        "(alpha-1) sd(log p) = 1/beta", "slope of beta (alpha-1) - 1/sd", "lower root stable, upper not",
        "beta > beta_c = 1/max (alpha-1) sd", "T12",
    ),
    ("tilted", K3): ("p/(1 - A/(beta sd))", "beta less the slope of A/sd", "A/sd < beta", "none", "T25"),
    ("log p with KL", K3): ("p/(1 - A/(beta sd))", "beta less the slope of A/sd", "A/sd < beta", "none", "T25"),
    ("tilted", "GRPO, G = 8"): ("p e^(h/beta)", "beta less the slope of h", "log-odds move <= 9.899", "none", "T25"),
    ("tilted", "GRPO, G = 8, k3 in the loss"): (
        "p/(1 - h/beta)", "beta less the slope of h", "h < beta", "none", "T25",
    ),
    ("log p with KL", "GRPO, G = 8"): (
        "p e^(h/beta)", "beta less the slope of h", "log-odds move <= 9.899", "none", "T25",
    ),
    ("log p with KL", "GRPO, G = 8, k3 in the loss"): (
        "p/(1 - h/beta)", "beta less the slope of h", "h < beta", "none", "T25",
    ),
    ("tilted", "k3 in the loss"): ("p/(1 - A/beta)", "beta - max A", "stable", "none", "T13"),
    ("log p with KL", "k3 in the loss"): ("p/(1 - A/beta)", "beta - max A", "stable", "none", "T13"),
    ("tilted", "std-normalised total return"): ("around q(alpha=1, b=2)", "a step a step", NEVER, "none", "T14"),
    ("tempered", "std-normalised total return"): ("around q(alpha=3, b=0)", "a step a step", NEVER, "none", "T14"),
    ("tilted-tempered", "std-normalised total return"): (
        "around q(alpha=3, b=2)", "a step a step", NEVER, "none", "T14",
    ),
    ("tempered", "trajectory balance"): ("q(alpha=3, b=0)", "loss 0", "stable", "alpha > alpha_c (T17)", "T20"),
    ("tempered", "trajectory balance, 1/|y|"): ("p^3 e^(-lambda |y|)", "loss 0", "stable", "none", "T20"),
    ("tempered", "RLOO on log p/|y|^0.5"): ("p^(1 + 2/|y|^0.5)", "1", "stable", "step < 2", "T20"),
    ("tempered", "moving reference"): ("q(alpha=2, b=0)", "0.6 a round", "stable", "alpha (1 - mixing) < 1", "T11"),
    ("majority vote", "RLOO, moving reference"): (
        "the answer that leads at the start", "2 nats a round", "a tie is unstable", "none", "T21",
    ),
}  # fmt: skip


def standing_in(log_p, reward, beta, group, k3=False):
    """Takes the place of the solvers of T25, which take seconds: a policy that depends on all it is given."""
    tilted = log_p + reward * group / (8 * beta) * (2 if k3 else 1)
    return tilted - np.logaddexp.reduce(tilted)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("theory.fixed_points.finite_group_optimum", standing_in)
    monkeypatch.setattr("theory.fixed_points.large_group_k3_optimum", in_the_limit)


def in_the_limit(log_p, reward, beta):
    return standing_in(log_p, reward, beta, 100)


def by_cell(trainer, policy=None):
    return {entry[:2]: entry for entry in fixed_points(trainer, policy)}


def test_every_cell_says_what_is_proved_of_it():
    found = {(str(key[0]), key[1]): tuple(entry[2:7]) for key, entry in by_cell(TRAINER).items()}
    assert found == CELLS
    assert all(entry.log_target is None for entry in fixed_points(TRAINER))


def test_each_cell_ends_at_its_formula():
    """Every row that ends at one policy, against the formula written out or the module that proves it."""
    rate = trajectory_balance_rate(np.log(P), LENGTH, 3)
    log_p = np.log(P)
    weights = {
        ("task", "RLOO"): P * REWARD,
        ("tilted", "RLOO"): P * np.exp(2 * REWARD),
        ("sharpening", "RLOO"): np.array([0, 1.0, 0, 0]),
        ("tempered", "RLOO"): P**3,
        ("tilted-tempered", "RLOO"): P**3 * np.exp(2 * REWARD),
        ("self-reward log pi", "RLOO"): np.array([0, 1.0, 0, 0]),
        ("log p with KL", "RLOO"): P**3,
        ("log p with KL", "GRPO, G -> inf"): np.array([0, 1.0, 0, 0]),
        ("tilted", K3): np.exp(in_the_limit(log_p, REWARD, 0.5)),
        ("log p with KL", K3): np.exp(in_the_limit(log_p, log_p, 0.5)),
        ("tilted", "GRPO, G = 8"): np.exp(standing_in(log_p, REWARD, 0.5, 8)),
        ("tilted", "GRPO, G = 8, k3 in the loss"): np.exp(standing_in(log_p, REWARD, 0.5, 8, True)),
        ("log p with KL", "GRPO, G = 8"): np.exp(standing_in(log_p, log_p, 0.5, 8)),
        ("log p with KL", "GRPO, G = 8, k3 in the loss"): np.exp(standing_in(log_p, log_p, 0.5, 8, True)),
        ("tilted", "k3 in the loss"): np.exp(k3_in_loss_optimum(log_p, REWARD, 0.5)),
        ("log p with KL", "k3 in the loss"): np.exp(k3_in_loss_optimum(log_p, log_p, 0.5)),
        ("tilted", "std-normalised total return"): P * np.exp(2 * REWARD),
        ("tempered", "std-normalised total return"): P**3,
        ("tilted-tempered", "std-normalised total return"): P**3 * np.exp(2 * REWARD),
        ("tempered", "trajectory balance"): P**3,
        ("tempered", "trajectory balance, 1/|y|"): P**3 * np.exp(-rate * LENGTH),
        ("tempered", "RLOO on log p/|y|^0.5"): P ** (1 + 2 / LENGTH**0.5),
        ("tempered", "moving reference"): P**2,
        ("majority vote", "RLOO, moving reference"): None,
    }
    found = by_cell(TRAINER, POLICY)
    assert found.keys() == weights.keys()
    for cell, weight in weights.items():
        if weight is None:
            assert found[cell].log_target is None and measured(found[cell], POLICY) == {}
            continue
        q = weight / weight.sum()
        np.testing.assert_allclose(np.exp(found[cell].log_target), q, rtol=1e-8, atol=1e-12, err_msg=str(cell))
        entropy = -q[q > 0] @ np.log(q[q > 0])
        numbers = measured(found[cell], POLICY)
        assert numbers == pytest.approx({"mean_reward": q @ REWARD, "entropy": entropy, "mean_length": q @ LENGTH})
    assert measured(found["tilted", "RLOO"], None) == {}


@pytest.mark.parametrize(
    ("alpha", "mixing", "cell", "exponent"),
    [
        (3, 0.8, ("q(alpha=2, b=0)", "0.6 a round", "stable"), 2),
        (0.5, 0.0, ("q(alpha=0, b=0)", "0.5 a round", "stable"), 0),
        (1, 0.0, ("q(alpha=1, b=0)", "1 a round", "marginal"), 1),
        (2, 0.5, ("the mode of p", "1 a round", "unstable"), None),
        (3, 0.0, ("the mode of p", "3 a round", "unstable"), None),
    ],
)
def test_a_moving_reference_rests_where_its_gain_is_below_one(alpha, mixing, cell, exponent):
    """T11: e = alpha (1 - mixing) e + mixing, at either side of a gain of 1 and on it."""
    entry = by_cell(Trainer(alpha, 0.5, 0.5, mixing), POLICY)["tempered", "moving reference"]
    assert entry[2:5] == cell
    if exponent is None:
        assert entry.log_target is None
    else:
        np.testing.assert_allclose(np.exp(entry.log_target), P**exponent / (P**exponent).sum())


def test_above_the_critical_beta_the_grpo_row_has_both_roots_and_the_slope_at_the_lower():
    """T12: (alpha-1) sd = 1/beta at both; the derivative of beta (alpha-1) - 1/sd is beta + k3/(2 sd³)."""
    beta = 2.5
    _, _, target, speed, stability, threshold, _, log_target = by_cell(Trainer(3.0, beta, 0.5, 0.8), POLICY)[
        "log p with KL", "GRPO, G -> inf"
    ]
    stable, unstable = (float(text.split("alpha")[1].strip(" =").split(",")[0]) for text in (target, stability))
    assert (target, stability) == (f"q(alpha={stable:.6g}, b=0)", f"stable below alpha = {unstable:.6g}")
    for alpha in (stable, unstable):
        q = P**alpha / (P**alpha).sum()
        off = np.log(P) - q @ np.log(P)
        sd = np.sqrt(q @ off**2)
        assert (alpha - 1) * sd * beta == pytest.approx(1, abs=1e-4)
        if alpha == stable:
            assert float(speed) == pytest.approx(beta + q @ off**3 / (2 * sd**3), rel=1e-3) and float(speed) > 0
            np.testing.assert_allclose(np.exp(log_target), q, rtol=1e-4)
    assert 1 < stable < unstable and threshold == "beta > 1.73682"


def test_without_lengths_the_rows_of_lengths_have_no_policy():
    policy = Problem(np.log(P), REWARD)
    found = by_cell(TRAINER, policy)
    for trainer in ("trajectory balance, 1/|y|", "RLOO on log p/|y|^0.5"):
        assert found["tempered", trainer].log_target is None
    assert set(measured(found["tempered", "RLOO"], policy)) == {"mean_reward", "entropy"}


def test_a_response_without_probability_has_no_part_in_log_p_as_a_reward():
    """It is never drawn: with it or without, the ends are the same."""
    longer = Problem(np.append(np.log(P), -np.inf), np.append(REWARD, 1.0), np.append(LENGTH, 4.0))
    without, found = by_cell(TRAINER, POLICY), by_cell(TRAINER, longer)
    for cell, entry in found.items():
        if entry.log_target is not None:
            np.testing.assert_allclose(np.exp(entry.log_target[:4]), np.exp(without[cell].log_target), atol=1e-9)
            assert entry.log_target[4] == -np.inf


def test_what_decides_beforehand_has_the_names_of_its_statements():
    found = thresholds(TRAINER, POLICY)
    mean = P @ np.log(P)
    covariance = P @ (REWARD * (np.log(P) - mean))
    spread = np.sqrt(P @ (np.log(P) - mean) ** 2 * 0.2 * 0.8)
    right, wrong = P[[0, 2]] ** 3, P[[1, 3]] ** 3
    base = np.log(0.2 / 0.8)
    assert found.pop("critical_beta_T12") == pytest.approx(1.7368232, rel=1e-6)  # by a grid of a million alphas
    assert found.pop("trajectory_balance_rate_T20") == trajectory_balance_rate(np.log(P), LENGTH, 3)
    assert found == pytest.approx(
        {
            "gain_of_sharpening_per_gain_of_tilting_T5": covariance / spread,
            "effective_sample_ratio_T23": (P**3).sum() ** 2 / (P**5).sum(),
            "reward_of_the_mode_T4": 0.0,
            "base_log_odds_T3": base,
            "diversity_gap_T3": (3 * base - np.log(right.sum() / wrong.sum())) / 2,
            "sharpening_raises_accuracy_T3": False,
            "covariance_within_length_T18": 0.0,
            "covariance_between_lengths_T18": covariance,
        }
    )


@pytest.mark.parametrize(("alpha", "raises"), [(0.5, False), (1, False), (1.5, True)])
def test_sharpening_is_said_to_raise_accuracy_above_alpha_one_alone(alpha, raises):
    """T3, where the mode is right: at alpha = 1 nothing is raised."""
    policy = Problem(np.log(P), 1 - REWARD)
    assert thresholds(Trainer(alpha, 0.5, 0.5, 0.8), policy)["sharpening_raises_accuracy_T3"] is raises
    partial = Problem(np.log(P), np.array([0.0, 1, 0.5, 0]))
    assert not any(name.endswith("T3") for name in thresholds(Trainer(alpha, 0.5, 0.5, 0.8), partial))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"kappa": -0.1}, "kappa must be finite and >= 0, got -0.1"),
        ({"kappa": np.inf}, "kappa must be finite and >= 0, got inf"),
        ({"mixing": -0.1}, "mixing must be between 0 and 1, got -0.1: it is the share of p that is kept"),
        ({"mixing": 1.1}, "mixing must be between 0 and 1, got 1.1: it is the share of p that is kept"),
        ({"group": 1}, "num_generations must be a whole number of at least 2, got 1"),
        ({"beta": 0.0}, "beta must be finite and > 0, got 0.0"),
    ],
)
def test_parameters_out_of_range_are_named(changed, message):
    with pytest.raises(ValueError) as error:
        Trainer(**{"alpha": 3.0, "beta": 0.5, "kappa": 0.5, "mixing": 0.8} | changed)
    assert str(error.value) == message
    for fine in ({"kappa": 0.0}, {"mixing": 0.0}, {"mixing": 1.0}, {"group": 2}):
        Trainer(**{"alpha": 3.0, "beta": 0.5, "kappa": 0.5, "mixing": 0.8} | fine)
    assert Trainer(3.0, 0.5, 0.5, 0.8).group == 8
