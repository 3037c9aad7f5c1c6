"""Token-level policies with the spreads of real log p, and the exact value of every target by dynamic programming.

A response is a path: at each place it is on the right track or off it (state 0 or 1), writes a token, and stops or goes
on. It is right if it stops on the right track. In a state one token has probability `top`, each of `others` an equal
part of the rest; so every p(y)^a, summed over the responses of one length that end in one state, is a product of small
matrices: G(L, s, a) = log Σ p(y)^a. All targets here are functions of length, reward and log p, and so finite sums
over (L, s) with an exponent a of each length: their accuracy, length, log p, entropy and KL are exact.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import entr, logsumexp

from theory.estimation.length_term import length_class
from theory.estimation.reweight import Target
from theory.estimation.samples import Rollouts
from theory.trainers import balance_rate
from theory.vocabulary import LengthControl

KINDS = 24  # kinds of prompts in a population; the prompts of a table are drawn from them
RIGHT = 0  # the state


@dataclass(frozen=True, eq=False)
class Population:
    """Policies of KINDS prompts, state by state."""

    start: np.ndarray  # kinds x state
    switch: np.ndarray  # kinds x state x state
    top: np.ndarray  # kinds x state: probability of the likeliest token
    others: np.ndarray  # kinds x state: how many share the rest
    stop: np.ndarray  # kinds x state: probability of stopping at a place, from `shortest` on
    shortest: np.ndarray  # kinds
    longest: int  # all stop there

    def stop_at(self, place: int) -> np.ndarray:
        """Kinds x state: probability of stopping behind the token at place 1, 2, .."""
        if place == self.longest:
            return np.ones_like(self.stop)
        return np.where(place >= self.shortest[:, None], self.stop, 0.0)


class Sums(NamedTuple):
    """Kinds x length x state, for the exponent of each length: log Σ p^a, and E[log p] under p^a there."""

    log_sum: np.ndarray
    mean_log_p: np.ndarray


def sums(population: Population, exponent: np.ndarray) -> Sums:
    """G(L, s, a_L) for lengths 1, 2, .., longest. Where all lengths have one exponent, in one pass."""
    one = bool((exponent == exponent[0]).all())
    a = exponent[:1] if one else exponent
    factor, slope = _powers(population.switch[:, None], a[None, :, None, None])
    first, first_slope = _powers(population.start[:, None], a[None, :, None])
    tokens, tokens_slope = _token_powers(population, a)
    f, m = first * tokens, first_slope * tokens + first * tokens_slope
    scale = np.zeros(f.shape[:2])
    found = np.full((2, len(population.top), population.longest, 2), -np.inf)
    for place in range(1, population.longest + 1):
        own = slice(None) if one else slice(place - 1, place)
        stop, stop_slope = _powers(population.stop_at(place)[:, None], a[None, own, None])
        value, moment = f[:, own] * stop, m[:, own] * stop + f[:, own] * stop_slope
        with np.errstate(divide="ignore", invalid="ignore"):
            found[0, :, place - 1] = (np.log(value) + scale[:, own, None])[:, 0]
            found[1, :, place - 1] = np.where(value > 0, moment / value, 0.0)[:, 0]
        if place == population.longest:
            break
        go, go_slope = _powers(1 - population.stop_at(place)[:, None], a[None, :, None])
        f, m = f * go, m * go + f * go_slope
        f, m = _along(f, factor), _along(m, factor) + _along(f, slope)
        f, m = f * tokens, m * tokens + f * tokens_slope
        size = np.maximum(f.max(axis=-1), 1e-300)
        f, m, scale = f / size[..., None], m / size[..., None], scale + np.log(size)
    return Sums(*found)


def _along(f: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """From each state to each: Σ_s f(s) factor(s, s')."""
    return np.einsum("kas,kast->kat", f, np.broadcast_to(factor, (*f.shape, 2)))


def _powers(p: np.ndarray, a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """p^a and its derivative by a; 0 stays 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        power = np.where(p > 0, p**a, 0.0)
        return power, np.where(p > 0, power * np.log(p), 0.0)


def _token_powers(population: Population, a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Σ_v p(v)^a of a place, kinds x exponent x state."""
    top, rest = population.top[:, None], ((1 - population.top) / population.others)[:, None]
    (one, one_slope), (each, each_slope) = (_powers(p, a[None, :, None]) for p in (top, rest))
    others = population.others[:, None]
    return one + others * each, one_slope + others * each_slope


def values(population: Population, target: Target, ks: tuple[int, ...] = (4,)) -> dict[str, float]:
    """What a target makes of the population: means over its kinds of prompts."""
    length = np.arange(1, population.longest + 1.0)
    exponent = 1 + (target.alpha - 1) / length**target.kappa
    found, base = sums(population, exponent), sums(population, np.ones_like(length))
    reward = np.array([1.0, 0.0])
    tilt = target.b * reward
    term = _length_terms(target.length_control, found.log_sum + tilt, base.log_sum, length)
    log_q = found.log_sum + tilt - term[..., None]
    log_z = logsumexp(log_q, axis=(1, 2), keepdims=True)
    q = np.exp(log_q - log_z)
    accuracy, log_p = np.sum(q * reward, axis=(1, 2)), np.sum(q * found.mean_log_p, axis=(1, 2))
    shift = (exponent - 1)[:, None] * found.mean_log_p + tilt - term[..., None]
    kl = np.sum(q * np.where(q > 0, shift, 0.0), axis=(1, 2)) - log_z[:, 0, 0]
    base_accuracy = np.sum(np.exp(base.log_sum) * reward, axis=(1, 2))
    parts = {
        "accuracy": accuracy,
        "gain": accuracy - base_accuracy,
        "length": np.sum(q * length[:, None], axis=(1, 2)),
        "log_p": log_p,
        "kl": kl,
        "entropy": -log_p - kl,
        **{f"pass@{k}": 1 - (1 - accuracy) ** k for k in ks},
    }
    return {name: float(part.mean()) for name, part in parts.items()}


def _length_terms(control: str, log_q: np.ndarray, log_p: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Kinds x length: what is taken off log p + t."""
    term = np.zeros(log_q.shape[:2])
    if control == LengthControl.CONTENT:
        group = np.unique(length_class(length), return_inverse=True)[1]
        for number in range(group.max() + 1):
            own = group == number
            with np.errstate(invalid="ignore"):
                gap = logsumexp(log_q[:, own], axis=(1, 2)) - logsumexp(log_p[:, own], axis=(1, 2))
            term[:, own] = np.nan_to_num(gap)[:, None]  # a class without any mass
    if control == LengthControl.TRAJECTORY_BALANCE:
        at_length, mass = logsumexp(log_q, axis=2), logsumexp(log_p, axis=2)
        for kind in range(len(term)):
            on = np.isfinite(mass[kind])
            rate = balance_rate(at_length[kind, on] - mass[kind, on], length[on], mass[kind, on])
            term[kind] = rate * length
    return term


def spread(population: Population) -> float:
    """sd(log p) within prompts under p: root of the mean variance, from the slope of E[log p] along the power."""
    length = np.arange(1, population.longest + 1)
    means = []
    for a in (1 - 1e-4, 1 + 1e-4):
        found = sums(population, np.full(len(length), a))
        q = np.exp(found.log_sum - logsumexp(found.log_sum, axis=(1, 2), keepdims=True))
        means.append(np.sum(q * found.mean_log_p, axis=(1, 2)))
    return float(np.sqrt(np.mean((means[1] - means[0]) / 2e-4)))


def drawn(
    population: Population,
    prompts: int,
    samples: int,
    generator: np.random.Generator,
    sampler: Population | None = None,
) -> Rollouts:
    """Responses to prompts of kinds drawn at random, token by token. sampler: who writes, where it is another."""
    sampler = sampler or population
    kind = np.repeat(generator.integers(len(population.top), size=prompts), samples)
    rows = len(kind)
    state = (generator.random(rows) >= sampler.start[kind, RIGHT]).astype(int)
    written = _Written(population, kind, state)
    alive = np.arange(rows)
    for place in range(1, population.longest + 1):
        k, s = kind[alive], state[alive]
        top = generator.random(len(alive)) < sampler.top[k, s]
        number = np.where(top, 0, 1 + np.floor(generator.random(len(alive)) * sampler.others[k, s]))
        ends = generator.random(len(alive)) < sampler.stop_at(place)[k, s]
        written.token(alive, s, number, ends, place)
        alive, k, s = alive[~ends], k[~ends], s[~ends]
        if not len(alive):
            break
        state[alive] = new = (generator.random(len(alive)) >= sampler.switch[k, s, RIGHT]).astype(int)
        written.step(alive, s, new)
    reward = (state == RIGHT).astype(float)
    numbers, finished = np.arange(prompts), np.ones(rows, bool)
    votes, text = np.where(reward > 0, 0, 1), np.unique(written.text, return_inverse=True)[1]
    columns = (written.log_p, reward, written.length, text, finished, votes, 0 * numbers, None, written.entropy)
    return Rollouts(numbers, numbers * samples, *columns)


class _Written:
    """What stands there so far, row by row: log p, the sum of the entropies, the length, and a number of the text."""

    def __init__(self, population: Population, kind: np.ndarray, state: np.ndarray):
        self.population, self.kind = population, kind
        with np.errstate(divide="ignore"):
            self.log_start, self.log_switch, self.log_top = map(
                np.log, (population.start, population.switch, population.top)
            )
            self.log_rest = np.log((1 - population.top) / population.others)
        self.token_entropy = (
            entr(population.top) + entr(1 - population.top) + (1 - population.top) * np.log(population.others)
        )
        self.log_p = self.log_start[kind, state]
        self.entropy = entr(population.start).sum(axis=1)[kind]
        self.length = np.zeros(len(kind))
        self.text = state.astype(np.uint64)

    def token(self, rows: np.ndarray, state: np.ndarray, number: np.ndarray, ends: np.ndarray, place: int) -> None:
        """A token, of which 0 is the likeliest, and whether the response ends behind it."""
        kind = self.kind[rows]
        stop = self.population.stop_at(place)[kind, state]
        with np.errstate(divide="ignore"):
            self.log_p[rows] += np.where(ends, np.log(stop), np.log1p(-stop))
        self.log_p[rows] += np.where(number == 0, self.log_top[kind, state], self.log_rest[kind, state])
        self.entropy[rows] += self.token_entropy[kind, state] + entr(stop) + entr(1 - stop)
        self.length[rows[ends]] = place
        self._write(rows, 4 * number.astype(np.uint64) + 2 * state.astype(np.uint64) + ends)

    def step(self, rows: np.ndarray, state: np.ndarray, new: np.ndarray) -> None:
        """From state to state."""
        kind = self.kind[rows]
        self.log_p[rows] += self.log_switch[kind, state, new]
        self.entropy[rows] += entr(self.population.switch).sum(axis=2)[kind, state]

    def _write(self, rows: np.ndarray, token: np.ndarray) -> None:
        self.text[rows] = (self.text[rows] ^ (token + np.uint64(1))) * np.uint64(1099511628211)


def at_temperature(population: Population, temperature: float) -> Population:
    """Every choice of a token at this temperature."""

    def colder(p: np.ndarray, rest: np.ndarray, others: np.ndarray | float = 1.0) -> np.ndarray:
        return p ** (1 / temperature) / (p ** (1 / temperature) + others * rest ** (1 / temperature))

    right, top, stop = population.start[:, RIGHT], population.top, population.stop
    on = colder(right, 1 - right)
    switch = colder(population.switch[..., RIGHT], population.switch[..., 1 - RIGHT])
    return replace(
        population,
        start=np.stack([on, 1 - on], axis=1),
        switch=np.stack([switch, 1 - switch], axis=2),
        top=colder(top, (1 - top) / population.others, population.others),
        stop=colder(stop, 1 - stop),
    )


def with_top_p(population: Population, top_p: float) -> Population:
    """Of the tokens, the fewest that have this probability together."""
    rest = (1 - population.top) / population.others
    kept = np.clip(np.ceil((top_p - population.top) / rest), 0, population.others)
    return replace(population, top=population.top / (population.top + kept * rest), others=np.maximum(kept, 1))


class Shape(NamedTuple):
    """What a population is like."""

    spread: float
    """sd(log p) within prompts, nats"""
    sharpening: str
    """helps, hurts, or turns (helps, then hurts)"""
    heavy: bool = False
    """lengths, and with them log p, have a heavy tail"""


ENTROPY = 0.7  # nats a token
SURPRISE = {"helps": (-1, 0.9, 0.9), "hurts": (1, 0.9, 0.9), "turns": (-1, 0.7, 1.5)}  # sign, variances right and wrong


def population(shape: Shape, generator: np.random.Generator) -> Population:
    """Never and always solved prompts are a seventh each; the others have every accuracy between."""
    sign, variance_right, variance_wrong = SURPRISE[shape.sharpening]
    variation = 0.5 if shape.heavy else 0.1  # sd of the length, as a part of it
    per_token = (variance_right + variance_wrong) / 2
    # spread² = L (variance a token) + (entropy variation L)²
    c = (ENTROPY * variation) ** 2
    length = (-per_token + np.sqrt(per_token**2 + 4 * c * shape.spread**2)) / (2 * c)
    length = length * np.exp(generator.uniform(-0.3, 0.3, KINDS))
    # Right and wrong differ by `corr` standard deviations of log p: spread over the tokens of a response.
    gap = sign * generator.uniform(0.15, 0.5, KINDS) * shape.spread / length
    which = generator.permutation(KINDS)
    never, always = which < KINDS // 7, which >= KINDS - KINDS // 7
    right = np.where(never, 1e-5, np.where(always, 1 - 1e-5, generator.beta(1.2, 1.5, KINDS)))
    rate = np.minimum(0.4 / length, 0.3)
    stay = np.where(never | always, 1e-7, rate)
    leave, back = stay * (1 - right), stay * right
    switch = np.stack([np.stack([1 - leave, leave], 1), np.stack([back, 1 - back], 1)], 1)
    top, others = np.ones((KINDS, 2)), np.ones((KINDS, 2))
    for kind in range(KINDS):
        for state, (side, variance) in enumerate(((0.5, variance_right), (-0.5, variance_wrong))):
            top[kind, state], others[kind, state] = token(ENTROPY + side * gap[kind], variance)
    mean_rest = np.maximum(length * variation, 1.5)
    shortest = np.maximum(np.round(length - mean_rest), 1)
    stop = np.repeat((1 / mean_rest)[:, None], 2, axis=1)
    longest = int(np.ceil(np.max(shortest + 12 * mean_rest)))
    return Population(np.stack([right, 1 - right], 1), switch, top, others, stop, shortest, longest)


def token(entropy: float, variance: float) -> tuple[float, float]:
    """(top, others) whose -log p has this mean and nearly this variance, in nats and nats²."""
    found = []
    for others in np.unique(np.round(np.geomspace(1, 400, 60))):

        def excess(top, others=others):
            return entr(top) + entr(1 - top) + (1 - top) * np.log(others) - entropy

        lowest = 1 / (1 + others)
        if excess(lowest) < 0:
            continue
        top = float(brentq(excess, lowest, 1 - 1e-12))
        rest = (1 - top) / others
        second = top * np.log(top) ** 2 + (1 - top) * np.log(rest) ** 2
        found.append((abs(second - entropy**2 - variance), top, float(others)))
    return min(found)[1:]
