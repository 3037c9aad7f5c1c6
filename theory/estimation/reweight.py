"""Any optimum from base rollouts: reweight the samples of each prompt, and see what one sample fewer would have said.

From y_i ~ p the optimum q ∝ p e^t is reached by w_i ∝ e^{t_i},

    t = (alpha - 1) log p/|y|^kappa + b r - length term             [T23; T20 for kappa; llm.training.length_returns]

and the limits of sharpening (alpha = inf) and of a task reward (b = inf) by equal weights on the samples with the
largest log p/|y|^kappa or r: the face of the simplex that the flow ends on keeps p's proportions [T8].
The weights are normalised prompt by prompt, which is biased by O(1/n). The jackknife, here in closed form, estimates
that bias: a prompt whose answer hangs on one sample is found out by leaving that sample away.

Order of the steps. Effective samples are counted first, of the weights as they are. Then the largest are replaced by
those of a fitted tail (smoothing): their sizes are chance, their number is not. Then means, and the same without each
sample; last the correction. Smoothing is of all prompts together, since one prompt has too few samples for a tail, and
normalisation prompt by prompt, since Z is each prompt's own.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float

from theory.budget import Frontier
from theory.estimation.left_out import LeftOut, log_p_of
from theory.estimation.length_controlled import reweight_controlled
from theory.estimation.length_term import fit_length_term, length_terms
from theory.estimation.samples import Rollouts, probability_seen
from theory.estimation.smoothing import smoothed
from theory.estimation.target import Prompts, Reweighted, Target
from theory.reweighting import effective_sample_size, limit_score, log_total, log_weights, tilt_score
from theory.score_noise import log_weight_bonus, weighted_excess
from theory.vocabulary import LengthControl

__all__ = ["Prompts", "Reweighted", "Target", "enumerated", "exact", "plain_weights", "reweight", "score_of"]


def reweight(rollouts: Rollouts, target: Target, ks: tuple[int, ...] = ()) -> Reweighted:
    """Self-normalised importance sampling to the target, Pareto-smoothed [T23]. At (1, 0) the plain means.

    A quantity of a prompt is a weighted mean of a column, less the jackknife's estimate of its bias. pass@k is curved
    in accuracy, so it is computed with and without each sample by itself, and not from the corrected accuracy.
    What noise in log p does to it on average is taken out [T32].
    """
    found = _reweight(rollouts, target, ks)
    if not rollouts.log_p_noise or target.is_face or target.alpha == 1:
        return found
    value = dict(found.value)
    value["log_p"] = value["log_p"] - rollouts.sum(found.weight * noise_in(weighted_excess, rollouts, target))
    # E_q[t] has twice the bonus too much; once it is taken out of t already, by weighing_score.
    value["kl"] = value["kl"] - rollouts.sum(found.weight * noise_in(log_weight_bonus, rollouts, target))
    value["entropy"] = -value["log_p"] - value["kl"]
    value.pop("log_draws", None)  # the largest of noisy log p is the noisiest
    return found._replace(value=value)


def _reweight(rollouts: Rollouts, target: Target, ks: tuple[int, ...]) -> Reweighted:
    """The steps of the module's head in their order, for log p as they are given but for the bonus of their noise."""
    if target.has_length_term:
        free = weighing_score(rollouts, target._replace(length_control=LengthControl.NONE))
        return reweight_controlled(rollouts, target, free, ks)
    score = weighing_score(rollouts, target)
    top = None if target.is_face else _largest(rollouts, target, score)
    ess = effective_sample_size(_log_weights(rollouts, target, score), rollouts.start)
    pareto_k = np.nan
    if not target.is_face and target.alpha != 1:  # a reward's weights are at most e^b: there is no tail to smooth
        middle = rollouts.each(rollouts.mean(score))
        score, pareto_k = smoothed(score - middle)
        score = score + middle
    weight = _weights(rollouts, target, score)
    left_out = LeftOut(rollouts, lambda score: _weights(rollouts, target, score), score, weight)
    columns = {
        "accuracy": rollouts.reward,
        "length": rollouts.length,
        "log_p": rollouts.log_p,
        "finished": rollouts.finished.astype(float),
    }
    pairs = {name: (rollouts.sum(weight * x), left_out.mean(weight, x)) for name, x in columns.items()}
    pairs["kl"] = _kl(rollouts, target, score, weight, left_out)
    pairs["entropy"] = (-pairs["log_p"][0] - pairs["kl"][0], -pairs["log_p"][1] - pairs["kl"][1])
    if top is not None:
        log_z = log_total(score, rollouts.start) - np.log(rollouts.count)
        pairs["log_draws"] = (top - log_z, top - left_out.log_z(log_z))
    accuracy = left_out.means(weight, rollouts.reward)
    for k in ks:
        pairs[f"pass@{k}"] = 1 - (1 - pairs["accuracy"][0]) ** k, rollouts.mean(1 - (1 - accuracy) ** k)

    n = rollouts.count
    bias = {name: np.where(n > 1, (n - 1) * (fewer - all_), np.nan) for name, (all_, fewer) in pairs.items()}
    value = {name: all_ - np.nan_to_num(bias[name]) for name, (all_, _) in pairs.items()}
    return Reweighted(value, bias, ess, weight, pareto_k)


