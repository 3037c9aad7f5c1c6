"""All regimes on one problem: simulate each, lay the result beside theory, and collect the checks."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from figures.plane import RegimePath
from theory.coordinates import coordinates, projection
from theory.dynamics import line, self_sharpening_winner
from theory.objectives import Coordinates, Objective, optimum
from theory.problem import Problem
from toysims import attraction, repulsion
from toysims.attraction import ROLLOUTS, on_line, on_seen, shortfall, total_variation
from toysims.learners import natural_gradient
from toysims.learners.objective import weights
from toysims.verdict import STANDARD_ERRORS, Check, at_most, monte_carlo

STARTS = 20  # policies near each repeller
FLOW, CLIMB, SAMPLED = "flow", "gradient ascent", "sampled RLOO"


class Found(NamedTuple):
    """Of all regimes: rows for summary.json, checks, paths in the plane, notes, and what the samples cannot judge."""

    regimes: list[dict[str, Any]]
    checks: list[Check]
    paths: dict[str, RegimePath]
    notes: list[str]
    unjudged: list[str]


def find(
    problem: Problem,
    attractors: Mapping[str, Objective],
    repellers: Mapping[str, Objective],
    extent: Coordinates,
    seed: int,
    run,
) -> Found:
    """Simulate every regime by every learner and compare. `run` names stages and logs (toysims.experiment)."""
    keys = jax.random.split(jax.random.key(seed), 3)
    log_p, reward = jnp.asarray(problem.log_p), jnp.asarray(problem.reward)
    starts = int(np.clip(200_000 // len(log_p), 2, STARTS))

    run.stage("natural-gradient flow")
    fixed = {name: repulsion.fixed_point(problem, o) for name, o in repellers.items()}
    nudged = [repulsion.nudged(key, f, starts) for key, f in zip(keys[1:], fixed.values(), strict=True)]
    objectives = [*attractors.values(), *(o for o in repellers.values() for _ in range(starts))]
    times = [attraction.flow_times(o, extent) for o in attractors.values()]
    times += [repulsion.flow_times(o) for o in repellers.values() for _ in range(starts)]
    begin = jnp.concatenate([jnp.tile(log_p, (len(attractors), 1)), *nudged])
    flows = np.asarray(natural_gradient.flows(weights(objectives), begin, log_p, reward, np.array(times)))
    _log_ends(run, FLOW, attractors, problem, flows[:, -1])

    run.stage("gradient ascent on logits")
    w = weights(list(attractors.values()))
    climbs = np.asarray(attraction.climbs(w, log_p, reward))
    _log_ends(run, CLIMB, attractors, problem, climbs)

    run.stage("sampled RLOO")
    sampled = attraction.samplings(w, keys[0], log_p, reward, **attraction.sampling_budget(len(log_p)))
    sampled = attraction.Sampled(*map(np.asarray, sampled))
    # One replica: the others are like it, and only means over all of them are judged.
    _log_ends(run, SAMPLED, attractors, problem, sampled.log_pi[:, 0])

    run.stage("comparing")
    found = Found([], [], {}, [], [])
    for i, (name, objective) in enumerate(attractors.items()):
        mine = attraction.Sampled(*(field[i] for field in sampled))
        _attractor(found, name, problem, objective, times[i], flows[i], climbs[i], mine)
        run.log(**found.regimes[-1])
    for i, (name, objective) in enumerate(repellers.items()):
        mine = slice(len(attractors) + i * starts, len(attractors) + (i + 1) * starts)
        _repeller(found, name, problem, objective, times[mine.start], flows[mine], np.asarray(nudged[i]), fixed[name])
        run.log(**found.regimes[-1])
    if found.unjudged:
        found.notes.append(
            f"{SAMPLED}, not judged: {', '.join(found.unjudged)}; its draws leave about "
            f"{attraction.unplaced_mass(len(log_p)):.1g} of the mass unplaced, and that would show"
        )
    if not sampled.seen.all():
        found.notes.append(
            f"{SAMPLED} drew between {sampled.seen.sum(-1).min()} and {sampled.seen.sum(-1).max()} of the "
            f"{len(log_p)} responses: it is held to the optimum over those that it drew (T24)"
        )
    return found


def _attractor(found, name, problem, objective, times, flow, climb, sampled):
    predicted = on_line(problem, objective, times)
    log_q = optimum(objective, problem.log_p, problem.reward) if objective.entropy_weight > 0 else predicted[-1]
    distance = total_variation(flow, predicted)
    row = {
        "name": name,
        **_point(objective, times[-1])._asdict(),
        "predicted": attraction.summary(problem, log_q),
        "simulated": attraction.summary(problem, flow[-1]),
        "climb": attraction.summary(problem, climb),
        "total_variation": float(total_variation(flow[-1], log_q)),
        "stable": objective.entropy_weight > 0,
        "line_total_variation": float(distance.max()),
    }
    found.checks.append(at_most(f"{name}: {FLOW}, distance to the line", "T8", distance.max(), 1e-6))
    if objective.entropy_weight > 0:
        found.checks.append(at_most(f"{name}: {FLOW}, distance to the optimum", "T1", row["total_variation"], 1e-6))
        row["climb_total_variation"] = float(total_variation(climb, log_q))
        found.checks.append(
            at_most(f"{name}: {CLIMB}, distance to the optimum", "T1", row["climb_total_variation"], 1e-3)
        )
        row |= _sampled_moments(found, name, problem, objective, sampled)
    else:
        limit = optimum(objective, problem.log_p, problem.reward)
        row["limit"] = attraction.summary(problem, limit)
        row["climb_shortfall"] = shortfall(problem, objective, climb)
        left = [
            shortfall(problem, objective, log_pi, seen)
            for log_pi, seen in zip(sampled.log_pi, sampled.seen, strict=True)
        ]
        row["sampled_shortfall"] = float(np.mean(left))
        found.checks.append(at_most(f"{name}: {CLIMB}, way to the face left", "T4", row["climb_shortfall"], 1e-3))
        check = at_most(f"{name}: {SAMPLED}, way to the face left", "T4", row["sampled_shortfall"], 1e-2)
        if _judged(found, name, attraction.unplaced_mass(len(problem.log_p)), check.tolerance / STANDARD_ERRORS):
            found.checks.append(check)
    found.regimes.append(row)
    ends = [projection(p, problem.log_p, problem.reward) for p in (climb, *sampled.log_pi[:3])]
    found.paths[name] = RegimePath(
        predicted=np.array([(1.0, 0.0), *_line_points(objective, times)]),
        measured=np.array([coordinates(p, problem.log_p, problem.reward) for p in flow]),
        ends=np.array(ends) if objective.entropy_weight > 0 else np.empty((0, 2)),
        kind="point" if objective.entropy_weight > 0 else "ray",
    )


def _sampled_moments(found, name, problem, objective, sampled):
    """Compare the two means that fix a point of the plane (T2), as a practitioner would: from rollouts."""
    targets = [on_seen(problem, seen, objective) for seen in sampled.seen]
    row = {}
    for quantity, f, drawn in (
        ("accuracy", problem.reward, sampled.reward),
        ("log_p", problem.log_p, sampled.log_p),
    ):
        mean = np.array([np.exp(q) @ f for q in targets])
        variance = np.array([np.exp(q) @ (f - m) ** 2 for q, m in zip(targets, mean, strict=True)])
        error = (variance.mean() / ROLLOUTS / len(mean)) ** 0.5
        check = monte_carlo(f"{name}: {SAMPLED}, mean {quantity}", "T1", mean.mean(), drawn - mean + mean.mean(), error)
        judged = _judged(found, f"{name} {quantity}", attraction.unplaced_mass(len(f)) * np.ptp(f), error)
        if judged:
            found.checks.append(check)
        row[f"sampled_{quantity}"] = {
            "predicted": check.predicted,
            "simulated": check.simulated,
            "standard_error": check.tolerance / STANDARD_ERRORS,
            "judged": judged,
        }
    distances = [total_variation(p, q) for p, q in zip(sampled.log_pi, targets, strict=True)]
    return {**row, "sampled_total_variation": float(np.mean(distances))}


def _judged(found, what, unplaced, error):
    """Whether the budget of samples can tell; not by what was drawn, or a learner that goes wrong would be excused."""
    if unplaced > error:
        found.unjudged.append(what)
    return bool(unplaced <= error)


def _repeller(found, name, problem, objective, times, flows, begin, log_fixed):
    rate = repulsion.growth_rate(times[:-1], flows[:, :-1], log_fixed)
    winner = self_sharpening_winner(begin, problem.log_p, problem.reward, objective)
    ends = flows[:, -1]
    right = int((ends.argmax(axis=-1) == winner).sum())
    tau = objective.entropy_weight
    worst = rate[np.abs(rate + tau).argmax()]
    mean_accuracy = {"accuracy": float((np.exp(ends) @ problem.reward).mean())}
    found.checks.append(Check(f"{name}: growth rate of a deviation", "T8", -tau, float(worst), 0.01 * -tau))
    found.checks.append(Check(f"{name}: winners foreseen", "T8", float(len(rate)), float(right), 0.0))
    found.regimes.append(
        {
            "name": name,
            **_point(objective, 0.0)._asdict(),
            "predicted": {"accuracy": float(problem.reward[winner].mean()), "entropy": 0.0},
            "simulated": {
                **mean_accuracy,
                "entropy": float(np.mean([attraction.summary(problem, end)["entropy"] for end in ends])),
            },
            "total_variation": float(1 - np.exp(ends[np.arange(len(ends)), winner]).min()),
            "stable": False,
            "growth_rate": {"predicted": -tau, "simulated": float(worst)},
            "winners": {"predicted": winner, "simulated": ends.argmax(axis=-1), "right": right},
        }
    )
    fixed_point = np.array([objective.fixed_point])
    measured = coordinates(flows[0, 0], problem.log_p, problem.reward)
    found.paths[name] = RegimePath(fixed_point, np.array([measured]), np.empty((0, 2)), "repeller")


def _point(objective, time) -> Coordinates:
    if objective.entropy_weight != 0:
        return Coordinates(*(coordinate + 0.0 for coordinate in objective.fixed_point))  # no -0
    return Coordinates(*map(float, line(objective, time)))


def _line_points(objective, times) -> Sequence[tuple[float, float]]:
    return list(zip(*line(objective, times), strict=True))


def _log_ends(run, stage, names, problem, ends):
    """A line for each regime as soon as a learner is done, so that an interrupted run keeps it."""
    for name, log_pi in zip(names, ends[: len(names)], strict=True):
        run.log(stage=stage, name=name, **attraction.summary(problem, log_pi))
