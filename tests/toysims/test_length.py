import jax.numpy as jnp
import numpy as np
import pytest

from toysims import empty_response, length_weighing, loops, markov_length
from toysims.policies import chains

SMALL = ("--states", "3", "--limit", "32", "--depth", "3", "--alpha", "2")


def test_only_a_wrong_prediction_fails_and_it_makes_the_exit_code_one(judge, monkeypatch, capsys):
    """T17, T18, T20: the simulation agrees with theory, and notices a threshold and a λ that are off by 1 %."""
    threshold, optimum = markov_length.existence_threshold, length_weighing.trajectory_balance_optimum
    monkeypatch.setattr(markov_length, "existence_threshold", lambda transition: 1.01 * threshold(transition))
    monkeypatch.setattr(length_weighing, "trajectory_balance_optimum", lambda *x: optimum(*x[:2], 1.01 * x[2]))
    rate, cycle = length_weighing.trajectory_balance_rate, loops.supremum_mean_log_p
    monkeypatch.setattr(length_weighing, "trajectory_balance_rate", lambda *policy: 1.01 * rate(*policy))
    monkeypatch.setattr(loops, "supremum_mean_log_p", lambda *policy: 1.01 * cycle(*policy))
    monkeypatch.setattr(empty_response, "empty_response_wins", lambda stop, other: stop > other + 0.2)
    judged = judge("length", *SMALL, "--seed", "4")
    wrong = {f"tree, balance with 1/|y|: {x}" for x in ("mean length", "distance to the target", "λ")}
    for name in ("geometric", "Markov"):
        wrong |= {f"{name}: threshold α_c", f"{name}, empty response +0.1 nats from the next: chance of it"}
        wrong |= {f"{name}, paid per token: mean log p {x}" for x in ("of what it says", "without a limit")}
    assert judged.failed == wrong
    assert "prediction failed: Markov: threshold α_c [T17]" in capsys.readouterr().err
    assert (judged.folder / "length.png").exists()


def test_the_advantage_of_a_mean_is_its_policy_gradient():
    """T17: visits · π · A is ∇E[log p(y)/|y|] in the logits, by automatic differentiation over all responses."""
    import itertools

    import jax

    policy, limit = chains.draw(np.random.default_rng(1), 2, 0.3), 3
    log_p = jnp.asarray(policy.log_p)
    theta = jnp.asarray(np.random.default_rng(2).normal(size=(limit, 2, 3)))
    responses = [(*moves, 2) for n in range(limit) for moves in itertools.product((0, 1), repeat=n)]
    responses += itertools.product((0, 1), repeat=limit)  # cut off

    def mean(theta):
        log_pi, total = jax.nn.log_softmax(theta), 0.0
        for response in responses:
            states = (0, *response[:-1])
            chance = sum(log_pi[n, s, a] for n, (s, a) in enumerate(zip(states, response, strict=True)))
            paid = sum(log_p[s, a] for s, a in zip(states, response, strict=True)) / len(response)
            total += jnp.exp(chance) * paid
        return total

    log_pi = jax.nn.log_softmax(theta)
    gain, value = loops.advantage(log_pi, log_p, 0)
    visits = [jnp.array([1.0, 0.0])]
    for n in range(limit - 1):
        visits.append(visits[-1] @ jnp.exp(log_pi[n, :, :2]))
    assert float(value) == pytest.approx(float(mean(theta)))
    slope = jnp.stack(visits)[..., None] * jnp.exp(log_pi) * gain
    np.testing.assert_allclose(slope, jax.grad(mean)(theta), atol=1e-14)


def test_what_a_walk_repeats_is_the_loop_half_way():
    assert loops.repeated((4, 1, 2, 3, 1, 2, 3, 1, 2, 3, 0)) == (2, 3, 1)
    assert loops.repeated((4, 1)) == () == loops.repeated(())


def test_turning_up_the_stop_leaves_what_is_said_otherwise_as_likely():
    """T17: log p of another response falls by log(1 - q), and no row loses mass."""
    policy = chains.draw(np.random.default_rng(3), 4, 0.2)
    turned = empty_response.with_stop(policy, 0.0)
    np.testing.assert_allclose(turned.transition.sum(axis=1) + turned.stop, 1)
    np.testing.assert_allclose(turned.transition[0] / policy.transition[0], 0.5 / (1 - policy.stop[0]))
    np.testing.assert_array_equal(turned.transition[1:], policy.transition[1:])
