"""Cluster bootstrap over prompts: a prompt and all its samples are drawn together, for prompts are what generalises.

Samples of one prompt are alike: sixteen right answers to an easy prompt are one piece of news, not sixteen. An interval
that drew samples singly would be far too narrow, and narrower the more samples were taken. Drawing whole prompts asks
the question that matters, what another set of such prompts would have shown, and needs no model of how samples depend.

Draws are made once and shared. A number is then known in each draw, and so are its difference from another number on
the same prompts, their ratio, and any function of several: what prompts have in common cancels, draw by draw.

>>> bootstrap = ClusterBootstrap(50, np.random.default_rng(0))
>>> before = np.random.default_rng(1).uniform(0, 1, 50)  # accuracy of fifty prompts, which differ a lot
>>> after = before + 0.02 + 0.02 * np.random.default_rng(2).normal(size=50)  # each a little better
>>> difference = bootstrap.mean_of(after) - bootstrap.mean_of(before)
>>> [tuple(round(end, 2) for end in number.interval()) for number in (bootstrap.mean_of(after), difference)]
[(0.46, 0.62), (0.01, 0.03)]
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.stats import norm, t

DRAWS = 2000
MOST_CLUSTERS = 2000
MOST_KEPT = 4  # sets of draws, of 8 MB at most


@dataclass(frozen=True, eq=False)
class Resampled:
    """A number, what it is in each draw of prompts (and seeds), and without each one of them in turn.

    Numbers that share their draws are paired: what makes a prompt hard for both cancels in their difference, and
    function_of makes a ratio, or any other smooth function, of several. Without an interval (a single prompt) the
    draws are nan.
    """

    value: float
    draws: Float[np.ndarray, " draws"]
    without: Float[np.ndarray, " units"]
    prompts: int

    def __sub__(self, other: "Resampled") -> "Resampled":
        """The paired difference: both numbers in the same draws of prompts."""
        return function_of(np.subtract, self, other)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The BCa interval; (nan, nan) where a draw is not known, or with a single prompt."""
        low, high = bca(
            np.array([self.value]),
            self.draws[:, None],
            (self.value - self.without)[:, None],
            self.prompts,
            level,
        )[:, 0]
        return float(low), float(high)

    @property
    def sign(self) -> int:
        """1 or -1 where the 95 % interval lies on one side of 0, else 0."""
        low, high = self.interval()
        return int(low > 0) - int(high < 0)


def function_of(function: Callable[..., Any], *numbers: Resampled) -> Resampled:
    """function of the values, in each draw, and without each prompt or seed; it must take arrays.

    The numbers must come of one bootstrap, or nothing is paired. `without` gives the jackknife's influence of each
    prompt on the result, whatever the function: that is where the skewness of the interval comes from.
    """
    return Resampled(
        float(function(*(number.value for number in numbers))),
        np.asarray(function(*(number.draws for number in numbers)), float),
        np.asarray(function(*(number.without for number in numbers)), float),
        numbers[0].prompts,
    )


class ClusterBootstrap:
    """Draws of prompts with replacement, made once, for the mean of any quantity over the same prompts.

    More than 2,000 prompts are drawn in 2,000 random groups: the mean of group totals has the same variance.

    How often each prompt is in each draw is one table of 2,000 rows, and the means of any number of quantities in all
    draws are one product of matrices.
    """

    def __init__(self, prompts: int, generator: np.random.Generator):
        self.prompts = prompts
        clusters = min(prompts, MOST_CLUSTERS)
        self.group = generator.permutation(prompts) % clusters if prompts > clusters else None
        self.drawn = _counts(clusters, generator) / clusters

    def means(self, values: Float[np.ndarray, "prompts quantity"]) -> Float[np.ndarray, "draws quantity"]:
        """The mean over prompts of each quantity in each draw."""
        return self.drawn @ self._clusters(values)

    def interval(
        self, values: Float[np.ndarray, "prompts quantity"], level: float = 0.95
    ) -> Float[np.ndarray, "2 quantity"]:
        """The BCa interval of the mean over prompts. A single prompt has none: nan."""
        values = self._clusters(values)
        middle = values.mean(axis=0)
        return bca(middle, self.drawn @ values, values - middle, self.prompts, level)

    def mean_of(self, values: Float[np.ndarray, " prompts"]) -> Resampled:
        """The mean over prompts, to be made into a difference or a ratio with others of the same prompts."""
        return self.mean_over_seeds(values[:, None], np.ones((DRAWS, 1)), 0, 1)

    def mean_over_seeds(
        self,
        values: Float[np.ndarray, "prompts seeds"],
        seeds: Float[np.ndarray, "draws seeds"],
        place: int,
        places: int,
    ) -> Resampled:
        """The mean over prompts and seeds, to be compared with those of other runs on the same prompts.

        seeds: the share of each seed in each draw (seed_draws). Among the `places` seeds of all the runs that are
        compared those of this one begin at `place`: without one of them only this mean changes.
        """
        clusters, value = self._clusters(values), float(values.mean())
        by_cluster, by_seed = clusters.mean(axis=1), values.mean(axis=0)
        without_seed = np.full(places, value)
        without_seed[place : place + len(by_seed)] = _without_each(by_seed)
        draws = np.sum((self.drawn @ clusters) * seeds, axis=1) if self.prompts > 1 else np.full(DRAWS, np.nan)
        without = np.concatenate([_without_each(by_cluster), without_seed])
        return Resampled(value, draws, without, self.prompts)

    def _clusters(self, values):
        """The values, or the totals of the groups scaled so that their mean is the mean over prompts."""
        if self.group is None:
            return values
        clusters = self.drawn.shape[1]
        total = np.stack([np.bincount(self.group, column, clusters) for column in values.T], axis=1)
        return total * (clusters / self.prompts)


