"""Every response of a language model above a probability floor, and a certified bound on all the others.

Best-first search with the probability of the prefix as its key, stopped when the best open prefix is below the floor,
opens exactly the prefixes above it: no continuation is likelier than its prefix. So the same responses are found
level by level, one batch a token, without a queue.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from llm.samplers.particles import begin, branch, look, response_ids
from theory.distribution import log_sum_exp


class Enumeration(NamedTuple):
    """Responses of one prompt, up to a horizon: finished, or as long as the horizon."""

    responses: list[tuple[int, ...]]
    log_p: Float[np.ndarray, " y"]
    """nats"""
    floor: float
    """no response that is not listed is likelier"""
    rest: float
    """probability of all that are not listed"""


class PowerTable(NamedTuple):
    """p^alpha restricted to the listed responses, and the share of p^alpha that the others can have at most."""

    log_q: Float[np.ndarray, " y"]
    log_z: float
    """log of the listed part of Z; Z itself is at most -log(1 - outside) above"""
    outside: float


def enumerate_responses(
    model: torch.nn.Module, prompt_ids: Sequence[int], max_new_tokens: int, stops: set[int], floor: float
) -> Enumeration:
    """All responses with p(y) >= floor that have at most max_new_tokens tokens.    ValueError: floor outside (0, 1)."""
    if not 0 < floor < 1:
        raise ValueError(f"floor must be in (0, 1), got {floor}; 1e-6 lists all but a few per mille of an organism")
    cloud = begin(model, [prompt_ids], 1)
    for _ in range(max_new_tokens):
        if not cloud.live.any():
            break
        log_p_next = look(model, cloud)
        log_p = cloud.log_p[cloud.live][:, None] + log_p_next.cpu()
        row, token = torch.nonzero(log_p >= np.log(floor), as_tuple=True)
        cloud = branch(cloud, log_p_next, row, token, torch.ones_like(row), stops)
    log_p = cloud.log_p.numpy()
    # The mass of all leaves of the tree is one: what is not in the listed ones is below a closed prefix.
    rest = max(1 - float(np.sum(np.exp(log_p))), 0.0)
    return Enumeration(list(map(tuple, response_ids(cloud.tokens))), log_p, floor, rest)


def power_table(found: Enumeration, alpha: float) -> PowerTable:
    """log p^α/Z on the listed responses, Z the listed sum; outside = R/(Z + R), R = floor^{α-1} rest.

    R bounds the others' Σ p^α for alpha >= 1, as each of them has p <= floor: Σ p^α <= max p^{α-1} · Σ p. The total
    variation between this table and p^alpha itself is at most outside. ValueError for alpha < 1, where R is no bound.
    """
    if not alpha >= 1:
        raise ValueError(f"alpha must be >= 1, got {alpha}: below 1 the unlisted responses have no useful bound")
    log_z = float(log_sum_exp(alpha * found.log_p))
    others = found.floor ** (alpha - 1) * found.rest
    return PowerTable(alpha * found.log_p - log_z, log_z, others / (np.exp(log_z) + others))


def total_variation(found: Enumeration, table: PowerTable, responses: Sequence[Sequence[int]]) -> float:
    """½ Σ |empirical - q| of sampled responses; against p^alpha itself it is the same to within table.outside."""
    place = {response: i for i, response in enumerate(found.responses)}
    where = np.array([place.get(tuple(ids), len(place)) for ids in responses])
    share = np.bincount(where, minlength=len(place) + 1) / len(responses)
    return float(0.5 * (np.abs(share[:-1] - np.exp(table.log_q)).sum() + share[-1]))
