import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import theory.trainers
from theory.tilt import kl
from toysims import saddle_node, trainers
from toysims.learners import trainer_steps as trainer

LOG_P = np.log([0.4, 0.3, 0.17, 0.08, 0.05])


@pytest.mark.parametrize("name", ["rloo", "grpo", "k3"])
def test_the_mean_weight_of_large_groups_is_the_velocity(name):
    """T12, T13: samples and exact expectations are one trainer; four standard errors."""
    log_pi = jax.nn.log_softmax(jnp.asarray([0.1, -0.5, 0.3, -1.5, 0.0]))
    pi, ell = jnp.exp(log_pi), jnp.asarray(LOG_P)
    velocity, weight = getattr(trainer, f"{name}_velocity"), getattr(trainer, f"{name}_weight")
    exact = velocity(log_pi, ell, 0.7)
    slope = pi * (exact - pi @ exact)
    group, replicas = 4000, 400

    def sampled(key):
        y = jax.random.choice(key, 5, (group,), p=pi)
        w = weight(log_pi, ell, y, 0.7)
        return jnp.zeros(5).at[y].add(w / group) - jnp.mean(w) * pi

    slopes = np.asarray(jax.jit(jax.vmap(sampled))(jax.random.split(jax.random.key(0), replicas)))
    error = slopes.std(axis=0, ddof=1) / replicas**0.5
    # GRPO divides by the sd of its group, a bias of order 1/G beside the noise.
    bias = 2 * np.abs(slope).max() / group if name == "grpo" else 0.0
    np.testing.assert_array_less(np.abs(slopes.mean(axis=0) - slope), 4 * error + bias)


def test_the_k3_velocity_is_the_gradient_of_the_forward_kl():
    """T13: at samples that are held fixed, k3 pulls like KL(p‖π), by automatic differentiation of that."""
    theta = jnp.asarray([0.1, -0.5, 0.3, -1.5, 0.0])
    forward = lambda theta: jnp.sum(jnp.exp(LOG_P) * (LOG_P - jax.nn.log_softmax(theta)))  # noqa: E731
    assert float(forward(theta)) == pytest.approx(float(kl(LOG_P, np.asarray(jax.nn.log_softmax(theta)))))
    log_pi = jax.nn.log_softmax(theta)
    pull = trainer.k3_velocity(log_pi, jnp.asarray(LOG_P), 2.0) - trainer.k3_velocity(log_pi, jnp.asarray(LOG_P), 1.0)
    np.testing.assert_allclose(jnp.exp(log_pi) * pull, -jax.grad(forward)(theta), atol=1e-12)


def test_the_exponent_of_a_power_is_that_power():
    assert float(trainer.exponent(jax.nn.log_softmax(2.3 * LOG_P), jnp.asarray(LOG_P))) == pytest.approx(2.3)


def test_only_a_wrong_prediction_fails_and_it_makes_the_exit_code_one(tmp_path, monkeypatch):
    """T12-T14: the trainers agree with theory, and notice a β_c and a k3 optimum that are off."""
    threshold = saddle_node.critical_beta
    monkeypatch.setattr(saddle_node, "critical_beta", lambda log_p: 1.0005 * threshold(log_p))
    monkeypatch.setattr(theory.trainers, "k3_in_loss_optimum", lambda log_p, reward, beta: log_p)
    with pytest.raises(SystemExit) as stop:
        trainers.main(["--k", "5", "--steps", "300", "--replicas", "8", "--output-dir", str(tmp_path / "run")])
    assert stop.value.code == 1
    predictions = json.loads((tmp_path / "run/summary.json").read_text())["predictions"]
    failed = {row["claim"] for row in predictions if not row["holds"]}
    k3 = {"k3 in the loss, exact: distance to the fixed point", "k3 in the loss, groups of 64: mean log p"}
    # The exponents need β_c to a ten-thousandth: off by a two-thousandth, training does not collapse below it.
    assert failed == {"GRPO: β_c"} | k3 | {claim for claim in failed if "exponent in |β - β_c|" in claim}
    assert sum("exponent" in claim for claim in failed) == 2
    assert (tmp_path / "run/trainers.png").stat().st_size > 10_000


def test_bad_input_ends_with_one_line_and_writes_nothing(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        trainers.main(["--beta", "0", "--output-dir", str(tmp_path / "run")])
    assert stop.value.code == 2
    assert "--beta must be between 0.1 and 100, got 0" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
