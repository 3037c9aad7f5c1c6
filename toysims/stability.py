"""What is stable and at which rate, found out by learners that do not know: the parts of `instability`.

Each part returns its checks and the numbers that a figure draws.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from theory import dynamics
from theory.coordinates import coordinates
from theory.objectives import Objective, optimum
from theory.problem import Problem
from toysims import repulsion
from toysims.attraction import LIFETIMES, total_variation
from toysims.learners import natural_gradient, policy_gradient
from toysims.learners.objective import Weights, weights
from toysims.verdict import Check, at_most

# Three responses, the likeliest of them wrong.
TRIANGLE = Problem(np.log([0.6, 0.3, 0.1]), np.array([0.0, 0.0, 1.0]))
EARLY = np.linspace(0.05, 4.0, 40)  # in units of 1/|τ|: the part of a path that is drawn and measured


def lattice(points: int = 7) -> Float[np.ndarray, "starts 3"]:
    """Policies over three responses, evenly inside the triangle, none of them on a line of symmetry."""
    counts = [(i, j, points - i - j) for i in range(1, points - 1) for j in range(1, points - i)]
    skewed = np.array(counts) + np.array([0.11, -0.07, 0.02])
    return skewed / skewed.sum(axis=1, keepdims=True)


def portraits(tau: float) -> tuple[list[Check], list[tuple]]:
    """τ > 0, 0, < 0 from the same starts: where they go, how fast, and who wins.    [T8]"""
    objectives = Objective(1.0, tau, tau), Objective(1.0, 0.25, 0.0), Objective(0.6 * tau, 0.0, -tau)
    begin = np.log(lattice())
    number = len(begin)
    times, clock = np.append(EARLY, LIFETIMES) / tau, np.append(EARLY, LIFETIMES)  # clock: no τ to count by
    runs = [o for o in objectives for _ in range(number)]
    paths = natural_gradient.flows(
        weights(runs),
        jnp.asarray(np.tile(begin, (3, 1))),
        jnp.asarray(TRIANGLE.log_p),
        jnp.asarray(TRIANGLE.reward),
        jnp.asarray(np.repeat([times, clock, times], number, axis=0)),
    )
    stays, marginal, flees = np.split(np.asarray(paths), 3)
    rest = optimum(objectives[0], TRIANGLE.log_p, TRIANGLE.reward)
    repeller = repulsion.fixed_point(TRIANGLE, objectives[2])
    decay = repulsion.growth_rate(times[:20], stays[:, :20], rest)
    growth = repulsion.growth_rate(times[:20], flees[:, :20], repeller)
    gain = TRIANGLE.reward + 0.25 * TRIANGLE.log_p
    ratio = marginal[:, :, 0] - marginal[:, :, 2]
    drift = (ratio[:, 10] - ratio[:, 0]) / (clock[10] - clock[0])
    wins = dynamics.self_sharpening_winner(begin, TRIANGLE.log_p, TRIANGLE.reward, objectives[2])
    best = np.full(number, gain.argmax())
    right = float((flees[:, -1].argmax(axis=-1) == wins).sum())
    checks = [
        at_most("τ > 0: farthest end from the optimum", "T8", total_variation(stays[:, -1], rest).max(), 1e-6),
        _worst("τ > 0: rate of approach", "T8", tau, -decay, 0.01 * tau),
        at_most("τ = 0: most mass left off the face", "T8", 1 - np.exp(marginal[:, -1, gain.argmax()]).min(), 1e-6),
        _worst("τ = 0: drift of log π(y₁)/π(y₃)", "T8", gain[0] - gain[2], drift, 1e-6),
        _worst("τ < 0: growth rate of a deviation", "T8", tau, growth, 0.01 * tau),
        Check(f"τ < 0: winners foreseen, of {number}", "T8", float(number), right, 0.0),
    ]
    drawn = [
        ("τ > 0: one attractor", np.exp(stays[:, :-1]), best, np.exp(rest), True),
        ("τ = 0: to a face, and it stays there", np.exp(marginal[:, :-1]), best),
        ("τ < 0: repelled; the start decides", np.exp(flees[:, :-1]), wins, np.exp(repeller)),
    ]
    return checks, drawn


def step_sizes(problem: Problem, tau: float) -> tuple[list[Check], dict]:
    """A deviation is multiplied by 1 - ητ in each step of mirror ascent, stable or not.    [T8]"""
    objective = Objective(1.0, tau, tau)
    log_q = optimum(objective, problem.log_p, problem.reward)
    gains = np.array([0.1, 0.5, 0.9, 1.0, 1.1, 1.5, 1.9, 2.1, 2.5])
    w, log_p, reward = _one(objective), jnp.asarray(problem.log_p), jnp.asarray(problem.reward)
    begin = jnp.asarray(log_q) + 1e-3 * jax.random.normal(jax.random.key(1), log_q.shape)
    begin = jax.nn.log_softmax(begin)
    after = jax.vmap(lambda step: natural_gradient.mirror_step(w, begin, log_p, reward, step)[0])(gains / tau)
    before, after = (_centred(np.asarray(x) - log_q) for x in (begin, after))
    measured = after @ before / (before @ before)
    # Long runs, for the verdict: does it arrive?
    arrived = np.array([_arrives(w, begin, log_p, reward, step, log_q) for step in gains / tau])
    foreseen = np.array([dynamics.step_is_stable(objective, float(step)) for step in gains / tau])
    checks = [
        _worst("multiplier of a step less 1 - ητ", "T8", 0.0, measured - (1 - gains), 1e-6),
        Check("step sizes that converge", "T8", float(foreseen.sum()), float((arrived & foreseen).sum()), 0.0),
        Check("step sizes that do not", "T8", float((~foreseen).sum()), float((~arrived & ~foreseen).sum()), 0.0),
    ]
    return checks, {"gains": gains, "predicted": 1 - gains, "measured": measured}


def slowest_softmax_rate(problem: Problem, tau: float, steps: int = 20_000) -> tuple[list[Check], dict]:
    """Plain gradient ascent on logits approaches the optimum at the slowest rate of -τF(π*).    [T9]"""
    objective = Objective(tau, tau, tau)  # target (1, 1): at a sharper one the slowest rate is soon out of reach
    log_q = optimum(objective, problem.log_p, problem.reward)
    rates = dynamics.softmax_rates(log_q, objective)
    w, log_p, reward = _one(objective), jnp.asarray(problem.log_p), jnp.asarray(problem.reward)
    step_size = 1.0 / tau  # stable: the largest rate is below τ/2

    @jax.jit
    def climb(theta):
        def step(theta, _):
            theta = theta + step_size * policy_gradient.gradient(w, theta, log_p, reward)
            return theta, theta

        return jax.lax.scan(step, theta, None, length=steps)[1]

    start = jnp.asarray(log_q) + 1e-3 * jax.random.normal(jax.random.key(2), log_q.shape)
    path = np.asarray(climb(start))
    size = np.linalg.norm(_centred(path - log_q), axis=-1)
    # Late, when only the slowest direction is left, but well above rounding.
    last = int(np.argmax(size < 1e-10)) or steps
    early = last - max(2, last // 10)
    measured = -np.expm1(np.log(size[last - 1] / size[early - 1]) / (last - early)) / step_size
    check = Check("softmax logits: slowest rate", "T9", float(rates[0]), float(measured), 0.01 * float(rates[0]))
    return [check], {"rates": rates, "measured": float(measured), "natural_gradient": tau}


def self_reward(problem: Problem, step_size: float = 0.2, steps: int = 12) -> tuple[list[Check], dict]:
    """Reward c₁ log p + c₂ log π by mirror ascent: the exponent of p explodes, grows evenly, or rests.    [T10]"""
    cases = {"reward log π": (0.0, 1.0), "reward log p": (1.0, 0.0), "reward 3 log p - log π": (3.0, -1.0)}
    checks, series = [], {}
    for name, (reference, own) in cases.items():
        w = _one(Objective(0.0, reference, -own))
        log_p, reward = jnp.asarray(problem.log_p), jnp.asarray(problem.reward)
        log_pi, measured = log_p, [1.0]
        for _ in range(steps):
            log_pi, _ = natural_gradient.mirror_step(w, log_pi, log_p, reward, step_size)
            measured.append(coordinates(np.asarray(log_pi), problem.log_p, problem.reward).alpha)
        predicted = dynamics.self_reference_steps(reference, own, step_size, np.arange(steps + 1))
        checks.append(_worst(f"{name}: exponents, difference", "T10", 0.0, measured - predicted, 1e-8))
        series[name] = (predicted, measured)
    return checks, series


def iterated(problem: Problem, rounds: int = 6) -> tuple[list[Check], dict]:
    """Sharpening a moving reference, each round by gradient ascent on logits, with anchor share ρ.    [T11]"""
    cases = {"α = 1.4, no anchor": (1.4, 0.0), "α = 1.4, ρ = 0.2": (1.4, 0.2), "α = 1.4, ρ = 0.6": (1.4, 0.6)}
    log_p, zero = jnp.asarray(problem.log_p), jnp.zeros(len(problem.log_p))
    w = _one(Objective(0.0, 1.0, 1.0))
    climb = jax.jit(lambda start, reference: policy_gradient.climb(w, start, reference, zero))
    checks, series = [], {}
    for name, (alpha, mixing) in cases.items():
        log_pi, measured = log_p, [1.0]
        for _ in range(rounds):
            # A round maximises E_π[α(1-ρ) log π_k + ρ log p] + H(π).
            log_pi = climb(log_pi, alpha * (1 - mixing) * log_pi + mixing * log_p)
            measured.append(coordinates(np.asarray(log_pi), problem.log_p, problem.reward).alpha)
        predicted = dynamics.iterated_sharpening(alpha, mixing, np.arange(rounds + 1))
        relative = np.asarray(measured) / predicted - 1
        checks.append(_worst(f"{name}: exponents, relative difference", "T11", 0.0, relative, 1e-3))
        series[name] = (predicted, measured)
    return checks, series


def _one(objective: Objective) -> Weights:
    return jax.tree.map(lambda w: w[0], weights([objective]))


def _centred(x):
    return x - x.mean(axis=-1, keepdims=True)


def _worst(claim: str, source: str, predicted: float, measured, tolerance: float) -> Check:
    """The check of the one measurement farthest from what is predicted for all."""
    measured = np.ravel(measured)
    return Check(claim, source, float(predicted), float(measured[np.abs(measured - predicted).argmax()]), tolerance)


@jax.jit
def _long_run(w, begin, log_p, reward, step):
    def body(_, log_pi):
        return natural_gradient.mirror_step(w, log_pi, log_p, reward, step)[0]

    return jax.lax.fori_loop(0, 400, body, begin)


def _arrives(w, begin, log_p, reward, step, log_q) -> bool:
    return bool(total_variation(np.asarray(_long_run(w, begin, log_p, reward, step)), log_q) < 1e-6)
