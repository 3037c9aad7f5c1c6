"""python -m llm.forecast ROLLOUTS: what sharpening and a task reward would do to the model that made these rollouts."""

import dataclasses
from pathlib import Path

from harness.command import one_line_errors, parse
from llm.forecasting.config import ForecastConfig

DEMO = Path(__file__).parent / "demo"  # its README.md says what it is


def main(arguments: list[str] | None = None) -> None:
    config = parse(ForecastConfig, "llm.forecast", arguments)
    with one_line_errors(config):
        from llm.forecasting.report import write_forecast

        if config.rollouts == Path("demo") and not config.rollouts.exists():
            print(f"demo: 48 sums × 64 responses of the bundled model aligned ({DEMO})\n")
            config = dataclasses.replace(config, rollouts=DEMO)
        print(f"wrote {write_forecast(config)}")


if __name__ == "__main__":
    main()
