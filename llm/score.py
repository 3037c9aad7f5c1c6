"""python -m llm.score FILE --model MODEL: log-probabilities, under a model, of responses that stand in a file."""

from harness.command import one_line_errors, parse
from llm.scoring.config import ScoreConfig


def main(arguments: list[str] | None = None) -> None:
    config = parse(ScoreConfig, "llm.score", arguments)
    with one_line_errors(config):
        from llm.scoring.parts import score  # torch loads only now, so that --help answers at once

        print(f"wrote {score(config)}")


if __name__ == "__main__":
    main()
