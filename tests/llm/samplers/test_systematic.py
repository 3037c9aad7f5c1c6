import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from llm.samplers.systematic import systematic_counts


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8).filter(lambda w: sum(w) > 0.01), st.integers(1, 50))
def test_a_comb_gives_each_its_share_rounded_up_or_down_and_exactly_on_average(weights, total):
    weight = torch.tensor(weights, dtype=torch.float64)
    share = (weight / weight.sum() * total).numpy()
    offsets = (torch.arange(20, dtype=torch.float64) + 0.5) / 20
    counts = np.array([systematic_counts(weight, total, u).numpy() for u in offsets])
    assert (counts.sum(1) == total).all()
    assert (counts >= np.floor(share - 1e-9)).all() and (counts <= np.ceil(share + 1e-9)).all()
    np.testing.assert_allclose(counts.mean(0), share, atol=2 / 20 + 1e-9)  # a floor's mean on a grid of 20


CASES = [
    ([1, 1, 2], 4, 0.0, [1, 1, 2]),
    ([1, 3], 2, 0.0, [0, 2]),
    ([1, 3], 2, 0.5, [1, 1]),
    ([0, 5, 0], 3, 0.99, [0, 3, 0]),
    ([1, 3, 0], 4, 1 - 2**-53, [2, 2, 0]),  # 4 + offset is rounded up to 5
]


@pytest.mark.parametrize(("weight", "total", "offset", "counts"), CASES)
def test_where_the_comb_lies(weight, total, offset, counts):
    """Teeth passed at the edges of the cumulated shares, by hand; as many copies as were asked for at any offset."""
    found = systematic_counts(torch.tensor(weight).double(), total, torch.tensor(offset).double())
    assert found.tolist() == counts


def test_rounding_of_the_sums_gives_no_copy_to_zero_weight_and_loses_none():
    """In a third of these the sum taken term by term is below the one that is taken in pairs."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(100):
        weight = torch.cat([torch.rand(100, dtype=torch.float64, generator=generator), torch.zeros(1)])
        counts = systematic_counts(weight, 64, torch.tensor(0.0, dtype=torch.float64))
        assert counts.sum() == 64 and counts[-1] == 0
