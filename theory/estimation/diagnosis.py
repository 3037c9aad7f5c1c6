"""What base rollouts say before any training: numbers with their intervals; llm.forecasting.words has the sentences.

Each finding answers one question, and is a number with an interval over prompts or a reason for saying nothing:

- does a little sharpening help? `Covariance`, the slope of accuracy along alpha, and its sign;
- by content, or because short answers are right? `ContentCovariance` compares equally long responses alone;
- why? `DiversityGap`: the base log-odds against the price of having many ways to be right;
- how much of what a reward would gain? `Efficiency`, a correlation;
- how far? `TurningPoint`, from forecasts along alpha;
- and where both are at work, which rules? `KnobRatio`, `RelaxationTime`.

All moments are taken within prompts. Easy prompts have likely responses and right ones, hard prompts neither: pooled
over prompts log p and reward go together, and that says nothing of what sharpening, which compares responses to one
prompt, would do. Divisors are n - 1, so that covariances are unbiased from two samples a prompt on.
"""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from scipy.special import digamma

from theory.budget import gain_ratio
from theory.content import group_moments
from theory.estimation.draws import own_draws
from theory.estimation.intervals import ClusterBootstrap, function_of, mean_interval
from theory.estimation.length_term import same_length
from theory.estimation.records import Forecast
from theory.estimation.samples import Rollouts

ALPHAS = (1.02, 1.05, 1.1, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 16.0, 32.0)  # a grid for the turning point
ROUNDING = 1e-9  # accuracies that differ by less are one
Prompts = Float[np.ndarray, " prompts"]


class Silent(StrEnum):
    """Why rollouts say nothing about a number."""

    SINGLE_SAMPLES = "single samples"
    EQUAL_REWARDS = "equal rewards"
    EQUAL_LOG_P = "equal log p"
    FEW_PROMPTS = "few prompts"
    LENGTHS_APART = "lengths apart"
    """too many samples have no equal in length"""
    NO_LENGTHS = "no lengths"
    """the rollouts do not tell how long responses are"""
    NOISE = "noise"
    """it is lost in the noise of the samples"""
    GRADED_REWARDS = "graded rewards"
    """between 0 and 1: there are no right and wrong responses"""


@dataclass(frozen=True)
class Finding:
    """A number and its 95 % interval over prompts (nan where it is not known), or the reason why there is none.

    Over prompts, because prompts are what generalises: more samples of the same prompts narrow it only as far as
    prompts are alike.
    """

    name: ClassVar[str]
    value: float
    low: float
    high: float
    silent: Silent | None = None

    @property
    def sign(self) -> int:
        """1 or -1 where the interval lies on one side of 0, else 0."""
        return int(self.low > 0) - int(self.high < 0)


class Covariance(Finding):
    """∂A/∂alpha at the base model = Cov(r, log p).    [T2]

    In accuracy per unit of alpha: small where log p spreads little, so its size says nothing before it is known how
    far alpha will go. Its sign does.
    """

    name = "covariance"


@dataclass(frozen=True)
class ContentCovariance(Finding):
    """Cov(r, log p) at equal length, E[Cov(r, log p | L)], and the rest of it, which comes with length.    [T18]

    The two add up to Cov(r, log p). Where many samples have no equal in length it is not told: rare lengths are other
    than common ones, so that the mean over those with two samples or more is of something else.
    """

    name = "content_covariance"
    by_length: float = np.nan
    alone: float = 0.0
    """the share of samples that have no equal in length"""


@dataclass(frozen=True)
class DiversityGap(Finding):
    """The slope of logit A along alpha at the base, E[log p|C] - E[log p|W] = base log-odds - gap.    [T3]

    Prompt x weighs A_x (1 - A_x), as it does in ∂A/∂alpha = E_x A(1 - A)(E[log p|C] - E[log p|W]) [T29]: the mean is
    Cov(r, log p)/Var(r), whose two parts are known without bias from two samples on. An unweighted mean over the
    prompts that have right and wrong samples is of other prompts the more samples there are, and may turn round.
    """

    name = "diversity_gap"
    base_log_odds: float = np.nan
    gap: float = np.nan
    _: KW_ONLY
    mixed: int
    """prompts with correct and wrong samples"""
    prompts: int


