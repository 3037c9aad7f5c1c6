"""How often a verifier is right, and where training on it ends, from some samples that were labelled by hand.    [T27]

Training on the verdicts of a verifier that accepts V moves a prompt towards p(·|V): however long it goes on, a share
P(C|V) of its responses is right. The mean of that over prompts is not the share of accepted samples that are right. A
prompt that is rarely accepted counts as much as one that always is, and there a false yes weighs most: with .01 right
and .01 wrongly accepted half of what is accepted is wrong, whatever it is elsewhere. So prompts that are accepted about
as often are taken together, and each such class has its weight among all prompts, however many of it were labelled.

Within a class the labelled prompts must be as good as chosen at random, and so the labelled samples of a prompt among
those with the same verdict. Every labelled prompt counts as one yes or no, which is at most too wide.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.stats import beta

from theory.estimation.records import Estimate

CLASSES = (0.25, 0.5, 0.75)  # of prompts, by the share of their samples that is accepted
FEWEST_PROMPTS = 10
BOTH = 0.975  # level of two intervals that hold together in 95 %
FEW = f"fewer than {FEWEST_PROMPTS} prompts with a labelled sample that it "


@dataclass(frozen=True)
class VerifierErrors:
    """What labels say of a verifier; each number with its 95 % interval, and doubts where labels are too few."""

    accepted: int
    """labelled samples that it accepts"""
    rejected: int
    precision: Estimate
    """P(C|V): the share of accepted samples that are right"""
    recall: Estimate
    """P(V|C): the share of right samples that are accepted"""
    accuracy: Estimate
    """P(C): the share of samples that are right, whatever it says"""
    end: Estimate
    """accuracy where training on it ends, mean over the prompts on which it accepts a sample"""


def verifier_errors(
    prompt: Int[np.ndarray, " rows"], accepted: Bool[np.ndarray, " rows"], right: Float[np.ndarray, " rows"]
) -> VerifierErrors:
    """prompt: its number, 0, 1, ..; right: 1 or 0 where a sample is labelled, nan where it is not.    [T27]

    Unknown is what no label tells: [0, 1] of the classes of prompts without one. ValueError: other labels, lengths.

    Forty prompts, four samples of each, half of which are accepted; one accepted sample of each prompt is labelled, and
    every eighth of these is wrong:

    >>> prompt, accepted = np.repeat(np.arange(40), 4), np.tile([True, True, False, False], 40)
    >>> right = np.full(160, np.nan)
    >>> right[::4] = np.arange(40) % 8 > 0
    >>> end = verifier_errors(prompt, accepted, right).end
    >>> round(end.value, 3), round(end.low, 2), round(end.high, 2)
    (0.875, 0.73, 0.96)
    """
    labelled = ~np.isnan(right)
    if not prompt.shape == accepted.shape == right.shape or not np.isin(right[labelled], (0, 1)).all():
        raise ValueError("right must be 0, 1 or nan, one for each sample")
    number = np.bincount(prompt)
    share = np.bincount(prompt, accepted) / number
    of_accepted, of_rejected = (_by_prompt(prompt, labelled & verdict, right) for verdict in (accepted, ~accepted))
    v = float(share.mean())
    end = _mean(of_accepted, share, (share > 0).astype(float), 0.95)
    precision = _mean(of_accepted, share, share, 0.95)
    few = [_doubts(known, verb) for known, verb in ((of_accepted, "accepts"), (of_rejected, "rejects"))]
    # vπ of all samples are accepted and right, (1 - v)o are rejected and right. Recall is a quotient of both: its least
    # value has the first at its least and the second at its most, and two intervals at 97.5 % hold together in 95 %.
    yes = v * np.array(_mean(of_accepted, share, share, BOTH))
    no = (1 - v) * np.array(_mean(of_rejected, share, 1 - share, BOTH))
    recall = yes / np.maximum(yes + no[[0, 2, 1]], 1e-300)
    doubts = (*few[0], *(few[1] if v < 1 else ()))
    return VerifierErrors(
        int(np.sum(labelled & accepted)),
        int(np.sum(labelled & ~accepted)),
        *(
            Estimate(float(value), float(low), float(high), own)
            for (value, low, high), own in ((precision, few[0]), (recall, doubts), (yes + no, doubts), (end, few[0]))
        ),
    )


def _doubts(known, verb):
    """Prompts are counted and not labels: ten labels of one prompt are hardly more than one."""
    return (f"{FEW}{verb}",) if np.sum(~np.isnan(known)) < FEWEST_PROMPTS else ()


def _by_prompt(prompt, chosen, right):
    """The share of the chosen samples of each prompt that are right; nan where there are none."""
    number = np.bincount(prompt, chosen)
    total = np.bincount(prompt[chosen], right[chosen], len(number))
    return np.divide(total, number, out=np.full(len(number), np.nan), where=number > 0)


def _mean(known, share, weight, level):
    """(value, low, high) of the weighted mean over prompts of what is known of some of them, class by class.

    Clopper and Pearson for the number of yes or no that would be as good as these classes, Σ(W_c²/n_c) to the -1
    (Korn and Graubard, Survey Methodology 24, 1998). A class without labels may have any value.
    """
    if not weight.any():
        return 0.0, 0.0, 0.0
    place = np.searchsorted(CLASSES, share)
    of_class = np.bincount(place, weight) / weight.sum()
    told = ~np.isnan(known)  # there the weight is above 0
    number = np.bincount(place[told], minlength=len(of_class))
    if not told.any():
        return np.nan, 0.0, 1.0
    mean = np.bincount(place[told], known[told], len(of_class)) / np.maximum(number, 1)
    seen = float(of_class[number > 0].sum())
    value = float(np.sum(of_class * mean)) / seen
    n = seen**2 / float(np.sum((of_class**2 / np.maximum(number, 1))[number > 0]))
    yes, tail = value * n, (1 - level) / 2
    low = beta.ppf(tail, yes, n - yes + 1) if yes > 0 else 0.0
    high = beta.ppf(1 - tail, yes + 1, n - yes) if yes < n else 1.0
    return value, float(seen * low), float(seen * high + 1 - seen)
