"""What rollouts look like that are not what they are taken for: other units, another temperature, a prompt counted in.

A suspicion is no proof. What cannot be (probabilities that add up to more than 1) is refused by who reads a table; here
is what samples of a model at temperature 1 would hardly ever show.

Why it matters. Every forecast reads log p as the probability with which a sample was drawn. If it is c log p, every
α - 1 is off by the factor c; drawn at another temperature, the samples stand for another law than their log p; if the
prompt is counted in, long prompts look improbable. Intervals know nothing of this, and are as narrow as ever.

What is looked at, surest first: what the table says of itself (a temperature column); the entropies that were met on
the way, whose sum is the mean of -log p for a model's own samples; probabilities that add up to too much; repeats that
log p does not explain; a pile of lengths at one limit. Thresholds are set so that clean tables are hardly ever accused:
a warning that is often wrong is not read.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from theory.estimation.samples import Rollouts, probability_seen

FEWEST_PROMPTS = 5  # below it nothing is said of prompts
FEWEST_ROWS = 24  # below it a mean over responses has no standard error worth the name
SUSPECT, FITS = 3.5, 3.5  # standard errors: beyond the one something is wrong, within the other it is explained
NEAR = 0.2  # and brings the ratio as near to 1 as this
LOG_10, LOG_2 = float(np.log(10.0)), float(np.log(2.0))
SMALLEST_SHARE = 0.01  # of the entropy: two programs' log-probabilities differ by that
MOST_PROBABILITY = 1.1  # of a prompt's different responses together
MOST_NATS = 12.6  # a token: more than the logarithm of any vocabulary (300,000)
AGREE_WITHIN, AGREE_NATS = 0.02, 0.1  # a share of log p, and nats, by which programs and precisions differ
ODD_REPEAT = 1e-3  # probability that all samples of a prompt are the same
SHORTEST_LIMIT = 16  # tokens: below it many responses end at one length by themselves
Rows = Float[np.ndarray, " rows"]


class Kind(StrEnum):
    """What rollouts look like."""

    MEAN_PER_TOKEN = "mean_per_token"
    """log p divided by the length"""
    BASE_10 = "base_10"
    BASE_2 = "base_2"
    IMPOSSIBLE = "impossible"
    """the different responses to a prompt have a probability above 1"""
    COLD = "cold"
    """sampled at a temperature below 1, with top-p or with top-k"""
    HOT = "hot"
    """sampled at a temperature above 1, or scored by another model"""
    PROMPT_INCLUDED = "prompt_included"
    """the prompt's own tokens are counted in"""
    UNLIKELY = "unlikely"
    """less likely than tokens drawn blindly would be"""
    OTHER_MODEL = "other_model"
    """the model that is asked has other log-probabilities"""
    TEMPERATURE = "temperature"
    """the table's own column says another than 1"""
    TOP_P = "top_p"
    TOP_K = "top_k"
    GREEDY = "greedy"
    """the same response again and again, which log p does not explain"""
    CUT_OFF = "cut_off"
    """many responses of the largest length, said to be finished"""


# What leaves the answer as it is: a response that was cut off is as wrong as it was. All else may turn the sign of what
# is forecast, or measures alpha in other units. (A prompt's own constant would cancel in every weight, but responses
# scored after another prompt than they were sampled with look the same.)
HARMLESS = (Kind.CUT_OFF,)


class Suspicion(NamedTuple):
    kind: Kind
    value: float
    """the number that it rests on, see the sentence of its kind"""


class Gap(NamedTuple):
    """E[-log p - Σ_t H_t], which is 0 for samples of the model itself."""

    mean: float
    """nats a response"""
    z: float
    """in standard errors; nan where there is none"""
    ratio: float
    """E[-log p] / E[Σ_t H_t]"""


