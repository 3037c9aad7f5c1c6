"""Where objectives end, from base rollouts: estimates, intervals, and whether they can be relied on.

An optimum q ∝ p e^t is known up to its constant, so samples of p, weighted by e^t, say what it looks like: no training
is needed to know where training would end. Three kinds of error stand in the way, and each has its remedy here.

- Prompts are a sample of prompts. A bootstrap over prompts gives the interval.
- A weighted mean of few samples is biased. A jackknife estimates the bias and takes it off; where it is not small
  beside the interval, the interval is widened and the value marked.
- What was never sampled has no weight. The effective number of samples and the tail of the weights (Pareto k) say when
  that matters, and for rewards the right answers that may have been missed are allowed for (`unseen_accuracy`).

A value is `reliable` when no rule below finds a reason for doubt. The rules were set on populations whose truth is
known, and docs/forecast.md says what the intervals of reliable values covered there; a doubted value is printed all the
same, with its reason.

Four methods: `exact` where the rollouts list all of the probability; `psis`, weights with a smoothed tail; `counts` for
a 0/1 reward alone, which needs no weights; `cumulant`, an expansion near the base model. They err in different ways,
so where two agree that is worth something.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from theory.estimation.counted import with_counts
from theory.estimation.cumulants import expand
from theory.estimation.draws import own_draws
from theory.estimation.intervals import ClusterBootstrap
from theory.estimation.records import Estimate, Forecast, Method
from theory.estimation.reweight import Reweighted, Target, enumerated, exact, reweight, score_of
from theory.estimation.samples import Rollouts
from theory.estimation.samples_needed import SMALLEST_ESS, samples_needed
from theory.estimation.shares import of_differences, of_shares, share_intervals
from theory.estimation.votes import majority_accuracy
from theory.objectives import Objective
from theory.score_noise import log_weight_bonus
from theory.vocabulary import LengthControl

KS = (4, 16)  # of pass@k and maj@k
MOST_VOTING_PROMPTS = 500
EXPANDED_ROWS = 100_000  # a second opinion near the base model does not need more
# A value is relied on where these hold; benchmarks/forecast_coverage.py measures what its intervals then cover.
# The estimated bias must be below half the interval, or, for shares, below half a point.
NEGLIGIBLE = 0.005
LARGEST_UNSEEN = 0.2  # what right answers that were never sampled could add, as a part of half the interval
# A jackknife asks what one sample fewer would have said: of two or three effective ones the answer is mostly noise.
SMALLEST_ESS_WITH_RATE = 7.0  # where a rate for every token is fitted to them as well
LARGEST_VARIANCE = 1.0  # of (alpha - 1) log p within a prompt, nats²: an expansion around alpha = 1 reaches no farther
LARGEST_NOISE = 1.0  # of the same, nats², where it is error and not log p
SHARPEST = 10.0  # alpha that stands for the limit of sharpening, where errors of log p are concerned
LARGEST_PARETO_K = 0.7  # above it smoothed importance sampling does not converge at useful sample sizes
FEWEST_PROMPTS = 10
SINGLE_PROMPT = "a single prompt does not say how prompts differ"
RANGES = {
    "length": (1.0, np.inf),
    "log_p": (-np.inf, 0.0),
    "entropy": (0.0, np.inf),
    "kl": (0.0, np.inf),
    "log_draws": (0.0, np.inf),
    "gain": (-1.0, 1.0),
}
LARGEST_UNFINISHED = 0.05  # share under the target beyond which lengths are those of the limit


def target_of(objective: Objective, kappa: float = 0.0, length_control: str = LengthControl.NONE) -> Target:
    """The optimum of an objective; for tau = 0 the limit that its flow runs to [T1, T8].

    Both kinds of reward at tau = 0 have a limit too, the best of w r + c log p, but it is no point of the plane and
    hangs on single responses: ValueError.

    >>> from theory.objectives import regime
    >>> target = target_of(regime("tilted-tempered", alpha=2, beta=0.25))
    >>> target.alpha, target.b
    (2.0, 4.0)
    """
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
    methods: Sequence[str] = tuple(Method),
    votes: bool = True,
) -> list[Forecast]:
    """One record a target and method: exact where responses add up to 1, psis, counts for a reward of 0 and 1 alone.

    cumulant except at limits.

    votes: whether maj@k is asked, which is simulated, and costs more than all else of a picture's many targets.
    A record does not depend on the other targets, nor on what the generator has drawn before: its seed alone counts.
    All records share one bootstrap of prompts, so that differences between targets are not blurred by other draws.
    """
    ks = tuple(k for k in KS if k <= np.median(rollouts.count)) if rollouts.binary else ()
    asked = ks if rollouts.answers_known and votes else ()
    bootstrap = ClusterBootstrap(len(rollouts.start), own_draws(generator, "prompts"))
    voters = Voters.choose(len(rollouts.start), asked, bootstrap, own_draws(generator, "voters"))
    complete = enumerated(rollouts) if Method.EXACT in methods else None
    few = rollouts.some_prompts(EXPANDED_ROWS, own_draws(generator, "few"))
    few_bootstrap = bootstrap if few is rollouts else ClusterBootstrap(len(few.start), own_draws(generator, "prompts"))
    records = []
    for target in targets:
        if complete is not None:
            records.append(_forecast(Method.EXACT, complete, target, exact(complete, target, ks), bootstrap, voters))
        if Method.PSIS in methods:
            records.append(_forecast(Method.PSIS, rollouts, target, reweight(rollouts, target, ks), bootstrap, voters))
        if Method.CUMULANT in methods and not target.is_face and target.length_control == LengthControl.NONE:
            records.append(_forecast(Method.CUMULANT, few, target, expand(few, target, ks), few_bootstrap, None))
    return with_counts(rollouts, records) if Method.COUNTS in methods else records


class Voters(NamedTuple):
    """The prompts that votes are simulated on: all, or 500, whose interval is narrow enough. Draws: one's own each."""

    prompts: Int[np.ndarray, " chosen"]
    ks: tuple[int, ...]
    bootstrap: ClusterBootstrap
    generator: np.random.Generator

    @classmethod
    def choose(
        cls, prompts: int, ks: tuple[int, ...], bootstrap: ClusterBootstrap, generator: np.random.Generator
    ) -> "Voters":
        """All prompts up to 500; a simulated vote costs what a prompt costs, and 500 tell maj@k to two points."""
        if prompts <= MOST_VOTING_PROMPTS:
            return cls(np.arange(prompts), ks, bootstrap, generator)
        chosen = generator.choice(prompts, MOST_VOTING_PROMPTS, replace=False)
        return cls(chosen, ks, ClusterBootstrap(MOST_VOTING_PROMPTS, generator), generator)


