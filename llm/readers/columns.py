"""--column OURS=THEIRS: the user's own words for what a column of a file is."""

from collections.abc import Sequence


def parsed_columns(columns: Sequence[str]) -> dict[str, str]:
    """OURS=THEIRS as {ours: theirs}; ValueError names one that is not of this form, or that stands there twice."""
    named: dict[str, str] = {}
    for column in columns:
        own, equals, theirs = column.partition("=")
        if not (own and equals and theirs) or own in named:
            raise ValueError(f"--column {column} must be OURS=THEIRS, each of ours once, such as log_p=sum_logprob")
        named[own] = theirs
    return named