def surprisal_gap(rollouts: Rollouts, log_p: Rows, entropy: Rows) -> Gap:
    """How far the surprisal of what was sampled lies from the entropy along it.

    At each token the mean of -log p(token) over what could have been drawn is the entropy there, so that the difference
    averages to 0 token by token, whatever came before.
    -log p(y) - Σ_t H(p(.|y_<t)) is a sum of martingale differences if y ~ p, so that its mean is 0 whatever the model,
    at every prompt: the squares of all responses, not the spread of the prompts' means, give the standard error.
    Drawn colder, y is likelier than that (negative); hotter, less likely; in other units, off by their factor.
    At temperature T it is off by (1 - 1/T) V to first order, V the sum along y of the tokens' variances of log p, so
    that z ≈ (1 - 1/T) sqrt(V of all responses together): 3.5 standard errors take 13,000 nats² at T = .97, and a
    hundred at T = .7.
    """
    excess = -log_p - entropy
    weight = 1 / rollouts.each(rollouts.count)  # every prompt counts alike, however many samples it has
    mean = float(weight @ excess) / len(rollouts.start)
    error = float(np.sqrt(np.sum((weight * excess) ** 2))) / len(rollouts.start)
    z = mean / error if error > 0 and len(excess) >= FEWEST_ROWS else np.nan
    total = float(rollouts.mean(entropy).mean())
    return Gap(mean, z, float(rollouts.mean(-log_p).mean()) / total if total > 0 else np.nan)


def beside_the_models_own(given: Rows, own: Rows, length: Rows, prompt: Int[np.ndarray, " rows"]) -> Suspicion | None:
    """What log p in a file look like beside those that the model gives the same texts; None where they agree.

    Medians, since some texts are read back as other tokens than were sampled. The factor that brings most of the gap
    to nothing names the units; a gap that is the same for all responses to a prompt is the prompt itself.
    """
    size = float(np.median(np.abs(own)))
    units = {None: 1.0, Kind.MEAN_PER_TOKEN: length, Kind.BASE_10: LOG_10, Kind.BASE_2: LOG_2}
    gaps = {kind: float(np.median(np.abs(given * unit - own))) for kind, unit in units.items()}
    best = min(gaps, key=lambda kind: gaps[kind])
    if gaps[best] <= AGREE_WITHIN * size + AGREE_NATS:
        ratio = float(np.median(given / np.minimum(own, -1e-9)))
        return None if best is None else Suspicion(best, ratio)
    difference = own - given
    middle = np.array([np.median(difference[prompt == own_prompt]) for own_prompt in prompt])
    if np.median(np.abs(difference - middle)) <= 0.1 * np.median(difference):
        return Suspicion(Kind.PROMPT_INCLUDED, float(np.median(difference)))
    return Suspicion(Kind.OTHER_MODEL, gaps[None])


def suspicions(rollouts: Rollouts, settings: Mapping[str, Rows] | None = None) -> list[Suspicion]:
    """What these rollouts look like that they should not; empty for samples of a model at temperature 1.

    settings: temperature, top_p and top_k of each row, as far as a table says them (nan elsewhere).
    """
    log_p = rollouts.log_p if rollouts.log_pi is None or np.isnan(rollouts.log_pi).any() else rollouts.log_pi
    found = [*_of_settings(settings or {}), *_greedy(rollouts, log_p), *_cut_off(rollouts)]
    # Where a log p or an entropy is not known (nan) no comparison below holds.
    by_entropy = [] if rollouts.entropy is None else of_entropy(rollouts, log_p, rollouts.entropy)
    return [*found, *(by_entropy or (_of_log_p_alone(rollouts) if log_p is rollouts.log_p else []))]


def _of_log_p_alone(rollouts: Rollouts) -> list[Suspicion]:
    """At most one: probabilities that add up to more than 1, or tokens less likely than blind draws of a vocabulary."""
    seen = float(probability_seen(rollouts, finished=True).max())
    if seen > MOST_PROBABILITY:
        return [Suspicion(Kind.IMPOSSIBLE, seen)]
    nats = -float(rollouts.log_p.sum() / rollouts.length.sum())
    return [Suspicion(Kind.UNLIKELY, nats)] if nats > MOST_NATS else []


def _of_settings(settings: Mapping[str, Rows]) -> list[Suspicion]:
    """The value that most rows of those which differ have; top-k of 0 or less, and top-p of 0, mean none."""
    found = []
    for kind, none in ((Kind.TEMPERATURE, (1,)), (Kind.TOP_P, (0, 1)), (Kind.TOP_K, (0,))):
        values = np.asarray(settings.get(str(kind), []), float)
        values = np.maximum(values, 0)[~np.isnan(values)]
        wrong = values[~np.isin(values, none)]
        if len(wrong):
            each, times = np.unique(wrong, return_counts=True)
            found.append(Suspicion(kind, float(each[np.argmax(times)])))
    return found