def _forecast(
    method: Method,
    rollouts: Rollouts,
    target: Target,
    estimate: Reweighted,
    bootstrap: ClusterBootstrap,
    voters: Voters | None,
) -> Forecast:
    """The record; voters, if any, are asked for maj@k.

    A KL or a price in draws that is in doubt is still worth something as a lower bound, and is given as that; nothing
    else is changed by its doubts. The number of samples that would do is worked out only where these do not.
    """
    summary = _Summary.of(method, rollouts, target, estimate, bootstrap)
    doubts = _doubts(method, rollouts, target, estimate, summary)
    quantities = {
        name: Estimate(float(value), float(low), float(high), tuple(doubts[name]))
        for name, value, low, high in zip(summary.names, summary.mean, summary.low, summary.high, strict=True)
    }
    for name in ("kl", "log_draws") if method == Method.PSIS else ():
        if name in quantities and not quantities[name].reliable:
            seen = estimate.value[name] - estimate.untold.get(name, 0.0)
            plain = float(np.mean(seen + np.nan_to_num(estimate.bias[name])))
            quantities[name] = _at_least(max(plain, 0.0), quantities[name])
    if (
        method == Method.PSIS and "log_draws" in quantities and target.alpha != 1
    ):  # its likeliest response may be unseen
        quantities["log_draws"] = replace(quantities["log_draws"], high=np.inf)
    accuracy, length = quantities["accuracy"], quantities["length"]
    needed = None
    if not (accuracy.reliable and length.reliable):
        of = summary.shortfall
        shortfall = max(of["accuracy"], of["length"], summary.unseen / summary.largest_unseen)
        needed = samples_needed(rollouts, target, shortfall)
    if voters is not None:
        quantities |= _votes(rollouts, target, estimate, voters, accuracy.doubts if method == Method.PSIS else ())
    return Forecast(target, method, float(estimate.ess.mean()), estimate.pareto_k, quantities, needed)


