"""Hypothesis draws new examples in every run, and the same ones where a failure must not be luck: CI and `make test`.

HYPOTHESIS_PROFILE says which: gate (the same examples), desk (new ones), nightly (ten times as many, `make nightly`).
An example that fails is kept in .hypothesis and tried first the next time; no test fails for being slow.
"""

import os

import jaxtyping
from hypothesis import settings

settings.register_profile("gate", derandomize=True, deadline=None)
settings.register_profile("desk", deadline=None, print_blob=True)
settings.register_profile("nightly", deadline=None, print_blob=True, max_examples=1000)
settings.register_profile("explore", settings.get_profile("desk"))  # what it was called before
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("gate" if os.environ.get("CI") else "desk"))

# Every public annotation of the maths is checked while the tests run, and costs nothing in use. Here and not by the
# option --jaxtyping-packages, which cannot be told that an int is a float (the numeric tower of PEP 484).
jaxtyping.install_import_hook(
    ["theory", "toysims", "figures", "llm"], "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"
)
