"""The numbers of benchmarks/engine_mismatch.py, on a sampler whose distance from the model is known."""

import numpy as np
import pytest

from benchmarks.engine_mismatch import mismatch


def test_weights_bring_back_the_models_own_mean():
    """One token a response, of three: p against μ. E_μ[min(p/μ, 20) f] is E_p f, while plain draws give E_μ f."""
    p, mu = np.array([0.5, 0.3, 0.2]), np.array([0.3, 0.3, 0.4])
    generator = np.random.default_rng(0)
    drawn, own = generator.choice(3, 40_000, p=mu), generator.choice(3, 40_000, p=p)
    ours, theirs = ([np.log(law[[token]]) for token in drawn] for law in (p, mu))
    found = mismatch(ours, theirs, drawn == 0, own == 0)
    assert found["drawn"] == pytest.approx(0.3, abs=4 * found["se"])
    assert found["weighed"] == pytest.approx(found["own"], abs=4 * found["se"])
    assert found["mass_kept"] == pytest.approx(1, abs=0.02)
    apart = np.abs(np.log(p / mu))
    assert found["mean_apart"] == pytest.approx(mu @ apart, abs=0.01)
    assert found["p99_apart"] == pytest.approx(apart.max())