def of_entropy(rollouts: Rollouts, log_p: Rows, entropy: Rows, in_nats: bool = False) -> list[Suspicion]:
    """At most one: the units that would explain the gap, else the temperature, else the prompt; [] for no gap.

    Units first, since they explain the whole gap by a factor that is known beforehand, and a temperature explains any
    gap by a factor of its own. Less likely than expected and in step with the length is a hotter sampler; by the same
    amount whatever the length, a prompt that was counted in.

    in_nats: log p are surely sums in nats.
    """
    gap = surprisal_gap(rollouts, log_p, entropy)
    if not (abs(gap.z) > SUSPECT and abs(gap.ratio - 1) > SMALLEST_SHARE):
        return []
    units = {} if in_nats else {Kind.MEAN_PER_TOKEN: rollouts.length, Kind.BASE_10: LOG_10, Kind.BASE_2: LOG_2}
    mended = {kind: surprisal_gap(rollouts, log_p * unit, entropy) for kind, unit in units.items()}
    fitting = {kind: abs(own.z) for kind, own in mended.items() if abs(own.z) < FITS and abs(own.ratio - 1) < NEAR}
    if fitting:
        return [Suspicion(min(fitting, key=lambda kind: fitting[kind]), gap.ratio)]
    if gap.mean < 0:
        return [Suspicion(Kind.COLD, gap.ratio)]
    kind = Kind.HOT if _grows_with_length(rollouts, -log_p - entropy, gap.mean) else Kind.PROMPT_INCLUDED
    return [Suspicion(kind, gap.mean)]


def _grows_with_length(rollouts: Rollouts, excess: Rows, mean: float) -> bool:
    """Does the length within prompts explain half of the mean excess? A prompt's own tokens are the same in all."""
    length = rollouts.length - rollouts.each(rollouts.mean(rollouts.length))
    spread = float(length @ length)
    slope = float(length @ excess) / spread if spread > 0 else 0.0
    return slope * float(rollouts.mean(rollouts.length).mean()) > mean / 2


def _greedy(rollouts: Rollouts, log_p: Rows) -> list[Suspicion]:
    """The share of prompts all of whose samples are the same text, where log p makes that next to impossible.

    n samples of a response of probability p are all alike with p^{n-1}. Without log p it takes nine tenths of them.
    """
    several = rollouts.count > 1
    if several.sum() < FEWEST_PROMPTS:
        return []
    first = rollouts.each(rollouts.response[rollouts.start])
    same = (rollouts.mean((rollouts.response == first).astype(float)) == 1) & several
    known = not np.isnan(log_p).any()
    odd = same & ((rollouts.count - 1) * rollouts.mean(log_p) < np.log(ODD_REPEAT)) if known else same
    share = float(odd.sum() / several.sum())
    return [Suspicion(Kind.GREEDY, share)] if share > (0.1 if known else 0.9) else []


def _cut_off(rollouts: Rollouts) -> list[Suspicion]:
    """The share of responses that end at the largest length, said to be finished, and far more often without an answer.

    A model ends where it has said what it had to say: at many lengths around, and with an answer.
    """
    length, finished = rollouts.length, rollouts.finished
    largest = float(length.max())
    if not largest >= SHORTEST_LIMIT:  # nor where a length is not known
        return []
    at_limit = (length == largest) & finished
    near = length[(length < largest) & (length >= 0.8 * largest)]
    most_near = np.unique(near, return_counts=True)[1].max() if len(near) else 0
    answered = (rollouts.vote >= 0) | (rollouts.reward > 0)
    few = at_limit.sum() < max(10, 0.03 * len(length)) or at_limit.sum() < 4 * most_near
    if few or at_limit.all() or answered[at_limit].mean() > 0.5 * answered[~at_limit].mean():
        return []
    return [Suspicion(Kind.CUT_OFF, float(at_limit.mean()))]
