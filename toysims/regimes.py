"""All regimes on one problem: simulate each, lay the result beside theory, and collect the checks."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from figures.plane import RegimePath
from theory.coordinates import coordinates, projection
from theory.distribution import expectation, total_variation
from theory.dynamics import line, rate, self_sharpening_winner
from theory.objectives import Coordinates, Objective, optimum
from theory.problem import Problem
from toysims import attraction, repulsion
from toysims.attraction import ROLLOUTS, Sampled, on_line, on_seen, shortfall
from toysims.experiment import Row, SimulationRun
from toysims.learners import natural_gradient
from toysims.learners.objective import weights
from toysims.verdict import STANDARD_ERRORS, Check, at_most, monte_carlo, worst_of

STARTS = 20  # policies near each repeller
FLOW, CLIMB, SAMPLED = "flow", "gradient ascent", "sampled RLOO"

Policy = Float[np.ndarray, " k"]


class RegimeFound(NamedTuple):
    """Of one regime: its row of summary.json, its checks and path, and the claims that the samples cannot judge."""

    row: Row
    checks: list[Check]
    path: RegimePath
    unjudged: list[str]


class Found(NamedTuple):
    """Of all regimes: rows for summary.json, checks, paths in the plane, notes, and what the samples cannot judge."""

    regimes: list[Row]
    checks: list[Check]
    paths: dict[str, RegimePath]
    notes: list[str]
    unjudged: list[str]


class Learned(NamedTuple):
    """What each learner made of one regime with τ >= 0; it was told the objective, and nothing of theory's answer."""

    flow: Float[np.ndarray, "times k"]
    climb: Policy
    sampled: Sampled


Judgement = tuple[Row, list[Check], list[str]]  # numbers for the row of the regime, checks, what could not be judged


