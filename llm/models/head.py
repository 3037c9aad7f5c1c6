"""The last layer in float32: the logits of a model of half precision without the rounding of the logits themselves.

A logit near 30 is known to .06 to .12 in bfloat16, and log p of a token is a difference of such numbers. The layers
below round as before: of models with small logits they, and the rounded weights, are the larger part.
"""

import contextlib
import functools
import types
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

HEAD_DTYPES = ("float32", "model")


def check_head_dtype(dtype: str) -> None:
    """ValueError for what is no --head-dtype."""
    if dtype not in HEAD_DTYPES:
        raise ValueError(f"--head-dtype must be one of {', '.join(HEAD_DTYPES)}, got {dtype}")


def float32_head(model: "torch.nn.Module") -> None:
    """From here on the model's logits are computed in float32, under autocast too. Its weights stay as they are.

    A model in float32 without autocast gives the numbers that it gave before, bit for bit.
    """
    import torch  # --help does without it

    head = model.get_output_embeddings()
    if isinstance(head, torch.nn.Linear):
        head.forward = types.MethodType(_forward, head)


def _forward(head: "torch.nn.Linear", hidden: "torch.Tensor") -> "torch.Tensor":
    import torch

    with torch.autocast(hidden.device.type, enabled=False):
        bias = None if head.bias is None else head.bias.float()
        return torch.nn.functional.linear(hidden.float(), head.weight.float(), bias)


@contextlib.contextmanager
def trl_scores_in_float32() -> Iterator[None]:
    """Trainers of TRL that are made meanwhile compute log-probabilities from float32 logits.

    They multiply by the head's weights themselves, in tiles. GRPO has an option for it, RLOO has none (TRL 1.16).
    """
    from trl.trainer import rloo_trainer

    own = rloo_trainer.add_fused_lm_head
    rloo_trainer.add_fused_lm_head = functools.partial(own, cast_lm_head_to_fp32=True)
    try:
        yield
    finally:
        rloo_trainer.add_fused_lm_head = own
