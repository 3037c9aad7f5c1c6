"""Reweighting to a target whose length term is fitted to the samples themselves, and fitted anew without each of them.

A term that is kept while a sample is left away hides how much of the answer is that sample: of a length that one sample
has nothing is known but p itself, and yet its term fits perfectly.    [T18, T20, T23]

Two targets have such a term. Trajectory balance takes λ |y| off the score, one λ a prompt, the root of an equation over
all its samples. Content alone takes off the log mean of e^score over the equally long, one number a length. Either way
the weights then have mean 1 by construction, over the prompt or over each length: so E_p[e^t] = 1, and KL(q‖p) = E_q[t]
without a log Z to be estimated.

What it costs: the jackknife has no closed form any more, and each round fits the terms anew.
"""

import numpy as np
from jaxtyping import Float

from theory.estimation.length_term import length_terms, same_length
from theory.estimation.samples import Rollouts
from theory.estimation.smoothing import smoothed
from theory.estimation.target import Prompts, Reweighted, Target
from theory.vocabulary import LengthControl

MOST_GROUPS = 16  # of the jackknife: with more samples than that a group of them is left away
Rows = Float[np.ndarray, " rows"]


def reweight_controlled(rollouts: Rollouts, target: Target, score: Rows, ks: tuple[int, ...] = ()) -> Reweighted:
    """As theory.estimation.reweight.reweight; score: that of the target without its length term.

    Effective samples are counted before smoothing, which would make them look like more. For content the samples whose
    length nobody else has move nothing by themselves (their weight is p's own); what they would add, were they like
    the others, is put in and counted as unknown.
    """
    control = target.length_control
    tilt = score - length_terms(control, rollouts, score)
    kept = _weight(rollouts, tilt)
    effective = _effective(rollouts, control, kept)
    score, pareto_k = _smoothed(rollouts, control, score, tilt)
    plain, weight = _plain(rollouts, control, score, ks)
    bias = _jackknife(rollouts, control, score, ks, plain)
    value = {name: plain[name] - np.nan_to_num(bias[name]) for name in plain}
    untold = {}
    if control == LengthControl.CONTENT:
        base, _ = _plain(rollouts, control, np.zeros_like(score), ks)
        untold = _of_lengths_seen_once(rollouts, {name: value[name] - base[name] for name in value})
        value = {name: value[name] + untold[name] for name in value}
    return Reweighted(value, bias, effective, weight, pareto_k, untold)


def _weight(rollouts: Rollouts, tilt: Rows) -> Rows:
    """Normalised once more: a mean of 1 is met to the tolerance of the root alone.

    An accuracy is then a mean of its samples, within [0, 1] but for rounding, as pass@k needs it.
    """
    weight = np.exp(tilt)
    return weight / rollouts.each(rollouts.sum(weight))


def _plain(rollouts: Rollouts, control: str, score: Rows, ks: tuple[int, ...]) -> tuple[dict[str, Prompts], Rows]:
    """The estimates with all samples, and the weights. E_p[e^t] is 1 by the length term, so that KL = E_q[t].

    Entropy needs no estimate of its own: -log q = -log p - t, response by response.
    """
    tilt = score - length_terms(control, rollouts, score)
    weight = _weight(rollouts, tilt)
    columns = {
        "accuracy": rollouts.reward,
        "length": rollouts.length,
        "log_p": rollouts.log_p,
        "finished": rollouts.finished.astype(float),
        "kl": tilt,
    }
    value = {name: rollouts.sum(weight * column) for name, column in columns.items()}
    value["entropy"] = -value["log_p"] - value["kl"]
    for k in ks:
        value[f"pass@{k}"] = 1 - (1 - np.clip(value["accuracy"], 0, 1)) ** k
    return value, weight


def _jackknife(
    rollouts: Rollouts, control: str, score: Rows, ks: tuple[int, ...], plain: dict[str, Prompts]
) -> dict[str, Prompts]:
    """(g - 1)(mean estimate without each of g groups - estimate): every group is one sample up to 16 a prompt.

    Sixteen rounds and not one a sample: each fits all terms anew. Leaving out groups removes the same bias of order
    1/n, with more noise of its own, which is little beside that of the estimate. nan for a prompt with a single sample.
    """
    number = np.arange(len(score)) - rollouts.each(rollouts.start)
    groups = np.minimum(rollouts.count, MOST_GROUPS)
    most = int(groups.max())
    total = {name: np.zeros(len(groups)) for name in plain}
    for out in range(most):
        stays = (number % MOST_GROUPS != out) | rollouts.each(rollouts.count == 1)
        fewer, _ = _plain(rollouts.rows(stays), control, score[stays], ks)
        for name in plain:
            total[name] += fewer[name] - plain[name]  # 0 for a prompt that has no group of this number
    return {name: np.where(groups > 1, (groups - 1) * total[name] / groups, np.nan) for name in plain}


def _effective(rollouts: Rollouts, control: str, weight: Rows) -> Prompts:
    """1/Σ w²; where each length keeps its probability, the harmonic mean over samples of that of their length.

    Weights that are equal between lengths and unequal within them tell nothing of content, however many lengths there
    are: a length with one sample has one effective sample, and samples of other lengths cannot stand in for it. The
    harmonic mean, because variances add up.
    """
    if control != LengthControl.CONTENT:
        return 1 / rollouts.sum(weight**2)
    same = same_length(rollouts)
    square = np.bincount(same.group, weight**2)  # Σ over one length of w², and its weights add up to size/n there
    inverse = square * (rollouts.count[same.prompt] / same.size) ** 2
    share = same.size / rollouts.count[same.prompt]
    return 1 / np.bincount(same.prompt, share * inverse)


def _smoothed(rollouts: Rollouts, control: str, score: Rows, tilt: Rows) -> tuple[Rows, float]:
    """The score with the tail of e^t smoothed, as seen from the mean of those samples that share a term.

    The smoothed score goes through the fit again, so that its weights have mean 1 as well.
    """
    if control == LengthControl.CONTENT:
        same = same_length(rollouts)
        middle = (np.bincount(same.group, tilt) / same.size)[same.group]
        several = same.size[same.group] > 1
    else:
        middle, several = rollouts.each(rollouts.mean(tilt)), np.ones(len(tilt), bool)
    found, pareto_k = smoothed((tilt - middle)[several])
    moved = np.zeros(len(tilt))
    moved[several] = found - (tilt - middle)[several]
    return score + moved, pareto_k


def _of_lengths_seen_once(rollouts: Rollouts, moved: dict[str, Prompts]) -> dict[str, Prompts]:
    """What the samples that have no equal in length would add, if they moved as the others do on average.

    moved: what sharpening changed in each quantity, by those that have an equal. Without this the change would be too
    small by the share of lone samples, always towards none.
    """
    same = same_length(rollouts)
    alone = np.bincount(same.prompt, same.size * (same.size == 1)) / rollouts.count
    seen = max(1 - float(alone.mean()), 1e-9)
    return {name: alone * float(effect.mean()) / seen for name, effect in moved.items()}