def _at_least(plain: float, doubted: Estimate) -> Estimate:
    """A KL, or the log of a price in draws, that hangs on few samples, as what it is: a lower bound.

    A lower bound is worth printing: it can rule a target out, and on average more samples only raise it.
    The plain estimate log n - H(w), H the entropy of the weights, cannot pass log n however far the target is. Over
    draws weighed by their mean weight Z̄ (1 on average) its mean is KL(q‖p) - E[Z̄ log Z̄], so too small: what the
    samples miss of q only adds to it.    [T23]
    """
    return Estimate(plain, min(doubted.low, plain), np.inf, doubted.doubts)


def _votes(
    rollouts: Rollouts, target: Target, estimate: Reweighted, voters: Voters, doubts: tuple[str, ...]
) -> dict[str, Estimate]:
    """maj@k. With few effective samples a vote among them is not a vote among draws of q.

    k draws from fewer than k effective samples are often the same sample several times, and agree with themselves: the
    vote looks surer than it is. So maj@k asks for k of them, and has the doubts of the accuracy besides.
    """
    found = {}
    for k in voters.ks:
        assert estimate.weight is not None
        drawn = own_draws(voters.generator, f"{target} {k}")
        values = majority_accuracy(rollouts, estimate.weight, k, voters.prompts, drawn)
        low, high = share_intervals(values[:, None], voters.bootstrap)[:, 0]
        own = () if float(estimate.ess.mean()) >= k else (f"fewer than {k} effective samples a prompt to vote",)
        alone = (SINGLE_PROMPT,) if np.isnan(low) else ()
        found[f"maj@{k}"] = Estimate(float(values.mean()), float(low), float(high), (*doubts, *own, *alone))
    return found


class _Summary(NamedTuple):
    """Means over prompts with their intervals, and how large the errors behind them are."""

    names: list[str]
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    shortfall: dict[str, float]
    """the size of the known error over what is allowed; above 1 a quantity is in doubt"""
    unseen: float
    """what correct answers that were never sampled could add to the accuracy"""
    largest_unseen: float
    """above which that is a doubt"""

    @classmethod
    def of(
        cls, method: Method, rollouts: Rollouts, target: Target, estimate: Reweighted, bootstrap: ClusterBootstrap
    ) -> "_Summary":
        """Means, intervals and what the known errors do to them, in that order."""
        # The gain over the base model, prompt by prompt, is known better than either accuracy.
        base = (
            rollouts.sum(np.exp(rollouts.log_p) * rollouts.reward)
            if method == Method.EXACT
            else rollouts.mean(rollouts.reward)
        )
        value = estimate.value | {"gain": estimate.value["accuracy"] - base}
        bias = estimate.bias | {"gain": estimate.bias["accuracy"]}
        untold = {**estimate.untold, "gain": estimate.untold["accuracy"]} if estimate.untold else {}
        names = list(value)
        values = np.stack([value[name] for name in names], axis=1)
        shares = np.array([name in ("accuracy", "finished") or name.startswith("pass") for name in names])
        rewarded = shares & (np.array(names) != "finished") | (np.array(names) == "gain")
        low, high = _interval(values, shares, bootstrap, np.array(names) == "gain")
        half = (high - low) / 2
        # A number put in for what was not seen is not known at all.
        error = np.abs([_mean_of_known(bias[name]) for name in names])
        error = error + np.abs([np.mean(untold.get(name, 0.0)) for name in names])
        if _is_base(target):  # plain means have no bias, and of single samples none is to be estimated
            error = np.nan_to_num(error)
        unseen = unseen_accuracy(rollouts, target.b) if method != Method.EXACT else 0.0
        # What was corrected for, or left out, is known to its size only: half of it is added to the interval, and all
        # of it where it is larger than the interval. What was never sampled can only be missing.
        added = np.where(error <= half, error / 2, error)
        low, high = low - added, high + added + unseen * rewarded
        mean = values.mean(axis=0)
        mean, low, high = (np.clip(x, *np.transpose([limits(name) for name in names])) for x in (mean, low, high))
        gain, known = names.index("gain"), share_intervals(base[:, None], bootstrap)
        mean[gain] = np.clip(mean[gain], -base.mean(), 1 - base.mean())
        low[gain], high[gain] = _within_reach(low[gain], high[gain], *np.ravel(known))
        mean = np.where(np.abs(mean) < 1e-12, 0.0, mean)  # KL(p‖p) is 0, not -2e-17
        allowed = np.where(shares | rewarded, np.maximum(half, NEGLIGIBLE), half) + 1e-12
        shortfall = dict(zip(names, map(float, error / allowed), strict=True))
        largest_unseen = max(LARGEST_UNSEEN * half[names.index("accuracy")], NEGLIGIBLE)
        return cls(names, mean, low, high, shortfall, unseen, largest_unseen)


