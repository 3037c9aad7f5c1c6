"""python -m llm.sample: responses of a model, with their log-probabilities and rewards."""

from harness.command import one_line_errors, parse
from llm.sampling.config import SampleConfig


def main(arguments: list[str] | None = None) -> None:
    config = parse(SampleConfig, "llm.sample", arguments)
    with one_line_errors(config):
        from llm.sampling.parts import learnt, sample  # torch loads only now, so that --help answers at once

        path = sample(config)
        print(learnt(path.parent))
        print(f"wrote {path}")


if __name__ == "__main__":
    main()
