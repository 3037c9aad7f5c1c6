"""python -m figures.report RUN...: one self-contained HTML page that tells what the run folders hold.

    python -m figures.report runs/compare runs/forecast runs/sharpening --output runs/report.html

Give the forecast of the compared model as well: then α and b can be moved on the page.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from harness.command import one_line_errors, parse


@dataclass(frozen=True)
class ReportConfig:
    """Write one HTML page with question, prediction, runs, verdict, tables, figures and how to rerun."""

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """run folders of llm.compare, llm.train, llm.forecast, llm.evaluate, llm.sample, toy simulations, samplers.json"""
    output: Path = Path("runs/report.html")
    """the page; one that is there is replaced"""

    def __post_init__(self):
        if not self.runs:
            raise ValueError("name at least one run folder, such as runs/compare")
        if self.output.suffix != ".html":
            raise ValueError(f"--output {self.output} must end in .html")


def main(arguments: list[str] | None = None) -> None:
    config = parse(ReportConfig, "figures.report", arguments)
    with one_line_errors(config):
        from figures.page.page import page
        from harness.run_folder import write
        from harness.run_kind import folders

        content = page(folders(config.runs))
        config.output.parent.mkdir(parents=True, exist_ok=True)
        write(config.output, lambda part: part.write_text(content, encoding="utf-8"))
        print(f"wrote {config.output} ({len(content.encode()) / 1e6:.1f} MB)")


if __name__ == "__main__":
    main()
