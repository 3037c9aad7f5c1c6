"""Systematic resampling: copies in proportion to weights, with as little chance as whole numbers allow."""

import torch
from jaxtyping import Float, Int


def systematic_counts(
    weight: Float[torch.Tensor, " n"], total: int, offset: Float[torch.Tensor, ""]
) -> Int[torch.Tensor, " n"]:
    """How many of total copies each entry gets: W_i total rounded up or down, and that on average for a uniform offset.

    The comb offset, offset + 1, .. is laid over the cumulated weights (W = weight/Σ weight); zero weight, no copy.
    """
    sums = weight.cumsum(0)  # their own last is the whole: one taken in another order may be rounded to more
    teeth = (sums / sums[-1] * total + offset).floor().long().clamp(max=total)
    return torch.diff(teeth, prepend=torch.zeros(1, dtype=torch.long))
