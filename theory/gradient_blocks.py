"""The cosine of two gradients from blocks of prompts, without the bias of samples that meet themselves.

To ask a network whether sharpening and a task reward pull its parameters the same way one needs a·s, a and s being mean
gradients. Estimated from the same samples a·s is a sum over pairs of samples, and the pairs of a sample with itself are
not like the others: the score of one response times itself, |∇ log π|², is far larger than its product with another's.
That part knows nothing of the network beyond this batch, and would reproduce the correlation of the table. So prompts
are cut into blocks, and only gradients of different blocks are multiplied.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class BlockCosine(NamedTuple):
    """a·s/(|a||s|) and its jackknife standard error over blocks; nan where a gradient is lost in its noise."""

    value: float
    error: float


def block_cosine(
    cross: Float[np.ndarray, "blocks blocks"],
    reward: Float[np.ndarray, "blocks blocks"],
    log_p: Float[np.ndarray, "blocks blocks"],
) -> BlockCosine:
    """The cosine of a = E a_A and s = E s_A from cross = a_A·s_B, reward = a_A·a_B, log_p = s_A·s_B.    [T26]

    a_A and s_A are gradients of mean reward and mean log p on independent blocks of prompts, in any metric (divide by
    the roots of a diagonal Fisher matrix for F⁺). Only products of different blocks count: within a block a sample
    meets itself, which adds noise of one sign to |a|² and Σ (r - r̄)(ℓ - ℓ̄)|∇log π|², with the sign of the table's
    covariance, to a·s. Between blocks all three sums are unbiased; their quotient is biased by 1/blocks, as quotients
    are, and may lie outside [-1, 1]. Few blocks with much noise can make a sum of squares negative: then nan.
    ValueError: fewer than 3 blocks, which leave the jackknife nothing to compare; shapes.

    The jackknife leaves out a block, that is a row and a column of each table: blocks are the independent units, their
    products are not.

    Two gradients of 3,000 parameters that are the same, .5 in each, seen in forty blocks with opposite noise:

    >>> noise = 3 * np.random.default_rng(0).normal(size=(40, 3000))
    >>> a, s = 0.5 + noise, 0.5 - noise
    >>> round(float(_cosine((a.mean(0) @ s.mean(0), a.mean(0) @ a.mean(0), s.mean(0) @ s.mean(0)))), 1)
    0.1
    >>> found = block_cosine(a @ s.T, a @ a.T, s @ s.T)
    >>> round(found.value, 1), round(found.error, 1)
    (1.0, 0.1)
    """
    products = np.stack([cross, reward, log_p])
    blocks = len(cross)
    if blocks < 3 or products.shape != (3, blocks, blocks):
        raise ValueError(f"the products have shapes {products.shape[1:]}; give square tables of at least 3 blocks")
    within = np.trace(products, axis1=1, axis2=2)
    total = products.sum(axis=(1, 2)) - within
    diagonal = np.diagonal(products, axis1=1, axis2=2)
    without = total[:, None] - products.sum(axis=1) - products.sum(axis=2) + 2 * diagonal
    left_out = _cosine(without)
    error = np.sqrt((blocks - 1) / blocks * np.sum((left_out - np.mean(left_out)) ** 2))
    return BlockCosine(float(_cosine(total)), float(error))


def _cosine(sums):
    """cross/(√reward √log_p), nan where a square is not above zero. Roots first: small squares have no product."""
    cross, *squares = sums
    reward, log_p = (np.sqrt(np.where(np.greater(square, 0), square, np.nan)) for square in squares)
    return cross / (reward * log_p)
