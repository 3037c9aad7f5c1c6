"""The populations of the coverage benchmark: exact values against every response one by one, samples against both."""

import itertools

import numpy as np
import pytest

from benchmarks.populations import KINDS, RIGHT, Population, Shape, drawn, population, spread, token, values
from theory.estimation.reweight import Target, exact
from theory.estimation.samples import Rollouts
from theory.vocabulary import LengthControl

LONGEST, OTHERS = 4, 2


def small(kinds=3):
    generator = np.random.default_rng(0)
    right = generator.uniform(0.2, 0.8, kinds)
    switch = generator.dirichlet([4, 1], (kinds, 2))
    switch[:, 1] = switch[:, 1, ::-1]
    top, stop = generator.uniform(0.4, 0.9, (2, kinds, 2))
    others = np.full((kinds, 2), float(OTHERS))
    return Population(np.stack([right, 1 - right], 1), switch, top, others, stop, np.array([1, 2, 3])[:kinds], LONGEST)


def every_response(policy):
    """All paths of all kinds as a table: what exact() takes."""
    rows = []
    for kind in range(len(policy.top)):
        for length in range(1, LONGEST + 1):
            for path in itertools.product((0, 1), repeat=length):
                p = policy.start[kind, path[0]] * np.prod(
                    [policy.switch[kind, s, t] for s, t in itertools.pairwise(path)]
                )
                for place, state in enumerate(path, start=1):
                    stop = policy.stop_at(place)[kind, state]
                    p *= stop if place == length else 1 - stop
                for tokens in itertools.product(range(1 + OTHERS), repeat=length):
                    written = [
                        policy.top[kind, s] if v == 0 else (1 - policy.top[kind, s]) / OTHERS
                        for s, v in zip(path, tokens, strict=True)
                    ]
                    if p > 0:
                        rows.append((kind, np.log(p * np.prod(written)), float(path[-1] == RIGHT), float(length)))
    kind, log_p, reward, length = map(np.array, zip(*rows, strict=True))
    start = np.flatnonzero(np.diff(kind, prepend=-1))
    numbers, zeros = np.arange(len(kind)), np.zeros(len(kind), int)
    return Rollouts(start, start, log_p, reward, length, numbers, zeros == 0, zeros, 0 * start)


TARGETS = [
    Target(1.0, 0.0),
    Target(2.0, 0.0),
    Target(0.5, 1.0),
    Target(1.0, 2.0),
    Target(3.0, 0.5, 1.0),
    Target(2.0, 0.0, 0.5),
    Target(2.0, 1.0, 0.0, LengthControl.CONTENT),
    Target(1.5, 0.0, 0.0, LengthControl.TRAJECTORY_BALANCE),
]


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_is_the_sum_over_all_responses(target):
    policy = small()
    rows = every_response(policy)
    assert rows.sum(np.exp(rows.log_p)) == pytest.approx(1)
    expected = exact(rows, target, (4,)).value
    found = values(policy, target)
    for name in ("accuracy", "length", "log_p", "kl", "entropy", "pass@4"):
        assert found[name] == pytest.approx(expected[name].mean(), abs=1e-9), name


def test_samples_come_from_the_policy_and_carry_their_log_p_and_entropy():
    policy = small()
    rollouts = drawn(policy, 300, 40, np.random.default_rng(0))
    base = values(policy, Target(1.0, 0.0))
    for name, column in (("accuracy", rollouts.reward), ("length", rollouts.length), ("log_p", rollouts.log_p)):
        means = rollouts.mean(column)
        assert abs(means.mean() - base[name]) < 4 * means.std() / np.sqrt(len(means)), name
    excess = -rollouts.log_p - rollouts.entropy
    assert abs(excess.mean()) < 4 * excess.std() / np.sqrt(len(excess))
    log_p = set(np.round(every_response(policy).log_p, 9))
    assert set(np.round(rollouts.log_p, 9)) <= log_p


@pytest.mark.parametrize("heavy", [False, True])
@pytest.mark.parametrize("sd", [5, 15])
def test_populations_have_the_spread_that_they_are_named_for(sd, heavy):
    made = population(Shape(sd, "helps", heavy), np.random.default_rng(0))
    assert 0.7 * sd < spread(made) < 1.4 * sd and len(made.top) == KINDS


def test_sharpening_helps_hurts_or_turns():
    """At the mean over kinds, a little and a lot, in units of the spread."""
    for sharpening, signs in (("helps", (1, 1)), ("hurts", (-1, -1)), ("turns", (1, -1))):
        made = population(Shape(15, sharpening), np.random.default_rng(1))
        gains = [values(made, Target(1 + c / 15, 0.0))["gain"] for c in (0.15, 2.0)]
        assert tuple(np.sign(gains)) == signs, (sharpening, gains)


def test_a_token_has_the_entropy_that_is_asked_for():
    top, others = token(0.7, 1.5)
    p = np.array([top, *[(1 - top) / others] * int(others)])
    assert -p @ np.log(p) == pytest.approx(0.7) and p @ (np.log(p) + 0.7) ** 2 == pytest.approx(1.5, rel=0.1)
