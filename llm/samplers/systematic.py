"""Systematic resampling: copies in proportion to weights, with as little chance as whole numbers allow."""

import torch
from jaxtyping import Float, Int


def systematic_counts(
    weight: Float[torch.Tensor, " n"], total: int, offset: Float[torch.Tensor, ""]
) -> Int[torch.Tensor, " n"]:
    """How many of total copies each entry gets: W_i total rounded up or down, and that on average for a uniform offset.

    The comb offset, offset + 1, .. is laid over the cumulated weights (W = weight/Σ weight); zero weight, no copy.
    """
    teeth = (weight.cumsum(0) / weight.sum() * total + offset).floor().long().clamp(max=total)
    teeth[-1] = total  # whatever sums are rounded to
    return torch.diff(teeth, prepend=torch.zeros(1, dtype=torch.long))
