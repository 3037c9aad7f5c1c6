"""What a run keeps of its prompts: the first, and a hash of all; and where two prompts begin to differ."""

import hashlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.ownership import read_mark

AROUND = 30  # characters that are shown from where two texts differ


def facts_of(rendered: Sequence[str]) -> dict[str, Any]:
    """For environment.json; the hash is over the prompts in their order."""
    sha256 = hashlib.sha256("\0".join(rendered).encode("utf-8", "surrogatepass")).hexdigest()
    return {"count": len(rendered), "first": rendered[0], "sha256": sha256}


def show(facts: Mapping[str, Any]) -> None:
    """The first prompt, on stderr, as the model reads it."""
    print(f"the first of {facts['count']} prompts (sha256 of all: {facts['sha256'][:12]}):", file=sys.stderr)
    for line in facts["first"].split("\n"):
        print(f"  | {line}", file=sys.stderr)


def check_same(folder: Path, facts: Mapping[str, Any], how: str) -> None:
    """ValueError where the run that the folder holds was begun with other prompts; older runs say nothing of them."""
    kept = (read_mark(folder) or {}).get("prompts")
    if not isinstance(kept, dict) or kept.get("sha256") == facts["sha256"]:
        return
    where = difference(str(kept.get("first")), facts["first"])
    raise ValueError(
        f"{how}: the run in {folder} has other prompts ({where or 'the first is the same, a later one is not'}); give "
        "the same prompts, or another --output-dir for another run"
    )


def difference(there: str, here: str) -> str | None:
    """Where two texts begin to differ, in words; None for equal texts."""
    if there == here:
        return None
    place = next((i for i, (a, b) in enumerate(zip(there, here, strict=False)) if a != b), min(len(there), len(here)))
    return f"from character {place + 1} on it has {_from(there, place)}, and this run {_from(here, place)}"


def _from(text: str, place: int) -> str:
    rest = text[place : place + AROUND]
    return repr(rest) + ("..." if len(text) > place + AROUND else "") if rest else "no more"
