"""What every simulation command does around its simulation: run folder, progress, table, figures, exit code.

    main = command("length", LengthConfig, prepare, simulate, stages=7)

`prepare(config)` reads and checks whatever can be wrong, before anything is written; `simulate(config, prepared, run)`
does the work, most often by `tabulate`.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from harness import run_folder
from harness.command import one_line_errors, parse
from harness.reservation import Place, fresh, reserved
from toysims import verdict
from toysims.config import SimulationConfig

Options = TypeVar("Options", bound=SimulationConfig)
Prepared = TypeVar("Prepared")
Row = dict[str, Any]  # of a table of data: entries by column
Part = tuple[list[verdict.Check], list[Row]]  # what one part of a simulation gives


class Outcome(NamedTuple):
    """What a simulation hands back. `figures` maps file names to matplotlib figures; `table` is a rich table.

    Without a table of its own, the checks are printed; tables of data are written by the simulation. `unjudged` names
    the claims that the budget of samples could not tell; `learnt` is the sentence that the command ends with.
    """

    checks: Sequence[verdict.Check]
    summary: Mapping[str, Any]
    figures: Mapping[str, Any]
    table: Any = None
    notes: Sequence[str] = ()
    unjudged: Sequence[str] = ()
    learnt: str = ""


class SimulationRun(NamedTuple):
    """The simulation's hold on its run folder."""

    output_dir: Path
    stage: Callable[[str], None]  # names what the progress bar is waiting for

    def log(self, **row: Any) -> None:
        """One line of metrics.jsonl, at once: an interrupted run keeps it."""
        run_folder.append_metrics(self.output_dir, row)

    def collect(self, parts: Mapping[str, Callable[[], Part]]) -> Part:
        """One part after another, each named while it runs and logged when it is done: all checks, all rows."""
        checks: list[verdict.Check] = []
        rows: list[Row] = []
        for name, part in parts.items():
            self.stage(name)
            more_checks, more_rows = part()
            self.log(stage=name, predictions=verdict.records(more_checks))
            checks += more_checks
            rows += more_rows
        return checks, rows

    def tabulate(
        self,
        name: str,
        parts: Mapping[str, Callable[[], Part]],
        draw: Callable[[Any], Any],
        summary: Mapping[str, Any],
    ) -> Outcome:
        """Collect the parts, write their rows to NAME.parquet, and draw NAME.png from that pandas table."""
        import pandas as pd

        checks, rows = self.collect(parts)
        table = pd.DataFrame(rows)
        run_folder.write(self.output_dir / f"{name}.parquet", table.to_parquet)
        return Outcome(checks, summary, {f"{name}.png": draw(table)})


def command(
    name: str,
    config_type: type[Options],
    prepare: Callable[[Options], Prepared],
    simulate: Callable[[Options, Prepared, SimulationRun], Outcome],
    stages: int | Callable[[Options], int] = 1,
    resumable: bool = False,
) -> Callable[..., None]:
    """The main(arguments=None) of `python -m toysims.NAME`, in double precision.

    Exit code 2: bad input; 1: a prediction fails, or none was judged; 130: interrupted. A resumable command goes on in
    a folder that it began with the same config and did not finish.
    """

    def main(arguments: Sequence[str] | None = None) -> None:
        config = parse(config_type, f"toysims.{name}", arguments)
        goes_on = "the same command" if resumable else None
        with contextlib.ExitStack() as stack:
            with one_line_errors(config):
                import jax  # of the extra toysims

                jax.config.update("jax_enable_x64", True)
                folder = config.output_dir or fresh(name)
                asked = reserved(f"toysims.{name}", folder, config, config.overwrite, goes_on=goes_on)
                place = stack.enter_context(asked)
                prepared = prepare(config)
                output_dir = place.begin_or_go_on(config) if resumable else place.begin(config)
                number = stages if isinstance(stages, int) else stages(config)
            # A ValueError from here on is a bug, and keeps its traceback.
            outcome = _watched(name, number, place, lambda run: simulate(config, prepared, run))
            _write(output_dir, outcome)
        _print(name, output_dir, outcome)
        if not _agrees(outcome):
            raise SystemExit(1)

    return main


def _watched(name: str, stages: int, place: Place, simulate: Callable[[SimulationRun], Outcome]) -> Outcome:
    """The simulation under a progress bar."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(f"toysims.{name}", total=stages)
            done = iter(range(stages + 1))

            def stage(description: str) -> None:
                progress.update(task, description=description, completed=next(done, stages))

            return simulate(SimulationRun(place.path, stage))
    except KeyboardInterrupt:
        print(f"interrupted; {place.what_is_kept()}", file=sys.stderr, flush=True)
        # The ordinary way out would tear down JAX beneath the computation that still runs in its threads.
        os._exit(130)


def _agrees(outcome: Outcome) -> bool:
    """Whether something was judged, and all of it holds."""
    return bool(outcome.checks) and not verdict.failures(outcome.checks)


def _write(output_dir: Path, outcome: Outcome) -> None:
    """Figures and summary.json."""
    for file, figure in outcome.figures.items():
        run_folder.write(output_dir / file, figure.savefig)
    judged = {
        "agreement": _agrees(outcome),
        "predictions": verdict.records(outcome.checks),
        "not_judged": outcome.unjudged,
    }
    run_folder.write_json(output_dir / "summary.json", {**outcome.summary, **judged})


def _print(name: str, output_dir: Path, outcome: Outcome) -> None:
    """Notes, the table, how many predictions hold, the folder; on stderr what fails."""
    from rich.console import Console

    console, failed = Console(width=None if sys.stdout.isatty() else 100), verdict.failures(outcome.checks)
    for note in outcome.notes:
        console.print(note)
    console.print(outcome.table or verdict.table(f"toysims.{name}", outcome.checks))
    holding, unjudged = len(outcome.checks) - len(failed), len(outcome.unjudged)
    rest = f", {unjudged} not judged" if unjudged else ""
    console.print(f"{holding} of {len(outcome.checks)} predictions hold{rest}", highlight=False)
    if outcome.learnt:
        console.print(outcome.learnt, highlight=False)
    print(output_dir)
    for line in failed:
        print(f"prediction failed: {line}", file=sys.stderr)
    if not outcome.checks:
        print("no prediction was judged, so nothing was found out", file=sys.stderr)