def plain_weights(rollouts: Rollouts, target: Target) -> Float[np.ndarray, " rows"]:
    """w_i ∝ e^{t_i}, normalised in each prompt, neither smoothed nor corrected.

    For what is drawn by them (votes, examples): a correction belongs to a mean and not to its samples.
    """
    return _weights(rollouts, target, weighing_score(rollouts, target))


def enumerated(rollouts: Rollouts, tolerance: float = 1e-6) -> Rollouts | None:
    """The distinct responses, if those of every prompt have all its probability: then any target is a finite sum.

    The sum is taken of e^{log p}, whatever the number of samples: repeated responses count once. Small answer spaces
    (a digit, a choice) come here after a few hundred samples, and then nothing is estimated but over prompts.
    """
    mass = probability_seen(rollouts)
    return rollouts.rows(rollouts.different.first) if (np.abs(mass - 1) <= tolerance).all() else None


def exact(rollouts: Rollouts, target: Target, ks: tuple[int, ...] = ()) -> Reweighted:
    """The same quantities where rows are all responses of a prompt, each once: sums, no estimates [T1, T4, T8].

    One formula for samples and sums: here a row counts p (log_mass = log p), there each counts alike. Effective samples
    are infinite, as nothing is missing.
    """
    score = score_of(rollouts, target, log_mass=rollouts.log_p)
    log_q = _log_weights(rollouts, target, score, rollouts.log_p)
    q = np.exp(log_q)
    value = {
        "accuracy": rollouts.sum(q * rollouts.reward),
        "length": rollouts.sum(q * rollouts.length),
        "log_p": rollouts.sum(q * rollouts.log_p),
        "finished": rollouts.sum(q * rollouts.finished),
        "entropy": -rollouts.sum(q * np.where(q > 0, log_q, 0.0)),
    }
    value["kl"] = -value["entropy"] - value["log_p"]
    if not target.is_face and not target.has_length_term:
        value["log_draws"] = _largest(rollouts, target, score) - log_total(score + rollouts.log_p, rollouts.start)
    value |= {f"pass@{k}": 1 - (1 - value["accuracy"]) ** k for k in ks}
    nothing = np.zeros(len(rollouts.start))
    return Reweighted(value, dict.fromkeys(value, nothing), np.full(len(nothing), np.inf), q, np.nan)


def score_of(
    rollouts: Rollouts, target: Target, log_mass: np.ndarray | None = None, base: Rollouts | None = None
) -> Float[np.ndarray, " rows"]:
    """t = log q - log p up to a constant of each prompt; at a limit, what grows without bound in it.

    log_mass: 0 where rows are samples of p, log p where they are all responses. base: samples of p on the same prompts,
    where the rollouts are not; the length term is theirs. The constant of a prompt drops out of its weights, and of a
    KL once log Z has been taken off.
    """
    if np.isinf(target.alpha):
        return rollouts.log_p / rollouts.length**target.kappa
    if np.isinf(target.b):
        return rollouts.reward
    score = tilt_score(rollouts.log_p, rollouts.reward, target.alpha, target.b, rollouts.length, target.kappa)
    if not target.has_length_term:
        return score
    if base is None and log_mass is None:
        return score - length_terms(target.length_control, rollouts, score)
    if base is not None:
        log_mass, fitted = None, score_of(base, target._replace(length_control=LengthControl.NONE))
    else:
        base, fitted = rollouts, score
    log_mass = np.zeros(len(fitted)) if log_mass is None else log_mass
    controlled = [
        fit_length_term(target.length_control, fitted[of_base], base.length[of_base], log_mass[of_base])(
            score[own], rollouts.length[own]
        )
        for of_base, own in zip(base.prompt_rows(), rollouts.prompt_rows(), strict=True)
    ]
    return np.concatenate(controlled)


