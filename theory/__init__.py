"""Where an objective takes a policy, how fast, and whether it stays: the (alpha, b) plane as pure functions.

A room is loaded when it is first named (`theory.tilt`), so that a command pays only for what it uses.
"""

import importlib

__all__ = [
    "budget",
    "distribution",
    "dynamics",
    "fixed_points",
    "length",
    "noise",
    "objectives",
    "passk",
    "policy_file",
    "problem",
    "reweighting",
    "saddle_node",
    "sequences",
    "shortest_path",
    "support",
    "tilt",
    "trainers",
    "vocabulary",
    "voting",
]


def __getattr__(name: str):
    if name in __all__:
        return importlib.import_module(f"theory.{name}")
    raise AttributeError(f"theory has no module {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return __all__