def find(
    problem: Problem,
    attractors: Mapping[str, Objective],
    repellers: Mapping[str, Objective],
    extent: Coordinates,
    seed: int,
    run: SimulationRun,
) -> Found:
    """Simulate every regime by every learner and compare."""
    keys = jax.random.split(jax.random.key(seed), 3)
    starts = int(np.clip(200_000 // len(problem), 2, STARTS))
    times = [attraction.flow_times(o, extent) for o in attractors.values()]
    begins = [
        np.asarray(repulsion.nudged(key, repulsion.fixed_point(problem, o), starts))
        for key, o in zip(keys[1:], repellers.values(), strict=True)
    ]
    learned, flights = _simulated(problem, attractors, repellers, times, begins, keys[0], run)

    run.stage("comparing")
    found = {}
    for (name, objective), clock, ended in zip(attractors.items(), times, learned, strict=True):
        found[name] = _attractor(name, problem, objective, clock, ended)
    for (name, objective), begin, flight in zip(repellers.items(), begins, flights, strict=True):
        found[name] = _repeller(name, problem, objective, begin, flight)
    for result in found.values():
        run.log(**result.row)
    unjudged = [claim for result in found.values() for claim in result.unjudged]
    return Found(
        regimes=[result.row for result in found.values()],
        checks=[check for result in found.values() for check in result.checks],
        paths={name: result.path for name, result in found.items()},
        notes=list(_notes(problem, unjudged, [ended.sampled for ended in learned])),
        unjudged=unjudged,
    )


def _simulated(
    problem: Problem,
    attractors: Mapping[str, Objective],
    repellers: Mapping[str, Objective],
    times: list[Float[np.ndarray, " times"]],
    begins: list[Float[np.ndarray, "starts k"]],
    key: Any,
    run: SimulationRun,
) -> tuple[list[Learned], list[Float[np.ndarray, "starts times k"]]]:
    """All three learners, each on all regimes with τ >= 0 at once; and the flow out of every repeller."""
    log_p, reward = jnp.asarray(problem.log_p), jnp.asarray(problem.reward)
    number, starts = len(attractors), len(begins[0])

    run.stage("natural-gradient flow")
    fleeing = [o for o in repellers.values() for _ in range(starts)]
    clocks = np.array([*times, *(repulsion.flow_times(o) for o in fleeing)])
    begin = jnp.concatenate([jnp.tile(log_p, (number, 1)), *begins])
    flows = np.asarray(
        natural_gradient.flows(weights([*attractors.values(), *fleeing]), begin, log_p, reward, jnp.asarray(clocks))
    )
    _log_ends(run, FLOW, attractors, problem, flows[:, -1])

    run.stage("gradient ascent on logits")
    w = weights(list(attractors.values()))
    climbs = np.asarray(attraction.climbs(w, log_p, reward))
    _log_ends(run, CLIMB, attractors, problem, climbs)

    run.stage("sampled RLOO")
    sampled = attraction.samplings(w, key, log_p, reward, attraction.sampling_budget(len(problem)))
    # One replica: the others are like it, and only means over all of them are judged.
    _log_ends(run, SAMPLED, attractors, problem, (one.log_pi[0] for one in sampled))
    learned = [Learned(*ended) for ended in zip(flows[:number], climbs, sampled, strict=True)]
    return learned, np.split(flows[number:], len(repellers))


def _attractor(
    name: str,
    problem: Problem,
    objective: Objective,
    times: Float[np.ndarray, " times"],
    learned: Learned,
) -> RegimeFound:
    """A regime with τ >= 0: its flow against the line, then every learner against the end."""
    flow, climb, sampled = learned
    predicted = on_line(problem, objective, times)
    rests = objective.entropy_weight > 0
    log_q = optimum(objective, problem.log_p, problem.reward) if rests else predicted[-1]
    distance = float(np.max(total_variation(flow, predicted)))
    row = {
        "name": name,
        **_point(objective, times[-1])._asdict(),
        "predicted": attraction.summary(problem, log_q),
        "simulated": attraction.summary(problem, flow[-1]),
        "climb": attraction.summary(problem, climb),
        "total_variation": float(total_variation(flow[-1], log_q)),
        "stable": rests,
        "line_total_variation": distance,
    }
    checks = [at_most(f"{name}: {FLOW}, distance to the line", "T8", distance, 1e-6)]
    judge = _at_the_optimum if rests else _on_the_way_to_a_face
    more_row, more_checks, unjudged = judge(name, problem, objective, learned)
    alphas, bs = (np.asarray(coordinate) for coordinate in line(objective, times))
    path = RegimePath(
        predicted=np.array([(1.0, 0.0), *zip(alphas, bs, strict=True)]),
        measured=np.array([coordinates(log_pi, problem.log_p, problem.reward) for log_pi in flow]),
        ends=_projections(problem, (climb, *sampled.log_pi[:3])) if rests else np.empty((0, 2)),
        kind="point" if rests else "ray",
    )
    return RegimeFound(row | more_row, checks + more_checks, path, unjudged)


def _at_the_optimum(name: str, problem: Problem, objective: Objective, learned: Learned) -> Judgement:
    """τ > 0: all learners end at the one maximum of J."""
    log_q = optimum(objective, problem.log_p, problem.reward)
    last = {FLOW: learned.flow[-1], CLIMB: learned.climb}
    ends = {learner: float(total_variation(log_pi, log_q)) for learner, log_pi in last.items()}
    checks = [
        at_most(f"{name}: {learner}, distance to the optimum", "T1", ends[learner], bound)
        for learner, bound in ((FLOW, 1e-6), (CLIMB, 1e-3))
    ]
    row, more, unjudged = _sampled_moments(name, problem, objective, learned.sampled)
    return {"climb_total_variation": ends[CLIMB], **row}, checks + more, unjudged


def _on_the_way_to_a_face(name: str, problem: Problem, objective: Objective, learned: Learned) -> Judgement:
    """τ = 0: the way to the face never ends, and next to nothing of it is left."""
    limit, sampled = optimum(objective, problem.log_p, problem.reward), learned.sampled
    climbed = shortfall(problem, objective, learned.climb)
    left = [
        shortfall(problem, objective, log_pi, seen) for log_pi, seen in zip(sampled.log_pi, sampled.seen, strict=True)
    ]
    row: Row = {
        "limit": attraction.summary(problem, limit),
        "climb_shortfall": climbed,
        "sampled_shortfall": float(np.mean(left)),
    }
    checks = [at_most(f"{name}: {CLIMB}, share of the way to the best value left", "T4", climbed, 1e-3)]
    check = at_most(f"{name}: {SAMPLED}, share of the way to the best value left", "T4", row["sampled_shortfall"], 1e-2)
    if not _can_tell(attraction.unplaced_mass(len(problem)), check.tolerance / STANDARD_ERRORS):
        return row, checks, [name]
    return row, [*checks, check], []


def _sampled_moments(name: str, problem: Problem, objective: Objective, sampled: Sampled) -> Judgement:
    """Compare the two means that fix a point of the plane (T2), as a practitioner would: from rollouts."""
    targets = np.array([on_seen(problem, seen, objective) for seen in sampled.seen])
    row: Row = {}
    checks, unjudged = [], []
    for quantity, f, drawn in (
        ("accuracy", problem.reward, sampled.reward),
        ("log_p", problem.log_p, sampled.log_p),
    ):
        mean = np.asarray(expectation(targets, f))
        variance = np.asarray(expectation(targets, (f - mean[:, None]) ** 2))
        error = float((variance.mean() / ROLLOUTS / len(mean)) ** 0.5)
        claim = f"{name}: {SAMPLED}, mean {quantity}"
        check = monte_carlo(claim, "T1", float(mean.mean()), drawn - mean + mean.mean(), error)
        judged = _can_tell(attraction.unplaced_mass(len(f)) * float(np.ptp(f)), error)
        if judged:
            checks.append(check)
        else:
            unjudged.append(f"{name} {quantity}")
        row[f"sampled_{quantity}"] = {
            "predicted": check.predicted,
            "simulated": check.simulated,
            "standard_error": check.tolerance / STANDARD_ERRORS,
            "judged": judged,
        }
    row["sampled_total_variation"] = float(np.mean(total_variation(sampled.log_pi, targets)))
    return row, checks, unjudged


def _can_tell(unplaced: float, error: float) -> bool:
    """Whether the budget of samples can tell; not by what was drawn, or a learner that goes wrong would be excused."""
    return bool(unplaced <= error)


def _repeller(
    name: str,
    problem: Problem,
    objective: Objective,
    begin: Float[np.ndarray, "starts k"],
    flight: Float[np.ndarray, "starts times k"],
) -> RegimeFound:
    """A regime with τ < 0: how fast policies leave its fixed point, and which response wins."""
    times, escape = repulsion.flow_times(objective), -rate(objective)
    growth = repulsion.growth_rate(times[:-1], flight[:, :-1], repulsion.fixed_point(problem, objective))
    winner = self_sharpening_winner(begin, problem.log_p, problem.reward, objective)
    ends, won = flight[:, -1], flight[:, -1].argmax(axis=-1)
    foreseen = int(np.sum(won == winner))
    fastest = worst_of(f"{name}: growth rate of a deviation", "T8", escape, growth, 0.01 * escape)
    checks = [fastest, Check(f"{name}: winners foreseen", "T8", float(len(growth)), float(foreseen), 0.0)]
    row = {
        "name": name,
        **_point(objective, 0.0)._asdict(),
        "predicted": {"accuracy": float(problem.reward[winner].mean()), "entropy": 0.0},
        "simulated": {
            key: float(np.mean([attraction.summary(problem, end)[key] for end in ends]))
            for key in ("accuracy", "entropy")
        },
        "total_variation": float(1 - np.exp(ends[np.arange(len(ends)), winner]).min()),
        "stable": False,
        "growth_rate": {"predicted": escape, "simulated": fastest.simulated},
        "winners": {"predicted": winner, "simulated": won, "foreseen": foreseen},
    }
    measured = coordinates(flight[0, 0], problem.log_p, problem.reward)
    path = RegimePath(np.array([objective.fixed_point]), np.array([measured]), np.empty((0, 2)), "repeller")
    return RegimeFound(row, checks, path, [])


def _point(objective: Objective, time: float) -> Coordinates:
    if objective.entropy_weight != 0:
        return Coordinates(*(coordinate + 0.0 for coordinate in objective.fixed_point))  # no -0
    return Coordinates(*map(float, line(objective, time)))


def _projections(problem: Problem, policies: Iterable[Policy]) -> Float[np.ndarray, "learners 2"]:
    return np.array([projection(log_pi, problem.log_p, problem.reward) for log_pi in policies])


def _notes(problem: Problem, unjudged: list[str], sampled: list[Sampled]) -> Iterable[str]:
    """What a reader must know of the samples."""
    if unjudged:
        yield (
            f"{SAMPLED}, not judged: {', '.join(unjudged)}; its draws leave about "
            f"{attraction.unplaced_mass(len(problem)):.1g} of the mass unplaced, and that would show"
        )
    drawn = np.array([one.seen.sum(axis=-1) for one in sampled])
    if drawn.min() < len(problem):
        yield (
            f"{SAMPLED} drew between {drawn.min()} and {drawn.max()} of the {len(problem)} responses: "
            "it is held to the optimum over those that it drew (T24)"
        )


def _log_ends(run: SimulationRun, stage: str, names: Iterable[str], problem: Problem, ends: Iterable[Policy]) -> None:
    """A line for each regime as soon as a learner is done, so that an interrupted run keeps it."""
    for name, log_pi in zip(names, ends, strict=False):  # the flow also went out of the repellers
        run.log(stage=stage, name=name, **attraction.summary(problem, log_pi))
