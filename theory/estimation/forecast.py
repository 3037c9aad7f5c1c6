"""Where objectives end, from base rollouts: estimates, intervals, and whether they can be relied on."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from theory.estimation.cumulants import expand
from theory.estimation.intervals import ClusterBootstrap
from theory.estimation.reweight import Reweighted, Target, enumerated, exact, reweight, score_of
from theory.estimation.samples import Rollouts
from theory.estimation.votes import majority_accuracy
from theory.objectives import Objective
from theory.vocabulary import LengthControl

KS = (4, 16)  # of pass@k and maj@k
MOST_VOTING_PROMPTS = 500
EXPANDED_ROWS = 200_000  # a second opinion near the base model does not need more
# A value is relied on where these hold; benchmarks/forecast_coverage.py measures what its intervals then cover.
# The estimated bias must be below half the interval, or, for shares, below half a point.
NEGLIGIBLE = 0.005
LARGEST_UNSEEN = 0.2  # what right answers that were never sampled could add, as a part of half the interval
SMALLEST_ESS = 5.0  # mean effective samples a prompt
LARGEST_PARETO_K = 0.7  # above it smoothed importance sampling does not converge at useful sample sizes
FEWEST_PROMPTS = 10
LARGEST_UNFINISHED = 0.05  # share under the target beyond which lengths are those of the limit


def target_of(objective: Objective, kappa: float = 0.0, length_control: str = LengthControl.NONE) -> Target:
    """The optimum of an objective; for tau = 0 the limit that its flow runs to [T1, T8]."""
    if objective.entropy_weight > 0:
        alpha, b = objective.target
        return Target(float(alpha), float(b), kappa, length_control)
    if objective.reference_weight > 0 and objective.reward_weight > 0:
        raise ValueError("an objective with w > 0, c > 0 and tau = 0 ends on a face that no pair (alpha, b) names")
    return Target(np.inf, 0.0, kappa) if objective.reference_weight > 0 else Target(1.0, np.inf, kappa)


def forecast(
    rollouts: Rollouts,
    targets: Sequence[Target],
    generator: np.random.Generator,
    methods: Sequence[str] = ("exact", "psis", "cumulant"),
) -> list[dict[str, Any]]:
    """One record a target and method: exact where responses add up to 1, psis, cumulant except at limits."""
    ks = tuple(k for k in KS if k <= np.median(rollouts.count)) if rollouts.binary else ()
    bootstrap = ClusterBootstrap(len(rollouts.start), generator)
    voters = Voters.choose(len(rollouts.start), ks, bootstrap, generator)
    complete = enumerated(rollouts) if "exact" in methods else None
    few = rollouts.some_prompts(EXPANDED_ROWS, generator)
    few_bootstrap = bootstrap if few is rollouts else ClusterBootstrap(len(few.start), generator)
    records = []
    for target in targets:
        if complete is not None:
            estimate = exact(complete, target, ks)
            records.append(_record("exact", complete, target, estimate, bootstrap) | _votes(complete, estimate, voters))
        if "psis" in methods:
            estimate = reweight(rollouts, target, ks)
            record = _record("psis", rollouts, target, estimate, bootstrap)
            records.append(record | _votes(rollouts, estimate, voters, record["accuracy_reliable"]))
        if "cumulant" in methods and not target.is_face and target.length_control == LengthControl.NONE:
            records.append(_record("cumulant", few, target, expand(few, target, ks), few_bootstrap))
    return records


class Voters(NamedTuple):
    """The prompts that votes are simulated on: all, or 500, whose interval is narrow enough."""

    prompts: np.ndarray
    ks: tuple[int, ...]
    bootstrap: ClusterBootstrap
    generator: np.random.Generator

    @classmethod
    def choose(cls, prompts: int, ks: tuple[int, ...], bootstrap: ClusterBootstrap, generator: np.random.Generator):
        if prompts <= MOST_VOTING_PROMPTS:
            return cls(np.arange(prompts), ks, bootstrap, generator)
        chosen = generator.choice(prompts, MOST_VOTING_PROMPTS, replace=False)
        return cls(chosen, ks, ClusterBootstrap(MOST_VOTING_PROMPTS, generator), generator)


def _votes(rollouts, estimate: Reweighted, voters: Voters, reliable=True):
    """maj@k. With few effective samples a vote among them is not a vote among draws of q."""
    found = {}
    for k in voters.ks:
        values = majority_accuracy(rollouts, estimate.weight, k, voters.prompts, voters.generator)
        low, high = voters.bootstrap.interval(values[:, None])[:, 0]
        found |= {f"maj@{k}": float(values.mean()), f"maj@{k}_low": float(low), f"maj@{k}_high": float(high)}
        found[f"maj@{k}_reliable"] = reliable and float(estimate.ess.mean()) >= k
    return found


def _record(method, rollouts, target, estimate: Reweighted, bootstrap):
    # The gain over the base model, prompt by prompt, is known better than either accuracy.
    base = (
        rollouts.sum(np.exp(rollouts.log_p) * rollouts.reward) if method == "exact" else rollouts.mean(rollouts.reward)
    )
    value = estimate.value | {"gain": estimate.value["accuracy"] - base}
    bias = estimate.bias | {"gain": estimate.bias["accuracy"]}
    names = list(value)
    values = np.stack([value[name] for name in names], axis=1)
    shares = np.array([name in ("accuracy", "finished") or name.startswith("pass") for name in names])
    rewarded = shares & (np.array(names) != "finished") | (np.array(names) == "gain")
    low, high = _interval(values, shares, bootstrap)
    half = (high - low) / 2
    error = np.abs([np.mean(bias[name]) for name in names])
    unseen = unseen_accuracy(rollouts, target.b) if method != "exact" else 0.0
    # What was corrected for, or left out, is known to its size only: half of it is added to the interval, and all of it
    # where it is larger than the interval. What was never sampled can only be missing.
    added = np.where(error <= half, error / 2, error)
    low, high = low - added, high + added + unseen * rewarded
    mean = values.mean(axis=0)
    mean, low, high = (np.where(shares, np.clip(x, 0, 1), x) for x in (mean, low, high))
    mean = np.where(np.abs(mean) < 1e-12, 0.0, mean)  # KL(p‖p) is 0, not -2e-17

    allowed = np.where(shares | rewarded, np.maximum(half, NEGLIGIBLE), half) + 1e-12
    few, unseen_limit = error / allowed, max(LARGEST_UNSEEN * half[names.index("accuracy")], NEGLIGIBLE)
    certain = method == "exact" or (target.alpha == 1 and target.b == 0)
    general = [] if certain else _general_doubts(method, rollouts, estimate, unseen > unseen_limit)
    if target.length_control == LengthControl.IGNORE_EOS:
        general.append("base rollouts end where the training responses of this run go on")
    record = {
        "method": method,
        "alpha": target.alpha,
        "b": target.b,
        "kappa": target.kappa,
        "length_control": target.length_control,
        "ess": float(estimate.ess.mean()),
        "pareto_k": estimate.pareto_k,
    }
    doubts = {}
    for i, name in enumerate(names):
        doubts[name] = list(general)
        if not (certain or few[i] <= 1):  # also where it is nan
            doubts[name].append("it hangs on few samples" if method == "psis" else "the terms left out are not small")
        if np.isinf(target.b) and name in ("length", "log_p", "entropy", "kl"):
            doubts[name].append("all policies that are always right are optimal; where among them a model ends is open")
        if name == "length" and 1 - mean[names.index("finished")] > LARGEST_UNFINISHED:
            doubts[name].append("responses run into the length limit")
        record |= {name: float(mean[i]), f"{name}_low": float(low[i]), f"{name}_high": float(high[i])}
        record[f"{name}_reliable"] = not doubts[name]
    record["reliable"] = not (doubts["accuracy"] or doubts["length"])
    record["doubts"] = list(dict.fromkeys(doubts["accuracy"] + doubts["length"]))
    shortfall = max(few[names.index("accuracy")], few[names.index("length")], unseen / unseen_limit)
    record["samples_needed"] = None if record["reliable"] else samples_needed(rollouts, target, shortfall)
    return record


def _interval(values, shares, bootstrap, level=0.95):
    """The bootstrap interval, within [0, 1] for shares; all prompts at one end say no more than their number allows."""
    low, high = bootstrap.interval(values, level)
    low, high = np.where(shares, np.clip(low, 0, 1), low), np.where(shares, np.clip(high, 0, 1), high)
    never = ((1 - level) / 2) ** (1 / len(values))  # Clopper and Pearson: P(no exception among P prompts)
    low = np.where(shares & (values >= 1 - 1e-12).all(axis=0), never, low)
    high = np.where(shares & (values <= 1e-12).all(axis=0), 1 - never, high)
    return low, high


def _general_doubts(method, rollouts, estimate, much_unseen):
    """What makes every number of this target doubtful."""
    doubts = []
    if len(rollouts.start) < FEWEST_PROMPTS:
        doubts.append(f"fewer than {FEWEST_PROMPTS} prompts")
    if (rollouts.count < 2).any():
        doubts.append("prompts with a single sample")
    if much_unseen:
        doubts.append("right answers that were never sampled could matter")
    if method == "psis":
        if estimate.ess.mean() < SMALLEST_ESS:
            doubts.append(f"fewer than {SMALLEST_ESS:g} effective samples a prompt")
        if estimate.pareto_k > LARGEST_PARETO_K:
            doubts.append(f"Pareto k above {LARGEST_PARETO_K:g}")
    return doubts


def unseen_accuracy(rollouts: Rollouts, b: float) -> float:
    """What prompts without a right sample could add at b, were their accuracy 1/(n + 1) and not 0.    [T24]

    The jackknife cannot see it: leaving a wrong sample away changes nothing there.
    """
    rare = 1 / (rollouts.count + 1)
    tilted = 1 / (1 + np.exp(-b) * (1 - rare) / rare)
    return float(np.mean((rollouts.max(rollouts.reward) <= 0) * np.maximum(tilted - rare, 0)))


def samples_needed(rollouts: Rollouts, target: Target, shortfall: float) -> float:
    """Samples a prompt that would do, to an order of magnitude; inf where no error is known.    [T23]

    The larger of what leaves SMALLEST_ESS effective ones, n e^{-D₂} with D₂ ≈ Var_p(t) (exact for a Gaussian t), and
    what brings an error that falls as 1/n down by the factor `shortfall`.
    """
    n = float(rollouts.count.max())
    if target.is_face:
        return max(n * shortfall, n + 1) if np.isfinite(target.b) and np.isfinite(shortfall) else np.inf
    t = score_of(rollouts, target)
    within = np.sum((t - rollouts.each(rollouts.mean(t))) ** 2)
    freedom = len(t) - len(rollouts.start)
    variance = within / freedom if freedom else np.var(t)
    with np.errstate(over="ignore"):
        return float(max(SMALLEST_ESS * np.exp(variance), n * np.nan_to_num(shortfall), n + 1))
