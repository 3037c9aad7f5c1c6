"""Random draws of one's own: what is drawn for a number does not depend on which others were asked for before it."""

import zlib

import numpy as np


def own_draws(generator: np.random.Generator, name: str) -> np.random.Generator:
    """A new generator made of the seed of another and a name, whatever has been drawn from that one so far.

    Numbers that share one stream of draws change when another number is asked for first: the same rollouts then get
    another interval for another grid of alpha. Streams of different names are independent (numpy's SeedSequence).
    ValueError: the generator was made of a state and not of a seed.

    >>> generator = np.random.default_rng(0)
    >>> before = own_draws(generator, "covariance").normal()
    >>> generator.normal(size=1000).size  # whatever else is drawn meanwhile
    1000
    >>> own_draws(generator, "covariance").normal() == before, own_draws(generator, "content").normal() == before
    (True, False)
    """
    seed = generator.bit_generator.seed_seq
    if not isinstance(seed, np.random.SeedSequence):
        raise ValueError("the generator has no seed sequence; make it with np.random.default_rng(seed)")
    spawned = np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, zlib.crc32(name.encode())))
    return np.random.default_rng(spawned)