def _within_reach(low: float, high: float, base_low: float, base_high: float) -> tuple[float, float]:
    """The interval of a gain, which lies in [-A₀, 1 - A₀], where A₀ is known to lie between base_low and base_high.

    Nobody can lose more accuracy than there is, or gain more than is missing: a correction can overlook that.
    """
    return float(np.clip(low, -base_high, 1 - base_low)), float(np.clip(high, -base_high, 1 - base_low))


def _is_base(target: Target) -> bool:
    """The base model itself: plain means of its samples, which need no weights and no doubts."""
    return target.alpha == 1 and target.b == 0


def _mean_of_known(bias: Float[np.ndarray, " prompts"]) -> float:
    """A prompt with a single sample has no bias that could be estimated; nan where all have."""
    known = bias[~np.isnan(bias)]
    return float(known.mean()) if len(known) else np.nan


def limits(quantity: str) -> tuple[float, float]:
    """The smallest and the largest value that it can have: what lies beyond is an error of the estimate."""
    if quantity in RANGES:
        return RANGES[quantity]
    return 0.0, 1.0  # accuracy, finished, pass@k, maj@k


def _doubts(
    method: Method, rollouts: Rollouts, target: Target, estimate: Reweighted, summary: _Summary
) -> dict[str, list[str]]:
    """The reasons to doubt each quantity.

    Three kinds: what makes the whole target doubtful (few prompts, few effective samples, a heavy tail), what makes one
    quantity so (its own bias is not small), and what no sample could tell (which of several optimal policies a run
    with b = inf ends at, how long responses would be without a limit).
    """
    certain = method == Method.EXACT or _is_base(target)
    general = [] if certain else _general_doubts(method, rollouts, target, estimate, summary)
    if target.length_control == LengthControl.IGNORE_EOS:
        general.append("base rollouts end where the training responses of this run go on")
    if len(rollouts.start) == 1:
        general.append(SINGLE_PROMPT)
    doubts = {}
    for name in summary.names:
        doubts[name] = list(general)
        if not (certain or summary.shortfall[name] <= 1):  # also where it is nan
            few = "it hangs on few samples" if method == Method.PSIS else "the terms left out are not small"
            doubts[name].append(few)
        if np.isinf(target.b) and name in ("length", "log_p", "entropy", "kl"):
            doubts[name].append("all policies that are always right are optimal; where among them a model ends is open")
        if name == "log_draws" and target.alpha < 1 and not certain:
            doubts[name].append("the rarest response decides it, and is not among the samples")
        if name == "length" and 1 - summary.mean[summary.names.index("finished")] > LARGEST_UNFINISHED:
            doubts[name].append("responses run into the length limit")
    return doubts


