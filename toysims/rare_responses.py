"""What is seen seldom: the largest step that samples allow, a fall below both ends, and coming back (T30, T31)."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from theory.objectives import Objective, optimum
from theory.rare_responses import mean_square_multiplier, natural_gradient_floor, revival_time, sampled_step_limit
from toysims.experiment import Part, Row
from toysims.learners.counted import drawn, pushed
from toysims.verdict import Check, at_most, monte_carlo

Policy = Float[np.ndarray, " k"]
RARE = (0.02, 0.1, 0.5)  # probability of the response that is looked at
GROUP = 8
LIFTED = (1e-2, 1e-3, 1e-4, 1e-5)  # probabilities to come back from
BACK = 0.4


def one_step(generator: np.random.Generator, replicas: int) -> Part:
    """A small deviation of one response, one importance-weighted step below and above the limit: its mean square."""
    checks: list[Check] = []
    rows: list[Row] = []
    for rare in RARE:
        target = np.log([rare, 0.6 * (1 - rare), 0.4 * (1 - rare)])
        limit = sampled_step_limit(rare, GROUP)
        for share in (0.5, 0.9, 1.1):
            step, deviation = share * limit, 1e-4 * np.array([1.0, 0.0, 0.0])
            log_pi = np.tile(target, (replicas, 1))
            counts = drawn(log_pi, 1, GROUP, generator)
            push = pushed(counts, -step * np.broadcast_to(deviation, counts.shape), log_pi, 0.0)
            after = ((deviation + push)[:, 0] / deviation[0]) ** 2
            predicted = mean_square_multiplier(step, rare, GROUP)
            claim = f"response of {rare:g}, groups of {GROUP}, {share:g} of the largest step: mean square after a step"
            checks.append(monte_carlo(claim, "T30", predicted, after))
            rows.append({"part": "step", "x": rare, "share": share, "multiplier": after.mean(), "theory": predicted})
    return checks, rows


def undershoot() -> Part:
    """From p to a target by the natural and by the plain gradient: how far a response falls below both its ends."""
    log_p, reward = np.log([0.5, 0.49, 0.01]), np.array([0.0, 1.0, 0.9])
    objective = Objective(1.0, 0.25, 0.25)
    target = optimum(objective, log_p, reward)
    floor = natural_gradient_floor(log_p, target)
    gain = {"natural gradient": lambda pi, a: a, "plain gradient": lambda pi, a: pi * a}
    rows: list[Row] = []
    deepest = {}
    for name, move in gain.items():
        times, path = _walk(log_p, lambda log_pi: reward - 0.25 * (log_pi - log_p), move)
        below = floor - path
        deepest[name] = float(below.max())
        rows += [
            {
                "part": "way",
                "policy": name,
                "x": t,
                "log_pi": float(log_pi[2]),
                "theory": float(floor[2]),
            }
            for t, log_pi in zip(times, path, strict=True)
        ]
    fell = float(deepest["plain gradient"] > 0.1)
    checks = [
        at_most(
            "natural gradient: deepest fall below both ends, nats", "T31", max(deepest["natural gradient"], 0.0), 1e-9
        ),
        Check("plain gradient: a response falls .1 nats below both ends (1 yes, 0 no)", "T31", 1.0, fell, 0.0),
    ]
    return checks, rows


def revival(tau: float = 1.0) -> Part:
    """The entropy term lifts one of two responses from ε to .4: the time, by each gradient."""
    checks: list[Check] = []
    rows: list[Row] = []
    for start in LIFTED:
        for natural, name in ((True, "natural gradient"), (False, "plain gradient")):
            predicted = revival_time(start, BACK, tau, natural)
            found = _time_back(start, tau, natural)
            checks.append(Check(f"back from {start:g}, {name}: time", "T31", predicted, found, 1e-4 * predicted))
            rows.append({"part": "revival", "policy": name, "x": start, "time": found, "theory": predicted})
    return checks, rows


def _walk(
    log_p: Policy, returns: Callable[[Policy], Policy], move: Callable[[Policy, Policy], Policy]
) -> tuple[Float[np.ndarray, " times"], Float[np.ndarray, "times k"]]:
    """log π along the flow θ̇ = move(π, R - E R), by short steps."""
    step, theta, path = 0.5, log_p, [log_p]
    for _ in range(3000):
        pi = np.exp(theta)
        gain = returns(theta)
        theta = theta + step * move(pi, gain - pi @ gain)
        theta = theta - np.logaddexp.reduce(theta)
        path.append(theta)
    return step * np.arange(len(path)), np.array(path)


def _time_back(start: float, tau: float, natural: bool) -> float:
    """The flow of the two logits under τ H alone, until the response has BACK."""
    from scipy.integrate import solve_ivp

    def slope(_: float, theta: Float[np.ndarray, "2"]) -> Float[np.ndarray, "2"]:
        log_pi = theta - np.logaddexp.reduce(theta)
        pi = np.exp(log_pi)
        force = -tau * (log_pi - pi @ log_pi)
        return force if natural else pi * force

    def back(_: float, theta: Float[np.ndarray, "2"]) -> float:
        return float(theta[0] - np.logaddexp.reduce(theta) - np.log(BACK))

    back.terminal = True  # type: ignore[attr-defined]
    ended = solve_ivp(slope, (0, 1e7), np.log([start, 1 - start]), events=back, rtol=1e-9, atol=1e-10, method="LSODA")
    return float(ended.t_events[0][0])