class Efficiency(Finding):
    """Corr(r, log p) within prompts: gain of sharpening over gain of a task reward at the same small KL.    [T5]

    Unlike the covariance it does not depend on the scale of log p, and can be compared between models. Of a table: a
    network moves responses together, and what then counts is in `theory.shared_parameters`.
    """

    name = "efficiency"


class Turn(StrEnum):
    """The shape of accuracy along alpha >= 1."""

    PEAK = "peak"
    VALLEY = "valley"
    FALLS = "falls"
    RISES = "rises"
    FLAT = "flat"
    NOISE = "noise"
    """moves, but not beyond the intervals of the gain over the base model"""
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class TurningPoint(Finding):
    """The alpha where accuracy stops rising or falling, between its neighbours on the grid.    [T4]

    Its interval is that of the grid, not of chance: `turn` says first whether the curve leaves the noise at all.
    """

    name = "turning_point"
    turn: Turn = Turn.UNKNOWN
    accuracy: float = np.nan


class KnobRatio(Finding):
    """sd(log p) within prompts: (alpha - 1) sd(log p)/b tells which of sharpening and reward rules.

    A response's score is (alpha - 1) log p + b r. Between responses the first differs by (alpha - 1) sd(log p), the
    second by about b: with log p spread by 20 nats, alpha = 1.25 weighs as much as a reward of b = 5.
    """

    name = "knob_ratio"


class RelaxationTime(Finding):
    """The weight b of reward at which both weigh the same: a target is approached as e^{-t/b}.    [T8]

    Per unit of alpha - 1. The rate is β = 1/b (times the learning rate), so this is also the time that a run takes to
    come within 1/e of such a target: what balances a wide log p is far away and slowly reached.
    """

    name = "relaxation_time"


@dataclass(frozen=True)
class EmptyResponse(Finding):
    """The share of prompts where stopping at once is likelier than every sampled response.    [T17]

    There the limit of sharpening is the empty response, or one likelier still that was not drawn: samples can make this
    share too large, never too small.
    """

    name = "empty_response"
    margin: float = np.nan
    """nats by which the likeliest sample leads on the median prompt"""


@dataclass(frozen=True)
class GradientCosine(Finding):
    """The cosine of the gradients of mean reward and mean log p of a network; interval by a jackknife.    [T26]"""

    name = "gradient_cosine"
    natural: float = np.nan
    """the same in the metric of the diagonal Fisher matrix"""
    natural_error: float = np.nan
    table: float = np.nan
    """Corr(r, log p) of the same samples: what it would be if every response moved by itself"""


def diagnose(rollouts: Rollouts, alphas: Sequence[Forecast], generator: np.random.Generator) -> list[Finding]:
    """alphas: forecasts along b = 0, method psis or exact, in order of alpha.

    Each finding has draws of its own, which depend on the generator's seed alone: none changes with the alphas.
    """
    silent = _silent(rollouts)
    spread = float(np.sqrt(_mean_of_known(_within(rollouts, rollouts.log_p, rollouts.log_p))))
    return [
        _covariance(rollouts, own_draws(generator, "covariance"), silent),
        _content(rollouts, own_draws(generator, "content"), silent),
        _diversity_gap(rollouts, own_draws(generator, "diversity_gap"), silent),
        _efficiency(rollouts, own_draws(generator, "efficiency"), silent),
        _turning_point(alphas),
        KnobRatio(spread, spread, spread, silent if silent != Silent.EQUAL_REWARDS else None),
        RelaxationTime(spread, spread, spread, silent if silent != Silent.EQUAL_REWARDS else None),
    ]


