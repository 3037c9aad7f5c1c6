"""What is stable and at which rate, found out by learners that do not know: the parts of `instability`.

Each part returns its checks and the numbers that a figure draws.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory import dynamics
from theory.coordinates import coordinates
from theory.distribution import total_variation
from theory.noise import total_return
from theory.objectives import Objective, optimum
from theory.problem import Problem
from toysims import repulsion
from toysims.attraction import LIFETIMES
from toysims.learners import natural_gradient, policy_gradient
from toysims.learners.objective import Weights, one, weights
from toysims.verdict import Check, at_most, worst_of

# Three responses, the likeliest of them wrong.
TRIANGLE = Problem(np.log([0.6, 0.3, 0.1]), np.array([0.0, 0.0, 1.0]))
EARLY = np.linspace(0.05, 4.0, 40)  # in units of 1/|τ|: the part of a path that is drawn and measured


def lattice(points: int = 7) -> Float[np.ndarray, "starts 3"]:
    """Policies over three responses, evenly inside the triangle, none of them on a line of symmetry."""
    counts = [(i, j, points - i - j) for i in range(1, points - 1) for j in range(1, points - i)]
    skewed = np.array(counts) + np.array([0.11, -0.07, 0.02])
    return skewed / skewed.sum(axis=1, keepdims=True)


class Portraits(NamedTuple):
    """log π along the flow from every start of the lattice, with τ > 0, 0 and < 0, at the times that follow."""

    stays: Float[np.ndarray, "starts times 3"]
    marginal: Float[np.ndarray, "starts times 3"]
    flees: Float[np.ndarray, "starts times 3"]
    times: Float[np.ndarray, " times"]
    clock: Float[np.ndarray, " times"]  # of the marginal one, which has no τ to count by


def portraits(tau: float) -> tuple[list[Check], list[tuple]]:
    """τ > 0, 0, < 0 from the same starts: where they go, how fast, and who wins.    [T8]"""
    attracts, drifts, repels = Objective(1.0, tau, tau), Objective(1.0, 0.25, 0.0), Objective(0.6 * tau, 0.0, -tau)
    begin = np.log(lattice())
    stays, marginal, flees, times, clock = _flows(begin, (attracts, drifts, repels), tau)
    rest = optimum(attracts, TRIANGLE.log_p, TRIANGLE.reward)
    repeller = repulsion.fixed_point(TRIANGLE, repels)
    decay = repulsion.growth_rate(times[:20], stays[:, :20], rest)
    growth = repulsion.growth_rate(times[:20], flees[:, :20], repeller)
    # With τ = 0 the return does not change on the way, and it is what log π grows by.
    gain = total_return(drifts, TRIANGLE.log_p, TRIANGLE.log_p, TRIANGLE.reward)
    ratio = marginal[:, :, 0] - marginal[:, :, 2]
    drift = (ratio[:, 10] - ratio[:, 0]) / (clock[10] - clock[0])
    wins = dynamics.self_sharpening_winner(begin, TRIANGLE.log_p, TRIANGLE.reward, repels)
    face, number = int(gain.argmax()), len(begin)
    foreseen = float((flees[:, -1].argmax(axis=-1) == wins).sum())
    farthest = float(np.max(total_variation(stays[:, -1], rest)))
    off_the_face = float(1 - np.exp(marginal[:, -1, face]).min())
    approach, escape = dynamics.rate(attracts), -dynamics.rate(repels)
    checks = [
        at_most("τ > 0: farthest end from the optimum", "T8", farthest, 1e-6),
        worst_of("τ > 0: rate of approach", "T8", approach, -decay, 0.01 * tau),
        at_most("τ = 0: most mass left away from the best response", "T8", off_the_face, 1e-6),
        worst_of("τ = 0: drift of log π(y₁)/π(y₃)", "T8", gain[0] - gain[2], drift, 1e-6),
        worst_of("τ < 0: growth rate of a deviation", "T8", escape, growth, 0.01 * tau),
        Check(f"τ < 0: winners foreseen, of {number}", "T8", float(number), foreseen, 0.0),
    ]
    drawn = [
        ("τ > 0: one attractor", np.exp(stays[:, :-1]), np.full(number, face), np.exp(rest), True),
        ("τ = 0: to a face, and it stays there", np.exp(marginal[:, :-1]), np.full(number, face)),
        ("τ < 0: repelled; the start decides", np.exp(flees[:, :-1]), wins, np.exp(repeller)),
    ]
    return checks, drawn


def _flows(begin: Float[np.ndarray, "starts 3"], objectives: tuple[Objective, ...], tau: float) -> Portraits:
    """All three flows in one compiled program."""
    times, clock = np.append(EARLY, LIFETIMES) / tau, np.append(EARLY, LIFETIMES)
    paths = natural_gradient.flows(
        weights([objective for objective in objectives for _ in begin]),
        jnp.asarray(np.tile(begin, (3, 1))),
        jnp.asarray(TRIANGLE.log_p),
        jnp.asarray(TRIANGLE.reward),
        jnp.asarray(np.repeat([times, clock, times], len(begin), axis=0)),
    )
    stays, marginal, flees = np.split(np.asarray(paths), 3)
    return Portraits(stays, marginal, flees, times, clock)


def step_sizes(problem: Problem, tau: float) -> tuple[list[Check], dict[str, Any]]:
    """A deviation is multiplied by 1 - ητ in each step of mirror ascent, stable or not.    [T8]"""
    objective = Objective(1.0, tau, tau)
    log_q = optimum(objective, problem.log_p, problem.reward)
    gains = np.array([0.1, 0.5, 0.9, 1.0, 1.1, 1.5, 1.9, 2.1, 2.5])
    sizes = [float(gain) / tau for gain in gains]
    w, log_p, reward = one(objective), jnp.asarray(problem.log_p), jnp.asarray(problem.reward)
    begin = jnp.asarray(log_q) + 1e-3 * jax.random.normal(jax.random.key(1), log_q.shape)
    begin = jax.nn.log_softmax(begin)
    after = jax.vmap(lambda step: natural_gradient.mirror_step(w, begin, log_p, reward, step)[0])(jnp.asarray(sizes))
    deviation, deviation_after = (_centred(np.asarray(x) - log_q) for x in (begin, after))
    measured = deviation_after @ deviation / (deviation @ deviation)
    predicted = np.array([dynamics.step_multiplier(objective, size) for size in sizes])
    # Long runs, for the verdict: does it arrive?
    ends = [np.asarray(_long_run(w, begin, log_p, reward, size)) for size in sizes]
    arrived = np.array([bool(total_variation(end, log_q) < 1e-6) for end in ends])
    foreseen = np.array([dynamics.step_is_stable(objective, size) for size in sizes])
    checks = [
        worst_of("what a step multiplies a deviation by, less 1 - ητ", "T8", 0.0, measured - predicted, 1e-6),
        Check(
            "step sizes foreseen to converge that do",
            "T8",
            float(foreseen.sum()),
            float((arrived & foreseen).sum()),
            0.0,
        ),
        Check(
            "step sizes foreseen not to converge that do not",
            "T8",
            float((~foreseen).sum()),
            float((~arrived & ~foreseen).sum()),
            0.0,
        ),
    ]
    return checks, {"gains": gains, "predicted": predicted, "measured": measured}


def slowest_softmax_rate(problem: Problem, tau: float, steps: int = 20_000) -> tuple[list[Check], dict[str, Any]]:
    """Plain gradient ascent on logits approaches the optimum at the slowest rate of -τF(π*).    [T9]"""
    objective = Objective(tau, tau, tau)  # target (1, 1): at a sharper one the slowest rate is soon out of reach
    log_q = optimum(objective, problem.log_p, problem.reward)
    rates = dynamics.softmax_rates(log_q, objective)
    w, log_p, reward = one(objective), jnp.asarray(problem.log_p), jnp.asarray(problem.reward)
    step_size = 1.0 / tau  # stable: the largest rate is below τ/2

    @jax.jit
    def climb(theta: Float[Array, " k"]) -> Float[Array, "steps k"]:
        def step(theta: Float[Array, " k"], _: None) -> tuple[Float[Array, " k"], Float[Array, " k"]]:
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
    check = Check(
        "gradient ascent on softmax logits: slowest rate of approach",
        "T9",
        float(rates[0]),
        float(measured),
        0.01 * float(rates[0]),
    )
    return [check], {"rates": rates, "measured": float(measured), "natural_gradient": tau}


def self_reward(problem: Problem, step_size: float = 0.2, steps: int = 12) -> tuple[list[Check], dict[str, Any]]:
    """Reward c₁ log p + c₂ log π by mirror ascent: the exponent of p explodes, grows evenly, or rests.    [T10]"""
    cases = {"reward log π": (0.0, 1.0), "reward log p": (1.0, 0.0), "reward 3 log p - log π": (3.0, -1.0)}
    checks: list[Check] = []
    series: dict[str, Any] = {}
    for name, (reference, own) in cases.items():
        w = one(Objective(0.0, reference, -own))
        log_p, reward = jnp.asarray(problem.log_p), jnp.asarray(problem.reward)
        log_pi, measured = log_p, [1.0]
        for _ in range(steps):
            log_pi, _ = natural_gradient.mirror_step(w, log_pi, log_p, reward, step_size)
            measured.append(float(coordinates(np.asarray(log_pi), problem.log_p, problem.reward).alpha))
        predicted = dynamics.self_reference_steps(reference, own, step_size, np.arange(steps + 1))
        checks.append(
            worst_of(
                f"self-reward, {name}: exponent of p, largest difference",
                "T10",
                0.0,
                np.asarray(measured) - predicted,
                1e-8,
            )
        )
        series[name] = (np.asarray(predicted).tolist(), measured)
    return checks, series


def iterated(problem: Problem, rounds: int = 6) -> tuple[list[Check], dict[str, Any]]:
    """Sharpening a moving reference, each round by gradient ascent on logits, with anchor share ρ.    [T11]"""
    cases = {"α = 1.4, no anchor": (1.4, 0.0), "α = 1.4, ρ = 0.2": (1.4, 0.2), "α = 1.4, ρ = 0.6": (1.4, 0.6)}
    log_p, zero = jnp.asarray(problem.log_p), jnp.zeros(len(problem.log_p))
    w = one(Objective(0.0, 1.0, 1.0))
    climb = jax.jit(lambda start, reference: policy_gradient.climb(w, start, reference, zero))
    checks: list[Check] = []
    series: dict[str, Any] = {}
    for name, (alpha, mixing) in cases.items():
        log_pi, measured = log_p, [1.0]
        for _ in range(rounds):
            # A round maximises E_π[α(1-ρ) log π_k + ρ log p] + H(π).
            log_pi = climb(log_pi, alpha * (1 - mixing) * log_pi + mixing * log_p)
            measured.append(float(coordinates(np.asarray(log_pi), problem.log_p, problem.reward).alpha))
        predicted = dynamics.iterated_sharpening(alpha, mixing, np.arange(rounds + 1))
        relative = np.asarray(measured) / predicted - 1
        checks.append(
            worst_of(
                f"iterated sharpening, {name}: exponent of p, largest relative difference", "T11", 0.0, relative, 1e-3
            )
        )
        series[name] = (np.asarray(predicted).tolist(), measured)
    return checks, series


def _centred(x: Float[np.ndarray, "*runs k"]) -> Float[np.ndarray, "*runs k"]:
    return x - x.mean(axis=-1, keepdims=True)


@jax.jit
def _long_run(
    w: Weights,
    begin: Float[Array, " k"],
    log_p: Float[Array, " k"],
    reward: Float[Array, " k"],
    step_size: Float[Array, ""] | float,
) -> Float[Array, " k"]:
    """log π after 400 steps of mirror ascent."""

    def body(_: Any, log_pi: Float[Array, " k"]) -> Float[Array, " k"]:
        return natural_gradient.mirror_step(w, log_pi, log_p, reward, step_size)[0]

    return jax.lax.fori_loop(0, 400, body, begin)
