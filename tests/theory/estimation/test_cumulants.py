"""The expansion around the base model against the finite sum that it expands."""

import numpy as np
import pytest

from llm.rollout_table import from_table
from tests.rollout_tables import responses, table_of
from theory.estimation.cumulants import expand
from theory.estimation.reweight import Target, exact
from theory.estimation.samples import Rollouts


def test_the_error_of_the_expansion_falls_with_a_power_of_the_distance():
    """T23: halving alpha - 1 divides the error by eight (second order), that of the KL by sixteen (third)."""
    generator = np.random.default_rng(5)
    counts = [np.repeat(np.arange(5), np.round(4000 * np.exp(responses(i)[0])).astype(int)) for i in range(8)]
    many = from_table(table_of([generator.permutation(y) for y in counts]))
    complete = from_table(table_of([np.arange(5)] * 8))
    for name, expected in (("accuracy", 8), ("length", 8), ("kl", 16)):
        error = [
            abs(
                expand(many, Target(1 + x, 0.0)).value[name].mean()
                - exact(complete, Target(1 + x, 0.0)).value[name].mean()
            )
            for x in (0.4, 0.2)
        ]
        assert expected / 1.4 < error[0] / error[1] < 1.4 * expected, (name, error)


def test_what_is_left_out_is_as_large_as_the_next_term():
    """T23: near the base model the error of every quantity is the size that is reported for it, no more and no less.

    Eight copies of each sample, one in each group of the jackknife: it has nothing to correct, and the error that is
    left is of the series alone. log p of the wrong responses is symmetric, so that sizes of two classes are one.
    """
    log_p = np.repeat(-5 - np.array([0.0, 0.3, 1.3, 0.1, 0.6, 1.1]), 8)
    right = np.repeat([1.0, 1.0, 1.0, 0.0, 0.0, 0.0], 8)
    length = np.repeat([3.0, 9.0, 4.0, 8.0, 5.0, 7.0], 8)
    rollouts = Rollouts.of_arrays(log_p[None], right[None], length[None], np.arange(48)[None])
    target = Target(1.05, 0.0)
    q = np.exp(0.05 * log_p) / np.exp(0.05 * log_p).sum()
    exact = {"accuracy": q @ right, "length": q @ length, "log_p": q @ log_p, "kl": q @ np.log(48 * q)}
    exact |= {"entropy": -exact["log_p"] - exact["kl"], "pass@2": 1 - (1 - q @ right) ** 2}
    exact["pass@4"] = 1 - (1 - q @ right) ** 4
    found = expand(rollouts, target, (2, 4))
    for name in ("accuracy", "length", "log_p", "kl", "pass@2", "pass@4"):
        error = abs(found.value[name][0] - exact[name])
        assert error / abs(found.bias[name][0]) == pytest.approx(1, abs=0.1), name
    assert abs(found.value["entropy"][0] - exact["entropy"]) < found.bias["entropy"][0]
    assert found.bias["entropy"] == pytest.approx(found.bias["log_p"] + found.bias["kl"])


def test_the_jackknife_over_groups_makes_a_variance_unbiased():
    """T23: near the base model KL is half the variance of t; eight samples, one a group: the divisor 7, exactly."""
    log_p = -5 - np.array([[0.0, 0.3, 1.3, 0.1, 0.6, 1.1, 2.0, 0.2]])
    rollouts = Rollouts.of_arrays(log_p, np.zeros((1, 8)), np.full((1, 8), 3.0), np.arange(8)[None])
    found = expand(rollouts, Target(1 + 1e-4, 0.0))
    assert found.value["kl"] == pytest.approx(0.5e-8 * log_p.var(ddof=1), rel=1e-3)
    assert found.bias["kl"] == pytest.approx(0.5e-8 * log_p.var() / 7, rel=1e-3)  # its size, whatever its sign


def test_prompts_that_are_always_or_never_right_stay_so_and_others_move_by_the_tilt_of_their_length():
    """T24 and T20: q ∝ p e^{(alpha-1) log p/|y|^kappa} near the base model, by the finite sum."""
    log_p, length = (
        np.repeat([[-1.0, -3.0, -4.0, -9.0]] * 3, 8, axis=1),
        np.repeat([[1.0, 4.0, 2.0, 5.0]] * 3, 8, axis=1),
    )
    reward = np.repeat([[1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 1.0]], 8, axis=1)
    rollouts = Rollouts.of_arrays(log_p, reward, length, np.arange(96).reshape(3, 32))
    found = expand(rollouts, Target(1.01, 0.0, 0.5)).value
    q = np.exp(0.01 * log_p[0] / np.sqrt(length[0]))
    q /= q.sum()
    assert found["accuracy"][:2].tolist() == [1.0, 0.0]
    assert found["accuracy"][2] == pytest.approx(q @ reward[2], abs=1e-6)
    assert found["length"] == pytest.approx(q @ length[0], abs=1e-6)


def test_the_size_of_what_is_left_out_is_a_sixth_of_the_fourth_joint_cumulant():
    """T2: κ(f, t, t, t) = E[f t³] - 3 E[f t] E[t²] of centred f and t, far from the base model too; KL has κ₄/8."""
    t, f = -5 - np.array([0.0, 0.3, 1.3, 0.1, 2.6, 1.1]), np.array([3.0, 9.0, 4.0, 8.0, 5.0, 7.0])
    columns = [np.repeat(x, 8)[None] for x in (t, np.array([1.0, 0, 1, 0, 1, 0]), f)]
    found = expand(Rollouts.of_arrays(*columns, np.arange(48)[None]), Target(2.0, 0.0)).bias
    t, f = t - t.mean(), f - f.mean()
    left_out = {
        name: np.mean(x * t**3) - 3 * np.mean(x * t) * np.mean(t**2) for name, x in (("length", f), ("log_p", t))
    }
    for name, value in left_out.items():
        assert found[name][0] == pytest.approx(abs(value) / 6, rel=1e-9)
    assert found["kl"][0] == pytest.approx(abs(left_out["log_p"]) / 8, rel=1e-9)


def test_beside_a_prompt_of_a_single_sample_no_bias_is_known_and_the_share_finished_has_its_name():
    """T23: nothing is left out of one sample, and so of no prompt; at the base model every mean is the plain one."""
    log_p, rows, start = -np.arange(1.0, 5.0), np.zeros(4, int), np.array([0, 3])
    finished = np.array([True, False, True, True])
    table = Rollouts(np.arange(2), start, log_p, log_p * 0, -log_p, np.arange(4), finished, rows, 0 * start)
    found = expand(table, Target(1.0, 0.0))
    assert found.value["finished"].tolist() == [pytest.approx(2 / 3), 1.0]
    assert found.value["log_p"].tolist() == [-2.0, -4.0]
    assert all(np.isnan(bias).all() for bias in found.bias.values())


def test_two_samples_a_prompt_are_two_groups():
    """T23: the variance of two samples has the divisor 1: half of theirs is missing, and is put in."""
    log_p = np.array([[-1.0, -1.5], [-2.0, -2.2]])
    found = expand(Rollouts.of_arrays(log_p, 0 * log_p, 0 * log_p + 1, np.arange(4).reshape(2, 2)), Target(1.001, 0.0))
    assert found.value["kl"] == pytest.approx(0.5e-6 * log_p.var(axis=1, ddof=1), rel=1e-3)
