"""Would a first step towards likelier responses gain reward, in this network? From the model and samples of it.

The forecast treats every response as if it could move by itself. A network moves all of them with one set of weights,
so that the sign of Cov(r, log p) need not be that of its first steps (T26). What decides is the cosine of two
gradients, of the mean reward and of the mean log p, in the metric of the optimiser:

- `plain`: as gradient descent steps;
- `natural`: in the metric of the Fisher matrix, which is its diagonal here, estimated with random signs. The matrix
  itself has more rows than the batch has samples, and its pseudo-inverse would give the table's answer back.

Each block of prompts takes one forward and 2 + DRAWS backward passes, the table needs none. Memory: two gradients in
float32 for each block.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int

from harness.memory import check_memory
from llm.forecasting.model import Model
from llm.sampling.scoring import log_probs_and_entropies
from llm.scoring.agreement import other_tokens
from theory.budget import gain_ratio
from theory.estimation.diagnosis import GradientCosine, Silent
from theory.gradient_blocks import BlockCosine, block_cosine

DRAWS = 4  # of random signs a block, for the diagonal of the Fisher matrix
DAMPING = 0.1  # of its mean, added to it: what it makes of weights that hardly move a response is noise
FEWEST_BLOCKS = 3
PROMPTS, SAMPLES, BLOCKS = 32, 16, 16  # of a file of rollouts
Z = 1.96


class Batch(NamedTuple):
    """Samples of the model with their rewards; a prompt's samples have one number in `prompt`."""

    prompt_ids: Sequence[Sequence[int]]
    response_ids: Sequence[Sequence[int]]
    reward: Float[np.ndarray, " rows"]
    prompt: Int[np.ndarray, " rows"]


class GradientCosines(NamedTuple):
    """Gain of sharpening over gain of reward at the same small KL: of the network by two metrics, and of a table."""

    plain: BlockCosine
    natural: BlockCosine
    table: float


def finding(behind: Model, seed: int = 0) -> GradientCosine:
    """The cosines from rollouts of the model: up to 32 prompts, 16 samples each. ValueError: too large for the memory.

    A text that is read back as other tokens than were sampled is left out.
    """
    weights = sum(weight.numel() for weight in behind.model.parameters())
    check_memory("--gradient-cosine: the weights of --model", weights, 4.0 * (2 * BLOCKS + 3))
    few = behind.some(PROMPTS, SAMPLES)
    texts = behind.texts(few)
    prompt = pd.factorize(few["prompt_id"])[0]
    reward = few["reward"].to_numpy(float) * np.array(texts.finished)
    same = ~other_tokens(few, np.array([len(ids) for ids in texts.responses], float))
    prompt_ids, responses = (list(itertools.compress(ids, same)) for ids in (texts.prompts, texts.responses))
    batch = Batch(prompt_ids, responses, reward[same], prompt[same])
    mixed = [x for x in np.unique(batch.prompt) if np.ptp(batch.reward[batch.prompt == x]) > 0]
    if len(mixed) < FEWEST_BLOCKS:
        return GradientCosine(np.nan, np.nan, np.nan, Silent.EQUAL_REWARDS)
    found = gradient_cosines(behind.model, batch, behind.tokenizer.pad_token_id, BLOCKS, seed)
    value, error = found.plain
    known = None if np.isfinite(value) else Silent.NOISE
    return GradientCosine(value, value - Z * error, value + Z * error, known, *found.natural, found.table)


def gradient_cosines(
    model: torch.nn.Module, batch: Batch, pad_token_id: int, blocks: int = 8, seed: int = 0
) -> GradientCosines:
    """ValueError: fewer than 3 prompts that have two samples or more."""
    prompts = [x for x, count in zip(*np.unique(batch.prompt, return_counts=True), strict=True) if count > 1]
    if len(prompts) < FEWEST_BLOCKS:
        raise ValueError(
            f"the gradient cosine needs {FEWEST_BLOCKS} prompts with two samples or more, got {len(prompts)}"
        )
    generator = torch.Generator().manual_seed(seed)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    found = [
        _gradients(model, weights, _rows(batch, some), pad_token_id, generator)
        for some in np.array_split(np.array(prompts), min(blocks, len(prompts)))
    ]
    reward, log_p = (torch.stack([block[i] for block in found]) for i in (0, 1))
    fisher = torch.stack([block[2] for block in found]).mean(0)
    metric = (fisher + DAMPING * fisher.mean()).sqrt()
    moments = np.sum([block[3] for block in found], axis=0)
    return GradientCosines(
        _cosine(reward, log_p), _cosine(reward / metric, log_p / metric), float(gain_ratio(*moments))
    )


def _gradients(model, weights, batch, pad_token_id, generator):
    """Of one block: the two gradients, the diagonal Fisher matrix, and the sums of Cov(r, ℓ), Var ℓ and Var r."""
    log_p = log_probs_and_entropies(model, batch.prompt_ids, batch.response_ids, pad_token_id)[:, 0]
    known = log_p.detach().double().cpu().numpy()
    groups = [np.flatnonzero(batch.prompt == x) for x in np.unique(batch.prompt)]

    def along(f):
        """∇ of the sum over prompts of the sample covariance of f and ∇ log π, for f held fixed."""
        centred = np.zeros(len(f))
        for rows in groups:
            centred[rows] = (f[rows] - f[rows].mean()) / (len(rows) - 1)
        coefficient = torch.as_tensor(centred, dtype=log_p.dtype, device=log_p.device)
        slopes = torch.autograd.grad(log_p @ coefficient, weights, retain_graph=True)
        return torch.cat([slope.flatten().float().cpu() for slope in slopes]) / len(groups), centred

    (reward, of_reward), (log_likelihood, of_log_p) = along(batch.reward), along(known)
    fisher = torch.zeros_like(reward)
    size = np.sqrt([len(rows) - 1 for rows in groups])  # E (Σ ±(s - s̄)/√(n-1))² is the sample variance of s
    for _ in range(DRAWS):
        signs = 2.0 * torch.randint(2, (len(known),), generator=generator).numpy() - 1
        for rows, root in zip(groups, size, strict=True):
            signs[rows] *= root
        fisher += along(signs)[0] ** 2 * len(groups) / DRAWS
    return reward, log_likelihood, fisher, np.array([of_reward @ known, of_log_p @ known, of_reward @ batch.reward])


def _rows(batch, prompts):
    kept = np.flatnonzero(np.isin(batch.prompt, prompts))
    prompt_ids, response_ids = ([ids[row] for row in kept] for ids in batch[:2])
    return Batch(prompt_ids, response_ids, batch.reward[kept], batch.prompt[kept])


def _cosine(reward, log_p):
    products = (reward @ log_p.T, reward @ reward.T, log_p @ log_p.T)
    return block_cosine(*(table.double().numpy() for table in products))
