"""Where a file's own numbers are not those of the model that scored its texts again."""

import numpy as np
import pandas as pd

from llm.rollout_table import as_given, from_table
from llm.suspicions import sentence, suspected
from theory.estimation.suspicions import beside_the_models_own


def notes(file: pd.DataFrame, scored: pd.DataFrame) -> list[str]:
    """Sentences: other tokens than were sampled, other log p than the file's, and what the scored table looks like."""
    found = [_tokens(file, scored), _log_p(file, scored)]
    policy = {} if "log_pi" in scored else {"log_pi": scored["log_p"]}
    odd = suspected(scored, from_table(scored.assign(**policy)))
    return [line for line in found if line] + [sentence(suspicion) for suspicion in odd]


def other_tokens(file: pd.DataFrame, length: np.ndarray) -> np.ndarray:
    """Which responses have another number of tokens than the file says."""
    said = as_given(file, "length") if "length" in file else np.full(len(length), np.nan)
    return ~np.isnan(said) & (said != length)


def _tokens(file: pd.DataFrame, scored: pd.DataFrame) -> str | None:
    """How many responses are surely other tokens than were sampled."""
    length = scored["length"].to_numpy(float)
    other = other_tokens(file, length)
    if not other.any():
        return None
    row = int(np.argmax(other))
    return (
        f"{other.sum()} of {len(other)} responses are read back as other tokens than were sampled (row {row + 1}: "
        f"{length[row]:.0f}, and {as_given(file, 'length')[row]:.0f} in the file; the column other_tokens marks them); "
        "their log p is that of the tokenizer's own way to write them"
    )


def _log_p(file: pd.DataFrame, scored: pd.DataFrame) -> str | None:
    """What the file's log p look like beside those of the model; its own are kept as log_p_given."""
    if "log_p" not in file:
        return None
    given, own, length = as_given(file, "log_p"), *(scored[name].to_numpy(float) for name in ("log_p", "length"))
    prompt = pd.factorize(scored["prompt_id"])[0]
    known = ~np.isnan(given) & ~other_tokens(file, length)
    if not known.any():
        return None
    odd = beside_the_models_own(given[known], own[known], length[known], prompt[known])
    return None if odd is None else f"in the file, {sentence(odd)}; it is kept as log_p_given"
