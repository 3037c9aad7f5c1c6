"""The fixed-point atlas, `python -m theory.atlas`: objective x trainer -> target, rate, stability, threshold.

With --policy FILE the thresholds and the targets are computed for one's own response distribution. FILE is JSON,
{"log_p": [...]} or {"p": [...]} with "reward" and optionally "length" in tokens, or a table of rollouts (JSON, JSONL,
Parquet), of which --prompt-id names one prompt.

What the columns mean is said in `fixed_points`. A file that lists part of a model's responses is computed for that part
alone, renormalised, and the result says how much of the probability that was.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from harness.command import one_line_errors, parse


@dataclass(frozen=True)
class AtlasConfig:
    """Where each objective ends under each trainer, how fast, and whether it stays."""

    alpha: float = 4.0
    """Power of the tempered regimes, and of each round of a moving reference."""
    beta: float = 0.25
    """Weight of the KL or of the vote; b = 1/beta."""
    kappa: float = 1.0
    """Length exponent: returns are divided by |y|^kappa."""
    mixing: float = 0.0
    """Share of p that a moving reference keeps each round."""
    num_generations: int = 8
    """Responses to a prompt that GRPO compares with each other (TRL's num_generations)."""
    policy: Path | None = None
    """JSON, JSONL or Parquet with log_p (or p), reward and optionally length of one prompt's responses."""
    prompt_id: str | None = None
    """Which prompt, if the policy file has several."""
    json: bool = False
    """Print JSON instead of the table."""


def main() -> None:
    config = parse(AtlasConfig, "theory.atlas")
    from harness.text_table import width
    from theory.distribution import SUM_TOLERANCE
    from theory.fixed_points import Trainer, fixed_points, measured, thresholds
    from theory.policy_file import read_policy

    with one_line_errors(config):
        trainer = Trainer(config.alpha, config.beta, config.kappa, config.mixing, config.num_generations)
        if config.prompt_id is not None and config.policy is None:
            raise ValueError(f"--prompt-id {config.prompt_id} needs --policy FILE")
        listed = read_policy(config.policy, config.prompt_id) if config.policy else None
        policy = listed and listed.problem
        entries = list(fixed_points(trainer, policy))
        about = thresholds(trainer, policy) if policy else {}
        if listed and abs(listed.mass - 1) > SUM_TOLERANCE:
            about = {"responses": len(listed.problem), "probability_listed": listed.mass, **about}
    rows = [
        {name: text for name, text in entry._asdict().items() if name != "log_target"} | measured(entry, policy)
        for entry in entries
    ]
    if config.json:
        text = json.dumps({"entries": rows, "policy": about}, indent=2, allow_nan=False)
    else:
        text = "\n".join(
            [_table(rows, width()), *(f"{name.replace('_', ' ')}: {_cell(value)}" for name, value in about.items())]
        )
    with one_line_errors(config):
        print(text)


def _table(rows, columns):
    """Every row numbered, to be found again in the next block of columns; a cell that does not apply is empty.

    Blocks, because a line that a terminal breaks is a table that nobody can read.
    """
    from harness.text_table import table

    names = list(dict.fromkeys(name for row in rows for name in row))
    header = ["", *(name.replace("_", " ") for name in names)]
    cells = [[str(number), *(_cell(row.get(name, "")) for name in names)] for number, row in enumerate(rows, 1)]
    return table(header, cells, columns, left=range(1, len(header))) + "\n"


def _cell(value):
    if value is None:
        return "none"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
