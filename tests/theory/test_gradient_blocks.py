"""T26: the cosine of two gradients from a batch, against the gradients themselves."""

import numpy as np
import pytest

from theory.gradient_blocks import block_cosine

A, S = np.array([1.0, 0.5, 0.0, 0.0]), np.array([-0.4, 0.2, 0.9, 0.0])
EXACT = A @ S / np.linalg.norm(A) / np.linalg.norm(S)


def products(a, s):
    return a @ s.T, a @ a.T, s @ s.T


def test_without_noise_it_is_the_cosine():
    """T26: any number of equal blocks gives the cosine, with no error."""
    found = block_cosine(*products(np.tile(A, (5, 1)), np.tile(S, (5, 1))))
    np.testing.assert_allclose(found, (EXACT, 0), atol=1e-12)


def test_noise_that_both_gradients_share_leaves_no_bias():
    """T26: samples that meet themselves would turn the sign; different blocks do not, to 4 standard errors.

    The error that one call states is that of the calls, within a quarter.
    """
    rng = np.random.default_rng(0)
    found = []
    for _ in range(400):
        noise = 0.7 * rng.normal(size=(16, 4))
        found.append(block_cosine(*products(A + noise, S + noise)))
    value, error = np.array(found).T
    spread = np.std(value, ddof=1)
    assert abs(np.mean(value) - EXACT) < 4 * spread / 20 + 0.02
    assert 0.75 < np.mean(error) / spread < 1.33
    a, s = A + noise, S + noise
    naive = a.mean(0) @ s.mean(0) / np.linalg.norm(a.mean(0)) / np.linalg.norm(s.mean(0))
    assert EXACT < -0.2 and abs(naive - EXACT) > 0.1


def test_the_error_is_that_of_leaving_each_block_out():
    """T26: the jackknife by recomputing."""
    rng = np.random.default_rng(1)
    a, s = A + 0.3 * rng.normal(size=(6, 4)), S + 0.3 * rng.normal(size=(6, 4))
    left = [block_cosine(*products(np.delete(a, i, 0), np.delete(s, i, 0))).value for i in range(6)]
    np.testing.assert_allclose(block_cosine(*products(a, s)).error, np.sqrt(5 * np.var(left)), rtol=1e-9)


def test_pure_noise_has_no_cosine_and_two_blocks_are_refused(as_users_call_it):
    orthogonal = np.eye(4) - 0.2
    assert np.isnan(block_cosine(*products(orthogonal, orthogonal)).value)
    with pytest.raises(ValueError, match="at least 3 blocks"):
        block_cosine(*products(np.eye(2), np.eye(2)))


def test_a_square_that_is_not_above_zero_has_no_cosine_and_a_small_one_has(as_users_call_it):
    """Either gradient may be nothing or pure noise; three blocks are enough."""
    same, noise, nothing = np.tile(A, (3, 1)), np.eye(4)[:3] - 0.3, np.zeros((3, 4))
    with np.errstate(all="raise"):
        for other in (noise, nothing):
            assert np.isnan(block_cosine(*products(same, other)).value)
            assert np.isnan(block_cosine(*products(other, same)).value)
        assert np.isnan(block_cosine(*products(noise, noise)).value)
    tiny = block_cosine(*products(1e-90 * same, 1e-90 * np.tile(S, (3, 1))))
    np.testing.assert_allclose(tiny, (EXACT, 0), atol=1e-12)
    with pytest.raises(ValueError, match=r"the products have shapes \(4, 3\); give square tables of at least 3 blocks"):
        block_cosine(*(np.ones((4, 3)),) * 3)
