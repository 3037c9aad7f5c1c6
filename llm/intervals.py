"""Cluster bootstrap over prompts: a prompt and all its samples are drawn together, for prompts are what generalises."""

import numpy as np
from jaxtyping import Float
from scipy.stats import norm, t

DRAWS = 2000
MOST_CLUSTERS = 2000


def bootstrap_means(
    values: Float[np.ndarray, "clusters quantity"], generator: np.random.Generator
) -> Float[np.ndarray, "draws quantity"]:
    """Means over clusters drawn with replacement."""
    counts = generator.multinomial(len(values), np.full(len(values), 1 / len(values)), size=DRAWS)
    return counts @ values / len(values)


def confidence_interval(
    values: Float[np.ndarray, "prompts quantity"], generator: np.random.Generator, level: float = 0.95
) -> Float[np.ndarray, "2 quantity"]:
    """BCa interval of the mean over prompts, widened for few prompts as Student's t is against the normal.

    BCa (Efron, JASA 82, 1987) moves the percentiles for bias and skewness: a prompt that is nearly always or nearly
    never solved makes for a skewed mean. The bootstrap's spread is √((P-1)/P) too small and its tails are normal; the
    quantiles that make up for both are taken from the start (Hesterberg, The American Statistician 69, 2015).
    More than 2,000 prompts are drawn in 2,000 random groups. A single prompt has no interval: nan.
    """
    prompts = len(values)
    if prompts < 2:
        return np.full((2, values.shape[1]), np.nan)
    if prompts > MOST_CLUSTERS:
        values = _grouped(values, generator)
    means = bootstrap_means(values, generator)
    deviation = values - values.mean(axis=0)
    with np.errstate(invalid="ignore"):  # 0/0 for a constant column, whose interval is its value
        skewness = np.mean(deviation**3, axis=0) / np.mean(deviation**2, axis=0) ** 1.5
    acceleration = np.nan_to_num(skewness) / (6 * np.sqrt(len(values)))
    below = np.mean(means < values.mean(axis=0), axis=0) + np.mean(means == values.mean(axis=0), axis=0) / 2
    shift = norm.ppf(np.clip(below, 0.1, 0.9))
    quantile = np.sqrt(prompts / (prompts - 1)) * t.ppf((1 - level) / 2, prompts - 1)
    ends = []
    for z in (quantile, -quantile):
        tail = norm.cdf(shift + (shift + z) / (1 - acceleration * (shift + z)))
        ends.append([np.quantile(column, q) for column, q in zip(means.T, tail, strict=True)])
    return np.array(ends)


def _grouped(values, generator):
    """Means of 2,000 random groups of prompts, as even as can be."""
    groups = generator.permutation(len(values)) % MOST_CLUSTERS
    size = np.bincount(groups, minlength=MOST_CLUSTERS)
    total = np.stack([np.bincount(groups, column, MOST_CLUSTERS) for column in values.T], axis=1)
    # Uneven sizes would bias the mean of group means, so each group is scaled to the common size.
    return total / size.mean()
