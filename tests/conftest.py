"""Hypothesis draws the same examples in every run, unless asked to explore; no test fails for being slow."""

import os

import jaxtyping
from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

# Every public annotation of the maths is checked while the tests run, and costs nothing in use. Here and not by the
# option --jaxtyping-packages, which cannot be told that an int is a float (the numeric tower of PEP 484).
jaxtyping.install_import_hook(
    ["theory", "toysims", "figures", "llm"], "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"
)
