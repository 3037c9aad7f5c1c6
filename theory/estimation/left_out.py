"""Estimates with one sample of a prompt left away, for each sample in turn, in closed form: the jackknife.    [T23]

An estimate from n samples that is off by c/n on average is off by c/(n-1) from n - 1 of them. So n times the one less
n - 1 times the mean of the other is off by 1/n² only, and the correction, (n-1)(mean of those with one sample less -
estimate), says how large the bias was. Nothing need be known of c.

For weighted means it also finds what no average of weights shows: a prompt whose answer is that of one sample changes
altogether when that sample is left away. In closed form, because n estimates of n samples each would cost n times as
much.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from theory.estimation.samples import Rollouts
from theory.reweighting import log_total

Rows = Float[np.ndarray, " rows"]
Prompts = Float[np.ndarray, " prompts"]


class LeftOut:
    """Means with one sample left away, for each sample in turn, in closed form.

    E_{-i}[f] = E[f] + w_i/(1 - w_i) (E[f] - f_i). For the heaviest sample of a prompt 1 - w_i may be lost to
    rounding, so the rest of the prompt is weighed anew without it.
    """

    def __init__(self, rollouts: Rollouts, weigh: Callable[[Rows], Rows], score: Rows, weight: Rows):
        """weigh: scores -> weights, as these weights came of the score.

        The heaviest sample of each prompt is set apart, the first of several. All others have w <= 1/2, so that
        w/(1 - w) is at most 1 and loses nothing; for it alone the rest is weighed anew, from scores and not from 1 - w.
        """
        self.rollouts = rollouts
        rows = np.arange(len(score))
        ranked = np.where(weight == rollouts.each(rollouts.max(weight)), rows, len(rows))
        self.heaviest = np.minimum.reduceat(ranked, rollouts.start)
        without = score.astype(float).copy()
        without[self.heaviest] = -np.inf
        alone = rollouts.count == 1
        without[self.heaviest[alone]] = 0.0  # nothing is left; the caller discards these
        self.rest = weigh(without)
        self.rest_log_z = log_total(without, rollouts.start) - np.log(rollouts.count)
        light = np.ones(len(score), bool)
        light[self.heaviest] = False
        self.ratio = weight / np.where(light, 1 - weight, np.inf)

    def means(self, weight: Rows, values: Rows) -> Rows:
        """E_{-i}[values] at every row i."""
        mean = self.rollouts.each(self.rollouts.sum(weight * values))
        left = mean + self.ratio * (mean - values)
        left[self.heaviest] = self.rollouts.sum(self.rest * values)
        return left

    def mean(self, weight: Rows, values: Rows) -> Prompts:
        """The average of E_{-i}[values] over a prompt's samples i."""
        return self.rollouts.mean(self.means(weight, values))

    def log_z(self, log_z: Prompts) -> Prompts:
        """The average over i of log mean_{j != i} e^{t_j}.

        Of an estimate of log Z, which is biased too: the logarithm of a mean is too small on average.
        """
        n = self.rollouts.count
        fewer = np.maximum(n - 1, 1)
        # log(Σ - e^{t_i}) = log Σ + log(1 - w_i), and 1 - w = 1/(1 + ratio)
        left = self.rollouts.each(log_z + np.log(n / fewer)) - np.log1p(self.ratio)
        left[self.heaviest] = self.rest_log_z + np.log(n / fewer)
        return self.rollouts.mean(left)

    def share_of_face(self, weight: Rows) -> Prompts:
        """exp of the average over i of the log share of the other samples that lie on the face.

        Of n samples m lie on it: n - m times m/(n-1) stay, m times (m-1)/(n-1). A lone one that is left away leaves
        the next best to be the face.
        """
        n, on_face = self.rollouts.count, weight > 0
        m = self.rollouts.sum(on_face.astype(float))
        fewer = np.maximum(n - 1, 1)
        left = self.rollouts.each(m) - on_face
        left[self.heaviest] = self.rollouts.sum((self.rest > 0).astype(float))
        return np.exp(self.rollouts.mean(np.log(left / self.rollouts.each(fewer))))

    def log_p_of_modes(self, weight: Rows) -> Prompts:
        """The average over i of log Σ p over the different responses with weight among the others, see log_p_of.

        Leaving out a sample whose response stands there again changes nothing; one that stands there once takes its own
        probability with it.
        """
        copies, single = self.rollouts.different.copies, self.rollouts.different.copies == 1
        total = log_p_of(self.rollouts, weight)
        own = np.where((weight > 0) & single, np.exp(self.rollouts.log_p - self.rollouts.each(total)), 0.0)
        left = self.rollouts.each(total) + np.log1p(-np.minimum(own, 1 - 1e-12))
        heaviest = self.heaviest
        alone = log_p_of(self.rollouts, self.rest)
        left[heaviest] = np.where(copies[heaviest] > 1, total, alone)
        return self.rollouts.mean(left)


def log_p_of(rollouts: Rollouts, weight: Rows) -> Prompts:
    """log Σ p(y) over the different responses with some weight: -KL of the policy that keeps p's proportions there.

    At alpha = inf these are the modes. Several responses with the largest log p share the policy; one has all of it.
    """
    share = np.where(weight > 0, rollouts.log_p - np.log(rollouts.different.copies), -np.inf)
    return np.asarray(log_total(share, rollouts.start))
