"""python -m figures.all RUN...: every figure that the run folders allow, as PNG and PDF.

    python -m figures.all runs/compare runs/forecast runs/sharpening

RUN is a folder of llm.compare, llm.train, llm.forecast, llm.evaluate, llm.sample or of any toy simulation, or the
samplers.json of benchmarks/samplers.py. Given together, a forecast is drawn beneath the runs of its model, and the
votes of llm.evaluate (maj@k) beside their pass@k.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from harness.command import one_line_errors, parse

FORMATS = ("png", "pdf")


@dataclass(frozen=True)
class FiguresConfig:
    """Draw every figure that the run folders allow, as PNG and PDF."""

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """run folders of llm.compare, llm.train, llm.forecast, llm.evaluate or a toy simulation, or a samplers.json"""
    output_dir: Path = Path("runs/figures")
    """where the figures go; those of the same name are replaced"""

    def __post_init__(self):
        if not self.runs:
            raise ValueError("name at least one run folder, such as runs/compare")


def draw_all(config: FiguresConfig) -> list[Path]:
    """Write FOLDER-FIGURE.png and .pdf for each figure; returns the paths. ValueError: nothing to draw."""
    from figures.gallery import drawings
    from harness.run_folder import write
    from harness.run_kind import folders
    from harness.startup import work_begins

    found = list(drawings(folders(config.runs)))
    if not found:
        raise ValueError(f"RUN {config.runs[0]} has nothing to draw; add a folder of llm.compare or llm.forecast")
    config.output_dir.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    work_begins(lambda: f"the first {len(written[:-1])} files in {config.output_dir} are whole; run the command again")
    for drawing in found:
        canvas = drawing.figure()
        for form in FORMATS:
            written.append(config.output_dir / f"{drawing.folder}-{drawing.name}.{form}")
            write(written[-1], canvas.savefig)
            canvas.set_layout_engine("none")  # it is laid out; to do it again would only take time
    return written


def main(arguments: list[str] | None = None) -> None:
    config = parse(FiguresConfig, "figures.all", arguments)
    with one_line_errors(config):
        for path in draw_all(config):
            print(path)


if __name__ == "__main__":
    main()
