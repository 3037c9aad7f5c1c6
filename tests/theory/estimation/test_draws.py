"""Streams of random draws that do not depend on what was drawn before."""

import numpy as np
import pytest

from theory.estimation.draws import own_draws


def test_streams_differ_by_name_by_seed_and_by_the_stream_that_they_were_made_of():
    def draws(seed, *names):
        generator = np.random.default_rng(seed)
        for name in names:
            generator = own_draws(generator, name)
        return float(generator.normal())

    paths = [(0,), (0, "one"), (0, "two"), (1, "one"), (0, "one", "leaf"), (0, "two", "leaf")]
    assert len({draws(*path) for path in paths}) == len(paths)
    assert draws(0, "one", "leaf") == draws(0, "one", "leaf")


def test_a_generator_that_was_made_of_a_state_has_no_seed():
    with pytest.raises(ValueError, match=r"no seed sequence; make it with np\.random\.default_rng\(seed\)"):
        own_draws(np.random.Generator(np.random.RandomState(0)._bit_generator), "name")
