"""Rollouts that a forecast may start from: samples of the base model itself, at temperature 1, and of nothing else."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from llm.rollout_file import read_file
from llm.rollout_table import from_table
from llm.suspicions import check_known, check_suspicions, suspected
from theory.estimation.samples import Rollouts, probability_seen, repeated_beyond_log_p, unequal_copies
from theory.estimation.suspicions import Suspicion

# Two programs, or two precisions, do not give the same log-probability to the last digit: nats, and a share of it.
ROUNDING, RELATIVE_ROUNDING = 0.05, 1e-3
MOST_PROBABILITY = 1.1  # of a prompt's different responses together; low precision makes a little more than 1
MOST_UNEQUAL = 0.01  # of the repeated responses; a text that was cut into other tokens may have another log p
REPEATED, STANDARD_ERRORS = 0.05, 5.0  # a share of the probability, beyond what chance explains
OF_SAMPLERS = (("candidates",), ("chain", "move"))  # columns that llm.sample writes for what is not of the model itself
SAMPLE_AGAIN = "sample the base model itself with python -m llm.sample"


class Base(NamedTuple):
    """Rollouts to start from, and what is to be said of their file. The texts, perhaps a million, are not kept."""

    rollouts: Rollouts
    unknown: Mapping[str, str]
    """a column of rollouts that the file lacks -> why"""
    notes: list[str]
    suspicions: list[Suspicion]


def read_base(path: Path, columns: Sequence[str] = (), answers: Path | None = None, accept: Sequence[str] = ()) -> Base:
    """The rollouts in a file or folder, if they are samples of the base model; see llm.rollout_file.read_file.

    accept: kinds of suspicions that are no reason to stop.
    """
    check_known(accept)
    found = read_file(path, columns, answers)
    rollouts = from_table(found.table, str(path), found.unknown)
    check_method(path)
    check_log_pi(path, found.table)
    base = Base(rollouts, found.unknown, found.lines(str(path)), suspected(found.table, rollouts))
    del found
    if "log_p" not in base.unknown:
        check_suspicions(f"ROLLOUTS {path}", base.suspicions, accept, f"{SAMPLE_AGAIN}, or go on with --accept KIND")
        check_probabilities(path, rollouts)
        if (unequal := unequal_copies(rollouts)).share > 0:
            base.notes.append(
                f"{path}: {100 * unequal.share:.1f} % of the responses that stand there more than once have different "
                f"log_p, up to {unequal.gap:.1f} nats apart; each counts with its own"
            )
    return base


def config_beside(path: Path) -> dict[str, Any]:
    """What the folder of a table says of itself; nothing where there is no config.json."""
    folder = path if path.is_dir() else path.parent
    try:
        content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def check_method(path: Path) -> None:
    """ValueError where the folder says that another sampler than the base model made the table."""
    method = config_beside(path).get("method", "base")
    if method != "base":
        raise ValueError(f"ROLLOUTS {path} was sampled with --method {method}, not from the model; {SAMPLE_AGAIN}")


def check_log_pi(path: Path, table: pd.DataFrame) -> None:
    """ValueError where log_pi, of the policy that sampled, is not log_p, or where llm.sample chose what it kept.

    A table without log_pi and without the columns of a sampler says nothing of how it was sampled.
    """
    chosen = next((own for own in OF_SAMPLERS if set(own) <= set(table)), None)
    if chosen is not None:
        raise ValueError(
            f"ROLLOUTS {path} has a column '{chosen[0]}', as rollouts have that were chosen among several or moved by "
            f"a chain (best-of-n, majority-vote, power-rollout, power-mh); {SAMPLE_AGAIN}"
        )
    if "log_pi" not in table or "log_p" not in table:
        return
    log_p, log_pi = (pd.to_numeric(table[name], errors="coerce").to_numpy(float) for name in ("log_p", "log_pi"))
    if np.isnan(log_pi).any():
        raise ValueError(
            f"ROLLOUTS {path} row {np.argmax(np.isnan(log_pi)) + 1}: log_pi is not known, as in rollouts of a power "
            f"sampler; {SAMPLE_AGAIN} (of samples of the model itself leave the column log_pi out)"
        )
    gap = float(np.mean(np.abs(log_pi - log_p)))
    if gap > ROUNDING + RELATIVE_ROUNDING * float(np.mean(np.abs(log_p))):
        raise ValueError(
            f"ROLLOUTS {path}: log_pi and log_p differ by {gap:.2f} nats a response, so that it was sampled from "
            f"another model than the base model (a trained one, or a power sampler); {SAMPLE_AGAIN}"
        )


def check_probabilities(path: Path, rollouts: Rollouts) -> None:
    """ValueError where log_p cannot be the log-probability of what was sampled, in nats."""
    unequal = unequal_copies(rollouts)
    if unequal.share > MOST_UNEQUAL:
        raise ValueError(
            f"ROLLOUTS {path}: {100 * unequal.share:.0f} % of the responses that stand there more than once have "
            f"different log_p, up to {unequal.gap:.1f} nats apart (prompt {unequal.prompt_id}); a model gives a "
            "response one log-probability: score all of them with the base model itself"
        )
    together = probability_seen(rollouts, finished=True)
    worst = int(np.argmax(together))
    if together[worst] > MOST_PROBABILITY:
        raise ValueError(
            f"ROLLOUTS {path}: by their log_p the different responses to prompt {rollouts.prompt_id[worst]} have a "
            f"probability of {together[worst]:.3g} together, more than 1; log_p must be in nats (not base 10) and "
            "summed over all tokens of a response, its end included (not a mean per token)"
        )
    excess, error = repeated_beyond_log_p(rollouts)
    if excess > REPEATED + STANDARD_ERRORS * error:
        raise ValueError(
            f"ROLLOUTS {path}: responses come back more often than their log_p says (what was seen has a probability "
            f"higher by {excess:.2f} than that of log_p); sample at temperature 1 without top-k or top-p, and "
            "give log_p in nats (not base 2), summed over the tokens"
        )
