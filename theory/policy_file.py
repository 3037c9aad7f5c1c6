"""A response distribution in a JSON file: {"log_p": [...]} or {"p": [...]}, "reward", and optionally "length"."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from theory.distribution import checked_log_p, checked_reward


@dataclass(frozen=True, eq=False)
class Policy:
    """A response distribution of one prompt: log_p (nats), reward, and length in tokens if known."""

    log_p: Float[np.ndarray, " y"]
    reward: Float[np.ndarray, " y"]
    length: Float[np.ndarray, " y"] | None


def read_policy(path: Path) -> Policy:
    """The response distribution in a JSON file. ValueError names the entry that is missing or wrong."""
    try:
        content = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ValueError(f"--policy {path} is not JSON, line {error.lineno}: {error.msg}") from None
    if not isinstance(content, dict) or ("log_p" in content) == ("p" in content):
        raise ValueError(f"--policy {path} needs an object with exactly one of log_p and p")
    name = "log_p" if "log_p" in content else "p"
    log_p = _numbers(content, name, path)
    if name == "p":
        if not np.all(log_p >= 0):
            raise ValueError(f"p holds {log_p[~(log_p >= 0)][0]}; a probability is a number >= 0")
        with np.errstate(divide="ignore"):  # an exact zero is off the support
            log_p = np.log(log_p)
    log_p = checked_log_p(log_p, name)
    reward = checked_reward(_numbers(content, "reward", path), log_p)
    if "length" not in content:
        return Policy(log_p, reward, None)
    return Policy(log_p, reward, checked_reward(_numbers(content, "length", path), log_p, "length"))


def _numbers(content, name, path):
    """One list of numbers of the file; null is refused, and so is text."""
    if name not in content:
        raise ValueError(f"--policy {path} has no {name}; give one number a response")
    try:
        values = np.array(content[name], dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} in --policy {path} must be a list of numbers") from None
    if values.ndim != 1:
        raise ValueError(f"{name} in --policy {path} must be a list of numbers, got shape {values.shape}")
    return values
