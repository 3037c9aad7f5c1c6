"""python -m llm.forecast ROLLOUTS: what sharpening and a task reward would do to the model that made these rollouts."""

import dataclasses
import sys
from pathlib import Path

from harness.command import one_line_errors, parse
from llm.forecasting.config import ForecastConfig

DEMO = Path(__file__).parent / "demo"  # its README.md says what it is


def demo_rollouts(named: Path) -> Path:
    """The bundled rollouts; what lies here under their name goes before them, and that is said."""
    if named.exists():
        print(f"demo: {named.resolve()}; the bundled rollouts are {DEMO}", file=sys.stderr)
        return named
    print("demo: 48 sums × 64 responses of the bundled model aligned\n")
    return DEMO


def main(arguments: list[str] | None = None) -> None:
    config = parse(ForecastConfig, "llm.forecast", arguments)
    with one_line_errors(config):
        from llm.forecasting.report import write_forecast

        if config.rollouts == Path("demo"):
            config = dataclasses.replace(config, rollouts=demo_rollouts(config.rollouts))
        print(f"wrote {write_forecast(config)}")


if __name__ == "__main__":
    main()
