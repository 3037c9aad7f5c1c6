"""python -m llm.forecast ROLLOUTS: what sharpening and a task reward would do to the model that made these rollouts."""

from harness.command import one_line_errors, parse
from llm.forecasting.config import ForecastConfig


def main(arguments: list[str] | None = None) -> None:
    config = parse(ForecastConfig, "llm.forecast", arguments)
    with one_line_errors(config):
        from llm.forecasting.report import write_forecast

        print(f"wrote {write_forecast(config)}")


if __name__ == "__main__":
    main()
