"""Hypothesis draws new examples in every run, and the same ones where CI is set, so that no failure there is luck.

HYPOTHESIS_PROFILE says otherwise: gate (the same), explore (new ones), nightly (ten times as many new ones, `make
nightly`). An example that fails is kept in .hypothesis and tried first the next time, and printed with the line that
repeats it; no test fails for being slow.
"""

import gc
import os

import jaxtyping
from hypothesis import settings

# Said of each, since where CI is set hypothesis begins from a profile of its own that draws the same.
settings.register_profile("gate", derandomize=True, deadline=None)
settings.register_profile("explore", derandomize=False, deadline=None, print_blob=True)
settings.register_profile("nightly", derandomize=False, deadline=None, print_blob=True, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("gate" if os.environ.get("CI") else "explore"))

# Every public annotation of the maths is checked while the tests run, and costs nothing in use. Here and not by the
# option --jaxtyping-packages, which cannot be told that an int is a float (the numeric tower of PEP 484).
jaxtyping.install_import_hook(
    ["theory", "toysims", "figures", "llm"], "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"
)


def pytest_collection_finish():
    """Whatever is imported by now stays: the garbage collector, which trainers call, need not look through it again."""
    gc.freeze()
