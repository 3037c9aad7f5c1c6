"""Hypothesis strategies: logits and rewards of six responses, and objectives with an entropy weight of any sign."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from theory.objectives import Objective

vectors = arrays(np.float64, 6, elements=st.floats(-4, 4).map(lambda x: x + 0.01 * x**2))
objectives = st.builds(Objective, st.floats(-2, 2), st.floats(-2, 2), st.sampled_from([-1.5, -0.3, 0.0, 0.2, 1.0, 3.0]))


def log_softmax(x):
    return x - np.log(np.exp(x - x.max()).sum()) - x.max()
