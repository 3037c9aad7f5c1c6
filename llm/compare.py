"""python -m llm.compare: one base model, every regime, the same prompts, a forecast written before the first run."""

import dataclasses
import sys

from harness.command import one_line_errors, parse_known
from llm.comparison.config import ARMS, CompareConfig, TrainedArm
from llm.training.option_lists import check_options


def main(arguments: list[str] | None = None) -> None:
    config, trl_arguments = parse_known(CompareConfig, "llm.compare", arguments)
    with one_line_errors(config):
        own = [field.name for field in dataclasses.fields(config)]
        arms = [ARMS[name] for name in config.arms]
        check_options(trl_arguments, own, {arm.regime for arm in arms if isinstance(arm, TrainedArm)})
        import warnings

        # TRL 1.16 still asks transformers for is_gradient_checkpointing under its old name.
        warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
        from llm.comparison.comparison import compare  # torch and TRL load only now, so that --help answers at once
        from llm.training.interruption import RunStopped

        try:
            print(f"wrote {compare(config, trl_arguments)}")
        except RunStopped as stopped:
            print(f"{stopped.output_dir} was asked to stop; the same command goes on with that run", file=sys.stderr)
            raise SystemExit(143) from None


if __name__ == "__main__":
    main()
