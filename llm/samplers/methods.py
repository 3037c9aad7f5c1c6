"""The samplers behind `llm.sample --method`: a method is the module of its name."""

import importlib
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from llm.samplers.base import Drawn, Request, Sampler

_log = logging.getLogger(__name__)


def sampler(method: str, options: Mapping[str, Any]) -> Sampler:
    """The sampler of a method with its options filled in, which checks that its horizon was long enough."""
    module = importlib.import_module("llm.samplers." + method.replace("-", "_"))

    def sample(request: Request) -> Drawn:
        drawn = module.sample(request, **options)
        check_horizon(drawn.responses, request.max_new_tokens, request.stops, options.get("alpha", 1.0))
        return drawn

    return sample


def check_horizon(responses: Sequence[Sequence[int]], horizon: int, stops: set[int], alpha: float) -> None:
    """A target over responses of up to `horizon` tokens should not live on those that were cut off there.

    ValueError where none is finished and alpha >= 1: the horizon is too short. Below alpha = 1 that is what p^alpha
    does under its existence threshold (T17), at any horizon: a warning, from one cut response in ten.
    """
    cut = sum(ids[-1] not in stops for ids in responses) / len(responses)
    if alpha < 1 and cut > 0.1:
        _log.warning(
            "alpha %g: %.0f %% of the responses run to the horizon of %d tokens; below its existence threshold p^alpha "
            "has no finite mass, and what is sampled depends on the horizon",
            alpha,
            100 * cut,
            horizon,
        )
    elif cut == 1:
        raise ValueError(
            f"--max-new-tokens {horizon} is shorter than every response that was drawn; raise it until responses finish"
        )


def rows_per_sample(method: str, samples: int, options: Mapping[str, Any]) -> float:
    """How many rows of a batch a method holds for each response it is asked for: at most, prefixes may be shared."""
    candidates = options.get("candidates", 8)
    rows = {
        "best-of-n": candidates,
        "majority-vote": candidates,
        "power-mh": min(1.0, options.get("chains", 16) / samples),
        "power-smc": options.get("particles", 3 * samples) / samples,
        "power-rollout": candidates * options.get("rollouts", 4),
    }
    return float(rows.get(method, 1))
