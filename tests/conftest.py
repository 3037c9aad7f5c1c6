"""Hypothesis draws the same examples in every run, and no test fails for being slow on a shared machine."""

import jaxtyping
from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")

# Every public annotation of the maths is checked while the tests run, and costs nothing in use. Here and not by the
# option --jaxtyping-packages, which cannot be told that an int is a float (the numeric tower of PEP 484).
jaxtyping.install_import_hook(
    ["theory", "toysims"], "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"
)