_known: dict[tuple[Any, ...], tuple[np.ndarray, Any]] = {}  # the latest draws, and where the generator was left


def _counts(clusters: int, generator: np.random.Generator) -> np.ndarray:
    """How often each cluster is in each draw. Those of one state are made once: 2,000 clusters take .3 seconds."""
    state = generator.bit_generator.state
    key = (clusters, repr(state))
    if key not in _known:
        counts = generator.multinomial(clusters, np.full(clusters, 1 / clusters), size=DRAWS)
        _known[key] = counts.astype(np.uint16), generator.bit_generator.state
        while len(_known) > MOST_KEPT:
            del _known[next(iter(_known))]
    counts, generator.bit_generator.state = _known[key]
    return counts


def seed_draws(seeds: int, generator: np.random.Generator) -> Float[np.ndarray, "draws seeds"]:
    """The share that each seed has in a draw of n - 1 out of n of them; a single one has all of it.

    The mean of n - 1 out of n has variance s²/n (Rao and Wu, JASA 83, 1988); n out of n would have (n - 1)/n of it,
    which is half with two seeds. With one seed an interval does not cover what another seed would have done.

    >>> seed_draws(2, np.random.default_rng(0)).shape  # with two, each draw is one of them
    (2000, 2)
    """
    if seeds == 1:
        return np.ones((DRAWS, 1))
    return generator.multinomial(seeds - 1, np.full(seeds, 1 / seeds), size=DRAWS) / (seeds - 1)


def bca(
    value: Float[np.ndarray, " quantity"],
    draws: Float[np.ndarray, "draws quantity"],
    influence: Float[np.ndarray, "units quantity"],
    prompts: int,
    level: float = 0.95,
) -> Float[np.ndarray, "2 quantity"]:
    """BCa interval, widened for few prompts as Student's t is against the normal.

    influence: how each drawn unit moves the number, up to a factor: its deviation from a mean, or the jackknife's.
    BCa (Efron, JASA 82, 1987) moves the percentiles for bias and skewness: a prompt that is nearly always or nearly
    never solved makes for a skewed mean. The bootstrap's spread is √((P-1)/P) too small and its tails are normal;
    the quantiles that make up for both are taken from the start (Hesterberg, The American Statistician 69, 2015).
    nan where a draw is nan, or with fewer than two prompts.

    Plain percentiles assume that the number's error is spread evenly about it and alike wherever the truth lies. shift
    is how far the share of draws below the number is from half (its bias, in normal deviates), acceleration how its
    spread changes with it: a sixth of its skewness. Where both are 0, for a symmetric mean, the percentiles stay.
    shift is held within ±1.28: a number with nine tenths of its draws on one side tells of ties, not of bias.
    """
    found = np.full((2, len(value)), np.nan)
    told = np.isfinite(draws).all(axis=0) & np.isfinite(value)
    if prompts < 2:
        return found
    value, draws, influence = value[told], draws[:, told], influence[:, told]
    spread = np.sum(influence**2, axis=0)
    # 0 for a constant column, whose interval is its value.
    acceleration = np.sum(influence**3, axis=0) / np.maximum(6 * spread**1.5, 1e-300)
    # Means of counts are often equal, and their last digits are not: rounding must not decide what lies below.
    rounding = 1e-12 * (1 + np.abs(value))
    below = (np.mean(draws < value - rounding, axis=0) + np.mean(draws <= value + rounding, axis=0)) / 2
    shift = norm.ppf(np.clip(below, 0.1, 0.9))
    quantile = np.sqrt(prompts / (prompts - 1)) * t.ppf((1 - level) / 2, prompts - 1)
    for end, z in enumerate((quantile, -quantile)):
        tail = norm.cdf(shift + (shift + z) / (1 - acceleration * (shift + z)))
        found[end, told] = [np.quantile(column, q) for column, q in zip(draws.T, tail, strict=True)]
    return found


def _without_each(values: Float[np.ndarray, " units"]) -> Float[np.ndarray, " units"]:
    """The mean without each value in turn; the mean itself where there is only one.

    From the sum less one value: n subtractions in place of n means.
    """
    if len(values) == 1:
        return values.copy()
    return (values.sum() - values) / (len(values) - 1)


def mean_interval(
    values: Float[np.ndarray, " prompts"], generator: np.random.Generator, level: float = 0.95
) -> tuple[float, float, float]:
    """(mean, low, high) over the prompts where values is known, that is not nan; nan for fewer than two.

    What is unknown is left out of the mean and of the draws alike: the interval is of the prompts that say anything,
    and a caller has to ask whether those are like the others.
    """
    known = values[~np.isnan(values)]
    if len(known) < 2:
        return np.nan, np.nan, np.nan
    low, high = ClusterBootstrap(len(known), generator).interval(known[:, None], level)[:, 0]
    return float(known.mean()), float(low), float(high)