def _interval(
    values: Float[np.ndarray, "prompts quantity"],
    shares: Bool[np.ndarray, " quantity"],
    bootstrap: ClusterBootstrap,
    differences: Bool[np.ndarray, " quantity"],
) -> tuple[Float[np.ndarray, " quantity"], Float[np.ndarray, " quantity"]]:
    """The bootstrap interval; of shares and their differences never narrower than the number of prompts allows.

    A bootstrap of equal values has no width: sixty prompts, all solved, would prove that every prompt is.
    """
    found = bootstrap.interval(values)
    for chosen, allowed in ((shares, of_shares), (differences, of_differences)):
        if chosen.any():
            found[:, chosen] = allowed(found[:, chosen], values[:, chosen])
    return found[0], found[1]


def _general_doubts(
    method: Method, rollouts: Rollouts, target: Target, estimate: Reweighted, summary: _Summary
) -> list[str]:
    """What makes every number of this target doubtful.

    Each rule asks for something else that an interval cannot know: too few prompts to see how prompts differ, no bias
    to be estimated, what was never drawn, error in log p itself, weights that rest on a handful of samples, a tail
    whose mean does not settle, a series used beyond its reach. The weights are asked twice, by the number of
    effective samples and by their tail, since either may be fine while the other is not.
    """
    doubts = []
    if len(rollouts.start) < FEWEST_PROMPTS:
        doubts.append(f"fewer than {FEWEST_PROMPTS} prompts")
    if (rollouts.count < 2).any():
        doubts.append("prompts with a single sample")
    if summary.unseen > summary.largest_unseen:
        doubts.append("right answers that were never sampled could matter")
    if noise_of_weights(rollouts, target) > LARGEST_NOISE:
        doubts.append(f"log p is known to {rollouts.log_p_noise:.2g} nats a token, which decides the weights")
    if method == Method.PSIS:
        balanced = target.length_control == LengthControl.TRAJECTORY_BALANCE
        smallest = SMALLEST_ESS_WITH_RATE if balanced else SMALLEST_ESS
        if estimate.ess.mean() < smallest:
            where = " and length" if target.length_control == LengthControl.CONTENT else ""
            doubts.append(f"fewer than {smallest:g} effective samples a prompt{where}")
        if estimate.pareto_k > LARGEST_PARETO_K:
            doubts.append(f"Pareto k above {LARGEST_PARETO_K:g}")
    if method == Method.CUMULANT and _variance_of_sharpening(rollouts, target) > LARGEST_VARIANCE:
        doubts.append("too far from the base model for an expansion")
    return doubts


def noise_of_weights(rollouts: Rollouts, target: Target) -> float:
    """Variance of the error of (alpha - 1) log p/|y|^kappa, mean over responses, nats².    [T32]

    Its mean effect is taken out (theory.estimation.reweight.weighing_score), up to a variance of about 1: beyond, the
    mean is made by errors that are too rare to be among the samples.
    """
    if np.isinf(target.b):  # the order of rewards is all that counts
        return 0.0
    alpha = min(target.alpha, SHARPEST)
    return 2 * float(np.mean(log_weight_bonus(alpha, rollouts.log_p_noise, rollouts.length, target.kappa)))


def _variance_of_sharpening(rollouts: Rollouts, target: Target) -> float:
    """Mean over prompts of Var((alpha - 1) log p/|y|^kappa): in b the expansion of the accuracy is exact.

    Its root is the distance, in standard deviations of log p, over which the series is asked to reach.
    """
    score = score_of(rollouts, target._replace(b=0.0))
    return float(np.mean(rollouts.mean((score - rollouts.each(rollouts.mean(score))) ** 2)))


def unseen_accuracy(rollouts: Rollouts, b: float) -> float:
    """What prompts without a right sample could add at b, were their accuracy 1/(n + 1) and not 0.    [T24]

    The jackknife cannot see it: leaving a wrong sample away changes nothing there. A response of probability 1/(n + 1)
    is missed by n samples in e^{-1} of cases, so that such prompts are common among those that show none right, and a
    reward of weight b multiplies their odds by e^b. Above b = log n this may be half a prompt each.
    """
    rare = 1 / (rollouts.count + 1)
    tilted = 1 / (1 + np.exp(-b) * (1 - rare) / rare)
    return float(np.mean((rollouts.max(rollouts.reward) <= 0) * np.maximum(tilted - rare, 0)))
