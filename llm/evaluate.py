"""python -m llm.evaluate: pass@k, maj@k, length, truncation and KL of rollouts, with intervals and paired differences.

    python -m llm.evaluate runs/a runs/b low-temperature/rollouts.parquet

A run folder stands for its base, last and (where one was chosen) best rollouts. Differences are taken prompt by prompt
to the first table named, over the prompts that both have.
"""

from harness.command import one_line_errors, parse
from llm.evaluation.config import EvaluateConfig


def main(arguments: list[str] | None = None) -> None:
    config = parse(EvaluateConfig, "llm.evaluate", arguments)
    with one_line_errors(config):
        from llm.evaluation.tables import evaluate  # pandas and scipy load only now, so that --help answers at once

        print(f"wrote {evaluate(config)}")


if __name__ == "__main__":
    main()
