"""The forecast near the base model without weights: a Taylor expansion whose coefficients a few rollouts estimate.

With t = (alpha - 1) log p + b r, and moments under p prompt by prompt [T2, T23],
    accuracy  by theory.reweighting.cumulant_log_odds: logit A to second order in (alpha - 1), exact in b
    E_q[f]  ≈ E[f] + Cov(f, t) + κ(f, t, t)/2
    KL(q‖p) ≈ Var(t)/2 + κ(t, t, t)/3
It needs no effective sample size, and is wrong far from the base; the size of its next term says how far that is.

Why these coefficients. E_q[f] = E_p[f e^t]/E_p[e^t], and its derivatives along t at t = 0 are the joint cumulants of f
with t: mean, covariance, third cumulant. All are means of products of deviations within a prompt, which any number of
samples estimates with an error of known kind, where a weight e^t is ruled by the largest t. A second opinion near the
base model, of another kind of error than weights.
"""

import numpy as np
from scipy.special import expit

from theory.estimation.reweight import Reweighted, Target
from theory.estimation.samples import Rollouts
from theory.reweighting import cumulant_log_odds, cumulant_next_term, tilt_score

GROUPS = 8


def expand(rollouts: Rollouts, target: Target, ks: tuple[int, ...] = ()) -> Reweighted:
    """The expansion, corrected for the bias of moments from few samples (a jackknife over 8 groups of each prompt's).

    `bias` holds that correction and the size of the first term left out, which makes an expansion unreliable.

    Groups and not single samples are left out, since each time all moments are taken anew: eight rounds remove the
    bias of order 1/n as n rounds would, with a little more noise. Where any prompt has a single sample there are no
    groups, and no bias is known (nan).
    """
    value, left_out = _expand(rollouts, target, ks)
    number = np.arange(len(rollouts.log_p)) - rollouts.each(rollouts.start)
    groups = int(min(GROUPS, rollouts.count.min()))
    bias = dict.fromkeys(value, np.full(len(rollouts.start), np.nan))
    if groups > 1:
        fewer = [_expand(rollouts.rows(number % groups != g), target, ks)[0] for g in range(groups)]
        bias = {name: (groups - 1) * (np.mean([f[name] for f in fewer], axis=0) - value[name]) for name in value}
    return Reweighted(
        {name: value[name] - np.nan_to_num(bias[name]) for name in value},
        # Signed so that the mean over prompts adds the two sizes.
        {name: left_out[name] + np.sign(np.mean(bias[name])) * bias[name] for name in value},
        rollouts.count.astype(float),
        None,
        np.nan,
    )


def _expand(rollouts: Rollouts, target: Target, ks: tuple[int, ...]) -> tuple[dict, dict]:
    """(values, sizes of the first terms left out).

    pass@k by its slope k (1-A)^{k-1} in the accuracy. Entropy is -E log p - KL, its error at most the sum of theirs.
    """
    t = tilt_score(rollouts.log_p, rollouts.reward, target.alpha, target.b, rollouts.length, target.kappa)
    deviation = t - rollouts.each(rollouts.mean(t))

    def expectation(values):
        centred = values - rollouts.each(rollouts.mean(values))
        orders = [rollouts.mean(centred * deviation**m) for m in (1, 2, 3)]
        # The fourth joint cumulant is the moment less its Gaussian part; a sixth of it is the term of third order in t.
        fourth = orders[2] - 3 * orders[0] * rollouts.mean(deviation**2)
        return rollouts.mean(values) + orders[0] + orders[1] / 2, np.abs(fourth) / 6

    second, third = rollouts.mean(deviation**2), rollouts.mean(deviation**3)
    fourth = rollouts.mean(deviation**4) - 3 * second**2
    pairs = {
        "accuracy": _accuracy(rollouts, target),
        "length": expectation(rollouts.length),
        "log_p": expectation(rollouts.log_p),
        "finished": expectation(rollouts.finished.astype(float)),
        "kl": (second / 2 + third / 3, np.abs(fourth) / 8),
    }
    pairs["entropy"] = -pairs["log_p"][0] - pairs["kl"][0], pairs["log_p"][1] + pairs["kl"][1]
    for k in ks:
        accuracy, error = pairs["accuracy"]
        pairs[f"pass@{k}"] = 1 - (1 - accuracy) ** k, k * error * (1 - accuracy) ** (k - 1)
    return {name: value for name, (value, _) in pairs.items()}, {name: error for name, (_, error) in pairs.items()}


def _accuracy(rollouts: Rollouts, target: Target) -> tuple[np.ndarray, np.ndarray]:
    """(A, size of the next term). A prompt that has only correct or only wrong samples stays as it is [T24].

    In log-odds, where the expansion is exact in b and an accuracy cannot leave [0, 1]; A(1-A) takes the size of the
    next term from log-odds to accuracy.
    """
    per_length = rollouts.log_p / rollouts.length**target.kappa
    samples = {"start": rollouts.start, "log_mass": np.zeros(len(per_length))}
    log_odds = cumulant_log_odds(per_length, rollouts.reward, target.alpha, target.b, **samples)
    next_term = cumulant_next_term(per_length, rollouts.reward, target.alpha, **samples)
    solved = rollouts.mean(rollouts.reward)
    accuracy = np.where((solved > 0) & (solved < 1), expit(log_odds), solved)
    return accuracy, accuracy * (1 - accuracy) * next_term