def _silent(rollouts: Rollouts) -> Silent | None:
    """Why no covariance of reward and log p can be told, if none can.

    Constant within every prompt is what counts: rewards may well differ between prompts and tell nothing.
    """
    if (rollouts.count < 2).all():
        return Silent.SINGLE_SAMPLES
    for values, why in ((rollouts.reward, Silent.EQUAL_REWARDS), (rollouts.log_p, Silent.EQUAL_LOG_P)):
        if (rollouts.max(values) == -rollouts.max(-values)).all():
            return why
    return None


def _within(rollouts: Rollouts, x: np.ndarray, y: np.ndarray) -> Prompts:
    """Cov(x, y) inside each prompt, with n - 1; nan for a prompt with one sample."""
    n = rollouts.count
    product = (x - rollouts.each(rollouts.mean(x))) * (y - rollouts.each(rollouts.mean(y)))
    return np.where(n > 1, rollouts.sum(product) / np.maximum(n - 1, 1), np.nan)


def _mean_of_known(values: Prompts) -> float:
    """The mean over the prompts that say anything; nan where none does."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan


def _known(interval: tuple[float, float, float], silent: Silent | None) -> tuple[float, float, float, Silent | None]:
    """The interval, and why there is none."""
    return *interval, silent or (Silent.FEW_PROMPTS if np.isnan(interval[1]) else None)


def _covariance(rollouts: Rollouts, generator: np.random.Generator, silent: Silent | None) -> Covariance:
    """A mean of unbiased numbers, one a prompt: no correction, whatever the number of samples."""
    interval = mean_interval(_within(rollouts, rollouts.reward, rollouts.log_p), generator)
    return Covariance(*_known(interval, silent))


def _content(rollouts: Rollouts, generator: np.random.Generator, silent: Silent | None) -> ContentCovariance:
    """Samples without an equal in length say nothing of content, and they are the rare ones, far from the mean.

    They may have any part of their own products (r - mean r)(log p - mean log p), of either sign: the interval holds
    all that, and nothing is told where it is more than the interval itself.
    """
    if np.isnan(rollouts.length).any():
        return ContentCovariance(np.nan, np.nan, np.nan, silent or Silent.NO_LENGTHS)
    same = same_length(rollouts)
    found = group_moments(rollouts.reward, rollouts.log_p, same.group, np.ones(len(same.group)))
    several, share = same.size > 1, same.size / rollouts.count[same.prompt]
    inside = np.where(several, share * found.cov * same.size / np.maximum(same.size - 1, 1), 0.0)
    known = rollouts.count > 1
    within = np.bincount(same.prompt, inside)[known]
    lone = ~several[same.group]
    apart = [x - rollouts.each(rollouts.mean(x)) for x in (rollouts.reward, rollouts.log_p)]
    unknown = float(rollouts.mean(lone * np.abs(apart[0] * apart[1]))[known].mean()) if known.any() else np.nan
    interval = mean_interval(within, generator)
    alone = float(rollouts.mean(lone.astype(float)).mean())
    if silent is None and interval[2] - interval[1] < 2 * unknown:
        silent = Silent.LENGTHS_APART
    if silent or np.isnan(interval[1]):
        return ContentCovariance(np.nan, np.nan, np.nan, silent or Silent.FEW_PROMPTS, np.nan, alone)
    value, low, high = interval
    by_length = _mean_of_known(_within(rollouts, rollouts.reward, rollouts.log_p)) - value
    return ContentCovariance(value, low - unknown, high + unknown, None, by_length, alone)


def _diversity_gap(rollouts: Rollouts, generator: np.random.Generator, silent: Silent | None) -> DiversityGap:
    """The slope as a ratio of two unbiased means, with a bootstrap of the ratio; its two parts beside it."""
    right = rollouts.sum(rollouts.reward)
    wrong = rollouts.count - right
    mixed = (right > 0) & (wrong > 0)
    counts = {"mixed": int(mixed.sum()), "prompts": len(mixed)}
    if silent is None:
        silent = Silent.GRADED_REWARDS if not rollouts.binary else Silent.FEW_PROMPTS if mixed.sum() < 2 else None
    if silent:
        return DiversityGap(np.nan, np.nan, np.nan, silent, **counts)
    # Where rewards are equal both parts are 0, whoever is drawn.
    parts = [_within(rollouts, rollouts.reward, x)[mixed] for x in (rollouts.log_p, rollouts.reward)]
    bootstrap = ClusterBootstrap(counts["mixed"], generator)
    slope = function_of(np.divide, *(bootstrap.mean_of(part) for part in parts))
    # Weighed like this E[ψ(right) - ψ(wrong)] is A(1 - A) logit A, with n - 2 terms of log A = -Σ (1 - A)^j/j: all that
    # n samples can tell of a rare answer.
    odds = digamma(right[mixed]) - digamma(wrong[mixed])
    base = float(np.average(odds, weights=parts[1]))
    return DiversityGap(slope.value, *slope.interval(), None, base, base - slope.value, **counts)


def _efficiency(rollouts: Rollouts, generator: np.random.Generator, silent: Silent | None) -> Efficiency:
    """One alpha and one b for all prompts: gains are mean covariances, budgets mean variances over 2.

    A quotient of means is biased by 1/prompts, little beside its interval, which is that of the quotient in each draw.
    """
    pairs = (
        (rollouts.reward, rollouts.log_p),
        (rollouts.log_p, rollouts.log_p),
        (rollouts.reward, rollouts.reward),
    )
    parts = np.stack([_within(rollouts, x, y) for x, y in pairs], axis=1)[rollouts.count > 1]
    if silent or len(parts) < 2:
        return Efficiency(np.nan, np.nan, np.nan, silent or Silent.FEW_PROMPTS)
    drawn = ClusterBootstrap(len(parts), generator).means(parts)
    low, high = np.nanquantile(gain_ratio(*drawn.T), [0.025, 0.975])
    return Efficiency(float(gain_ratio(*map(float, parts.mean(axis=0)))), float(low), float(high))


def _turning_point(alphas: Sequence[Forecast]) -> TurningPoint:
    """Among the values that can be relied on.

    Noise first: unless some gain over the base model surely differs from 0, the highest point of a curve is the
    luckiest one. A peak comes before a valley where both are inside: it is where one would stop.
    """
    known = [record for record in alphas if record["accuracy"].reliable and record.target.alpha >= 1]
    if len(known) < 3:
        return TurningPoint(np.nan, np.nan, np.nan)
    x = np.array([record.target.alpha for record in known])
    accuracy = np.array([record["accuracy"].value for record in known])
    best, worst, last = int(np.argmax(accuracy)), int(np.argmin(accuracy)), len(x) - 1
    rises, falls = any(record["gain"].low > 0 for record in known), any(record["gain"].high < 0 for record in known)
    if np.ptp(accuracy) < ROUNDING:
        at, turn = 0, Turn.FLAT
    elif not (rises or falls):
        at, turn = best, Turn.NOISE
    elif best not in (0, last):
        at, turn = best, Turn.PEAK
    elif worst not in (0, last):
        at, turn = worst, Turn.VALLEY
    else:
        at, turn = best, Turn.FALLS if best == 0 else Turn.RISES
    low, high = x[max(at - 1, 0)], x[min(at + 1, last)]
    return TurningPoint(float(x[at]), float(low), float(high), None, turn, float(accuracy[at]))


def empty_response(log_p_stop: Prompts, rollouts: Rollouts) -> EmptyResponse:
    """log_p_stop: log p(stop at once) of each prompt, in nats."""
    best = rollouts.max(rollouts.log_p)
    wins = float(np.mean(log_p_stop > best))
    return EmptyResponse(wins, wins, wins, None, float(np.median(best - log_p_stop)))
