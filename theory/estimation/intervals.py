"""Cluster bootstrap over prompts: a prompt and all its samples are drawn together, for prompts are what generalises."""

import numpy as np
from jaxtyping import Float
from scipy.stats import norm, t

DRAWS = 2000
MOST_CLUSTERS = 2000


class ClusterBootstrap:
    """Draws of prompts with replacement, made once, for the mean of any quantity over the same prompts.

    More than 2,000 prompts are drawn in 2,000 random groups: the mean of group totals has the same variance.
    """

    def __init__(self, prompts: int, generator: np.random.Generator):
        self.prompts = prompts
        clusters = min(prompts, MOST_CLUSTERS)
        self.group = generator.permutation(prompts) % clusters if prompts > clusters else None
        self.drawn = generator.multinomial(clusters, np.full(clusters, 1 / clusters), size=DRAWS) / clusters

    def means(self, values: Float[np.ndarray, "prompts quantity"]) -> Float[np.ndarray, "draws quantity"]:
        return self.drawn @ self._clusters(values)

    def interval(
        self, values: Float[np.ndarray, "prompts quantity"], level: float = 0.95
    ) -> Float[np.ndarray, "2 quantity"]:
        """BCa interval of the mean over prompts, widened for few prompts as Student's t is against the normal.

        BCa (Efron, JASA 82, 1987) moves the percentiles for bias and skewness: a prompt that is nearly always or nearly
        never solved makes for a skewed mean. The bootstrap's spread is √((P-1)/P) too small and its tails are normal;
        the quantiles that make up for both are taken from the start (Hesterberg, The American Statistician 69, 2015).
        A single prompt has no interval: nan.
        """
        if self.prompts < 2:
            return np.full((2, values.shape[1]), np.nan)
        values = self._clusters(values)
        means, middle = self.drawn @ values, values.mean(axis=0)
        deviation = values - middle
        with np.errstate(invalid="ignore"):  # 0/0 for a constant column, whose interval is its value
            skewness = np.mean(deviation**3, axis=0) / np.mean(deviation**2, axis=0) ** 1.5
        acceleration = np.nan_to_num(skewness) / (6 * np.sqrt(len(values)))
        below = np.mean(means < middle, axis=0) + np.mean(means == middle, axis=0) / 2
        shift = norm.ppf(np.clip(below, 0.1, 0.9))
        quantile = np.sqrt(self.prompts / (self.prompts - 1)) * t.ppf((1 - level) / 2, self.prompts - 1)
        ends = []
        for z in (quantile, -quantile):
            tail = norm.cdf(shift + (shift + z) / (1 - acceleration * (shift + z)))
            ends.append([np.quantile(column, q) for column, q in zip(means.T, tail, strict=True)])
        return np.array(ends)

    def _clusters(self, values):
        """The values, or the totals of the groups scaled so that their mean is the mean over prompts."""
        if self.group is None:
            return values
        clusters = self.drawn.shape[1]
        total = np.stack([np.bincount(self.group, column, clusters) for column in values.T], axis=1)
        return total * (clusters / self.prompts)


def mean_interval(
    values: Float[np.ndarray, " prompts"], generator: np.random.Generator, level: float = 0.95
) -> tuple[float, float, float]:
    """(mean, low, high) over the prompts where values is known, that is not nan; nan for fewer than two."""
    known = values[~np.isnan(values)]
    if len(known) < 2:
        return np.nan, np.nan, np.nan
    low, high = ClusterBootstrap(len(known), generator).interval(known[:, None], level)[:, 0]
    return float(known.mean()), float(low), float(high)