def weighing_score(rollouts: Rollouts, target: Target) -> Float[np.ndarray, " rows"]:
    """score_of for weights of samples: without the length bonus that noise in log p has on average.    [T32]"""
    return score_of(rollouts, target) - noise_in(log_weight_bonus, rollouts, target)


def noise_in(quantity: Callable[..., Any], rollouts: Rollouts, target: Target) -> Float[np.ndarray, " rows"]:
    """log_weight_bonus or weighted_excess of every row; 0 at a limit, where noise has no mean effect.

    At a limit only the order of scores counts: noise may put another sample first, which no mean correction undoes.
    """
    if target.is_face or not rollouts.log_p_noise:
        return np.zeros(len(rollouts.log_p))
    return quantity(target.alpha, rollouts.log_p_noise, rollouts.length, target.kappa)


def _log_weights(rollouts: Rollouts, target: Target, score: np.ndarray, log_mass: np.ndarray | None = None):
    """Those of theory, with the score or, at a limit, with where it is largest.

    One formula for samples, whose rows count alike, and for lists of all responses, whose rows count p: two formulas
    could come to disagree.
    """
    return log_weights(limit_score(score, rollouts.start) if target.is_face else score, rollouts.start, log_mass)


def _weights(rollouts: Rollouts, target: Target, score: np.ndarray) -> np.ndarray:
    """Divided by their sum once more: after the exponential of a logarithm n equal weights would not quite be 1/n.

    It matters where counts are compared: equal weights that differ in the last digit would leave n - 1e-15 effective
    samples, and plain means would not be the plain means.
    """
    weight = np.exp(_log_weights(rollouts, target, score))
    return weight / rollouts.each(rollouts.sum(weight))


def _kl(rollouts, target, score, weight, left_out):
    """KL(q‖p) = E_q[t] - log E_p[e^t]: with all samples, and on average with one left out.

    Plain, it can never pass log n, since n samples can be no farther from equal weights: too small where q is far away.
    At a limit it is -log of the face's probability, which log p tells exactly for modes and shares of samples estimate
    for right answers.
    """
    if np.isinf(target.alpha):  # modes that tie share the policy; a single one has no entropy
        return -log_p_of(rollouts, weight), -left_out.log_p_of_modes(weight)
    if target.is_face:  # a face of correct answers has the probability of its share of the samples
        return -np.log(rollouts.mean(weight > 0)), -np.log(left_out.share_of_face(weight))
    log_z = log_total(score, rollouts.start) - np.log(rollouts.count)
    return rollouts.sum(weight * score) - log_z, left_out.mean(weight, score) - left_out.log_z(log_z)


def _largest(rollouts: Rollouts, target: Target, score: np.ndarray) -> Float[np.ndarray, " prompts"]:
    """The largest t of a prompt's responses, were the likeliest of them right: what rejection has to allow for.  [T28]

    log of the draws from p for one of q is this less log E_p[e^t]. A sampler does not know beforehand whether a
    response with a reward of 1 will come. Of samples it is a lower bound: the likeliest response may be none of them.
    For alpha < 1 the largest t is at the rarest response, which a sample is least likely to hold.
    """
    return rollouts.max(score - target.b * rollouts.reward) + target.b


def tilting_frontier(base: Rollouts) -> Frontier:
    """(KL(q‖p), accuracy) of q_{1,b} as b grows from 0, means over prompts, for theory.budget.reward_at.    [T5]

    For graded rewards too. b up to 12 multiplies odds by 160,000: what is right once in all samples is then the answer.
    """
    values = [reweight(base, Target(1.0, b)).value for b in (0.0, *np.geomspace(0.05, 12, 40))]
    return Frontier(*(np.array([value[name].mean() for value in values]) for name in ("kl", "accuracy")))
