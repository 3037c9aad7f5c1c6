"""python -m figures.report RUN...: one self-contained HTML page that tells what the run folders hold.

    python -m figures.report runs/compare runs/forecast runs/sharpening --output runs/report.html

Give the forecast of the compared model as well: then α and b can be moved on the page.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from harness.command import one_line_errors, parse

PAGE_TITLE = b"<title>Sharpening or a task reward: the study</title>"


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


def check_is_a_page_of_ours(path: Path) -> None:
    """ValueError where something else has the name: only a page of this command is replaced."""
    if path.is_dir():
        raise ValueError(f"--output {path} is a folder; name a file that ends in .html")
    if path.exists() and PAGE_TITLE not in path.read_bytes()[:4000]:
        raise ValueError(f"--output {path} is no page of this command, and is not replaced; give it another name")


def main(arguments: list[str] | None = None) -> None:
    config = parse(ReportConfig, "figures.report", arguments)
    with one_line_errors(config):
        from figures.page.page import page
        from harness.run_folder import write
        from harness.run_kind import folders
        from harness.startup import work_begins

        check_is_a_page_of_ours(config.output)
        content = page(folders(config.runs))
        work_begins(lambda: f"{config.output} is as it was")
        config.output.parent.mkdir(parents=True, exist_ok=True)
        write(config.output, lambda part: part.write_text(content, encoding="utf-8"))
        print(f"wrote {config.output} ({len(content.encode()) / 1e6:.1f} MB)")


if __name__ == "__main__":
    main()
