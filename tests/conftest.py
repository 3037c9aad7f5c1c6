"""Hypothesis draws the same examples in every run, so that no failure is luck, unless it is asked for new ones.

HYPOTHESIS_PROFILE says which: gate (the same), explore (new ones), nightly (ten times as many new ones, `make
nightly`). An example that fails is kept in .hypothesis and tried first the next time; no test fails for being slow.
"""

import os

import jaxtyping
from hypothesis import settings

settings.register_profile("gate", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.register_profile("nightly", deadline=None, print_blob=True, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))

# Every public annotation of the maths is checked while the tests run, and costs nothing in use. Here and not by the
# option --jaxtyping-packages, which cannot be told that an int is a float (the numeric tower of PEP 484).
jaxtyping.install_import_hook(
    ["theory", "toysims", "figures", "llm"], "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"
)
