"""Where objectives end, from base rollouts: estimates, intervals, and whether they can be relied on."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from llm.cumulants import expand
from llm.intervals import confidence_interval
from llm.reweight import Reweighted, Target, enumerated, exact, reweight
from llm.rollout_file import Rollouts
from theory.objectives import Objective

QUANTITIES = ("accuracy", "length", "log_p", "entropy", "kl", "finished")
PASS_AT = (1, 4, 16)
# A value is relied on where these hold; benchmarks/forecast_coverage.py measures what its intervals then cover.
LARGEST_BIAS = 1.0  # the estimated bias, as a part of half the interval
LARGEST_UNSEEN = 0.2  # what right answers that were never sampled could add, as a part of half the interval
SMALLEST_ESS = 5.0  # mean effective samples a prompt
LARGEST_PARETO_K = 0.7  # above it smoothed importance sampling does not converge at useful sample sizes
FEWEST_PROMPTS = 10
LARGEST_UNFINISHED = 0.05  # share under the target beyond which lengths are those of the limit


def target_of(objective: Objective, kappa: float = 0.0) -> Target:
    """The optimum of an objective; for tau = 0 the limit that its flow runs to [T1, T8]."""
    if objective.entropy_weight > 0:
        alpha, b = objective.target
        return Target(float(alpha), float(b), kappa)
    if objective.reference_weight > 0 and objective.reward_weight > 0:
        raise ValueError("an objective with w > 0, c > 0 and tau = 0 ends on a face that no pair (alpha, b) names")
    return Target(np.inf, 0.0, kappa) if objective.reference_weight > 0 else Target(1.0, np.inf, kappa)


def forecast(
    rollouts: Rollouts, targets: Sequence[Target], generator: np.random.Generator, level: float = 0.95
) -> list[dict[str, Any]]:
    """One record a target and method. Methods: psis; cumulant, except at limits; exact where responses add up to 1."""
    ks = tuple(k for k in PASS_AT if k <= np.median(rollouts.count)) if rollouts.binary else ()
    complete = enumerated(rollouts)
    records = []
    for target in targets:
        if complete is not None:
            records.append(_record("exact", rollouts, target, exact(complete, target, ks), generator, level))
        records.append(_record("psis", rollouts, target, reweight(rollouts, target, ks), generator, level))
        if not target.is_face:
            records.append(_record("cumulant", rollouts, target, expand(rollouts, target, ks), generator, level))
    return records


def _record(method, rollouts, target, estimate: Reweighted, generator, level):
    names = list(estimate.value)
    values = np.stack([estimate.value[name] for name in names], axis=1)
    shares = np.array([name not in ("length", "log_p", "entropy", "kl") for name in names])
    mean = np.where(shares, np.clip(values.mean(axis=0), 0, 1), values.mean(axis=0))
    low, high = _interval(values, shares, generator, level)
    half = (high - low) / 2
    # What was left out or corrected for is known to its size only: half of it is added to the interval.
    error = np.abs([np.mean(estimate.bias[name]) for name in names])
    low, high = (np.where(shares, np.clip(end, 0, 1), end) for end in (low - error / 2, high + error / 2))

    at_base = target.alpha == 1 and target.b == 0
    certain = at_base or method == "exact"
    general = [] if certain else _general_doubts(method, rollouts, target, estimate, half[names.index("accuracy")])
    record = {
        "method": method,
        "alpha": target.alpha,
        "b": target.b,
        "kappa": target.kappa,
        "ess": float(estimate.ess.mean()),
        "pareto_k": estimate.pareto_k,
    }
    doubts = {}
    for i, name in enumerate(names):
        doubts[name] = list(general)
        if not certain and not error[i] <= LARGEST_BIAS * half[i] + 1e-12:  # also when it is nan
            doubts[name].append("it hangs on few samples" if method == "psis" else "the terms left out are not small")
        if np.isinf(target.b) and shares[i] == 0:
            doubts[name].append("all policies that are always right are optimal; where among them a model ends is open")
        if name == "length" and 1 - mean[names.index("finished")] > LARGEST_UNFINISHED:
            doubts[name].append("responses run into the length limit")
        record |= {name: float(mean[i]), f"{name}_low": float(low[i]), f"{name}_high": float(high[i])}
        record[f"{name}_reliable"] = not doubts[name]
    record["reliable"] = not (doubts["accuracy"] or doubts["length"])
    record["doubts"] = list(dict.fromkeys(doubts["accuracy"] + doubts["length"]))
    record["samples_needed"] = None if record["reliable"] else samples_needed(rollouts, target)
    return record


def _interval(values, shares, generator, level):
    """The bootstrap interval, within [0, 1] for shares; all prompts at one end say no more than their number allows."""
    low, high = confidence_interval(values, generator, level)
    low, high = np.where(shares, np.clip(low, 0, 1), low), np.where(shares, np.clip(high, 0, 1), high)
    never = ((1 - level) / 2) ** (1 / len(values))  # Clopper and Pearson: P(no exception among P prompts)
    low = np.where(shares & (values >= 1 - 1e-12).all(axis=0), never, low)
    high = np.where(shares & (values <= 1e-12).all(axis=0), 1 - never, high)
    return low, high


def _general_doubts(method, rollouts, target, estimate, half_accuracy):
    """What makes every number of this target doubtful."""
    doubts = []
    if len(rollouts.start) < FEWEST_PROMPTS:
        doubts.append(f"fewer than {FEWEST_PROMPTS} prompts")
    if (rollouts.count < 2).any():
        doubts.append("prompts with a single sample")
    if method == "psis":
        if estimate.ess.mean() < SMALLEST_ESS:
            doubts.append(f"fewer than {SMALLEST_ESS:g} effective samples a prompt")
        if estimate.pareto_k > LARGEST_PARETO_K:
            doubts.append(f"Pareto k above {LARGEST_PARETO_K:g}")
        if unseen_accuracy(rollouts, target.b) > LARGEST_UNSEEN * half_accuracy:
            doubts.append("right answers that were never sampled could matter")
    return doubts


def unseen_accuracy(rollouts: Rollouts, b: float) -> float:
    """What prompts without a right sample could add at b, were their accuracy 1/(n + 1) and not 0.    [T24]

    The jackknife cannot see it: leaving a wrong sample away changes nothing there.
    """
    rare = 1 / (rollouts.count + 1)
    tilted = 1 / (1 + np.exp(-b) * (1 - rare) / rare)
    return float(np.mean((rollouts.max(rollouts.reward) <= 0) * np.maximum(tilted - rare, 0)))


def samples_needed(rollouts: Rollouts, target: Target) -> float:
    """Samples a prompt that leave SMALLEST_ESS effective ones, n e^{-D₂} with D₂ ≈ Var_p(t); inf at a limit.    [T23]

    Exact for a Gaussian t, and an order of magnitude elsewhere.
    """
    if target.is_face:
        return np.inf
    t = (target.alpha - 1) * rollouts.log_p / rollouts.length**target.kappa + target.b * rollouts.reward
    within = np.sum((t - rollouts.each(rollouts.mean(t))) ** 2)
    freedom = len(t) - len(rollouts.start)
    variance = within / freedom if freedom else np.var(t)
    with np.errstate(over="ignore"):
        return float(max(SMALLEST_ESS * np.exp(variance), rollouts.count.max() + 1))
