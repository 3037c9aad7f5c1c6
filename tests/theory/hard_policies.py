"""Hypothesis strategies for the inputs that break formulas: zeros, ties at the mode, one class empty, deep tails.

Also the independent arithmetic that statements are compared with: 50-digit sums by mpmath.
"""

import mpmath
import numpy as np
from hypothesis import strategies as st
from scipy.special import log_softmax

mpmath.mp.dps = 50

alphas = st.one_of(st.sampled_from([0.0, 0.5, 1.0, 1.0 + 1e-7, 2.0, 50.0]), st.floats(0, 50))
tilts = st.one_of(st.sampled_from([0.0, 1.0, 50.0]), st.floats(-5, 50))
betas = st.floats(0.05, 20)


@st.composite
def policies(draw, least=2, most=50, zeros=True, deepest=-40.0):
    """log p over 2 to 50 responses: lopsided, with ties, nearly-zero and exactly-zero probabilities."""
    n = draw(st.integers(least, most))
    logit = st.one_of(st.floats(-4, 3), st.sampled_from([2.0, 2.0, -1.0]), st.floats(deepest, -4))
    logits = np.array(draw(st.lists(logit, min_size=n, max_size=n)))
    if zeros and draw(st.booleans()):
        off = np.array(draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))) == 0
        off[draw(st.integers(0, n - 1))] = False  # something must remain
        logits[off] = -np.inf
    return log_softmax(logits)


@st.composite
def graded(draw, both=True, **options):
    """(log_p, correct): a policy and a binary grade; with both=True each class has mass."""
    log_p = draw(policies(**options))
    correct = np.array(draw(st.lists(st.booleans(), min_size=len(log_p), max_size=len(log_p))))
    on = np.flatnonzero(~np.isneginf(log_p))
    if both:
        if len(on) < 2:
            log_p, on = log_softmax(np.linspace(0, 1.3, len(log_p))), np.arange(len(log_p))
        first = draw(st.integers(0, len(on) - 1))
        correct[on[first]], correct[on[first - 1]] = True, False
    return log_p, correct


@st.composite
def rewarded(draw, **options):
    """(log_p, reward): a policy and a real reward of either sign, with ties."""
    log_p = draw(policies(**options))
    value = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(-2, 3))
    return log_p, np.array(draw(st.lists(value, min_size=len(log_p), max_size=len(log_p))))


@st.composite
def markov_policies(draw, most=5):
    """(transition, stop, start) with every state able to stop, some moves impossible."""
    n = draw(st.integers(1, most))
    weight = st.one_of(st.just(0.0), st.floats(0.02, 1.0))
    rows = np.array(draw(st.lists(weight, min_size=n * n, max_size=n * n))).reshape(n, n)
    stop = np.array(draw(st.lists(st.floats(0.05, 1.0), min_size=n, max_size=n)))
    total = rows.sum(axis=1) + stop
    return rows / total[:, None], stop / total, draw(st.integers(0, n - 1))


def brute_tilt(log_p, reward, alpha, b):
    """q_{α,b} as a list of 50-digit numbers, straight from the definition."""
    weights = [
        mpmath.mpf(0) if np.isneginf(x) else mpmath.e ** (mpmath.mpf(alpha) * mpmath.mpf(x) + mpmath.mpf(b) * r)
        for x, r in zip(log_p, map(float, reward), strict=True)
    ]
    total = mpmath.fsum(weights)
    return [w / total for w in weights]


def brute_power_sum(log_p, alpha):
    """Σ p^α over the support, to 50 digits."""
    return mpmath.fsum(mpmath.e ** (mpmath.mpf(alpha) * mpmath.mpf(x)) for x in log_p if not np.isneginf(x))


def logs(numbers):
    """Logarithms of 50-digit numbers as floats, log 0 = -inf."""
    return np.array([float(mpmath.log(x)) if x else -np.inf for x in numbers])
