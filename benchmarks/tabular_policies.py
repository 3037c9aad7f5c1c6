"""Random policies with up to 1,000 responses a prompt, where the value of any target is a finite sum."""

import numpy as np
from scipy.special import expit, log_softmax

from theory.estimation.reweight import Target, exact
from theory.estimation.samples import Rollouts

KINDS = 40
Kind = tuple[np.ndarray, np.ndarray, np.ndarray]  # log_p, reward and length of every response to a kind of prompt


def random_policy(generator: np.random.Generator) -> list[Kind]:
    """Sharp or flat, its likely answers right or wrong, short or with lengths of hundreds of tokens."""
    spread, slope, ease = generator.uniform(0.3, 3), generator.uniform(-1, 1.5), generator.uniform(-2, 1.5)
    most, longer = int(np.exp(generator.uniform(np.log(5), np.log(1000)))), generator.choice([1, 1, 30])
    kinds = []
    for _ in range(KINDS):
        z = generator.normal(size=generator.integers(3, most + 1))
        reward = generator.random(len(z)) < expit(ease + generator.normal() + slope * z)
        length = np.maximum(1, np.round(longer * (10 - 2 * spread * z + 3 * generator.normal(size=len(z)))))
        kinds.append((log_softmax(spread * z), reward.astype(float), length))
    return kinds


def drawn(kinds: list[Kind], prompts: int, samples: int, generator: np.random.Generator) -> Rollouts:
    """Samples of prompts of kinds drawn at random."""
    of_prompts = [kinds[i] for i in generator.integers(len(kinds), size=prompts)]
    responses = [generator.choice(len(log_p), size=samples, p=np.exp(log_p)) for log_p, *_ in of_prompts]
    return _as_rollouts(of_prompts, responses)


def values(kinds: list[Kind], target: Target, ks: tuple[int, ...] = (4,)) -> dict[str, float]:
    """What a target makes of the population: means over its kinds of prompts."""
    everything = _as_rollouts(kinds, [np.arange(len(log_p)) for log_p, *_ in kinds])
    base = exact(everything, Target(1.0, 0.0)).value["accuracy"]
    found = exact(everything, target, ks).value
    found["gain"] = found["accuracy"] - base
    return {name: float(value.mean()) for name, value in found.items()}


def _as_rollouts(kinds: list[Kind], responses: list[np.ndarray]) -> Rollouts:
    """The given responses (numbers) of each kind, as a table."""
    start = np.cumsum([0, *map(len, responses)])[:-1]
    log_p, reward, length = (
        np.concatenate([kind[i][y] for kind, y in zip(kinds, responses, strict=True)]) for i in range(3)
    )
    zeros = np.zeros(len(log_p), int)
    prompts = np.arange(len(kinds))
    votes = np.where(reward > 0, 0, 1)
    return Rollouts(prompts, start, log_p, reward, length, np.concatenate(responses), zeros == 0, votes, 0 * prompts)
