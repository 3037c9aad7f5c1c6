"""What every simulation command does around its simulation: run folder, progress, table, figures, exit code.

    def main(arguments=None):
        run("toysims.NAME", parse(Config, "toysims.NAME", arguments), prepare, simulate)

`prepare(config)` reads and checks whatever can be wrong, before anything is written; `simulate(config,
prepared, run)` does the work. Config has `output_dir: Path | None` and `overwrite: bool`.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from harness import run_folder
from harness.command import one_line_errors
from harness.reservation import Place, fresh, reserved
from toysims import verdict


class Outcome(NamedTuple):
    """What a simulation hands back. `figures` maps file names to matplotlib figures; `table` is a rich table.

    Without a table of its own, the checks are printed; tables of data are written by the simulation.
    """

    checks: Sequence[verdict.Check]
    summary: Mapping[str, Any]
    figures: Mapping[str, Any]
    table: Any = None
    notes: Sequence[str] = ()


class Run(NamedTuple):
    """The simulation's hold on its run folder."""

    output_dir: Path
    stage: Callable[[str], None]  # names what the progress bar is waiting for

    def log(self, **row: Any) -> None:
        """One line of metrics.jsonl, at once: an interrupted run keeps it."""
        run_folder.append_metrics(self.output_dir, row)


def run(
    name: str,
    config: Any,
    prepare: Callable[[Any], Any],
    simulate: Callable[[Any, Any, Run], Outcome],
    stages: int = 1,
    resumable: bool = False,
) -> None:
    """Run one simulation in double precision. Exit 2: bad input; 1: a prediction fails; 130: interrupted.

    A resumable one goes on in a folder that it began with the same config and did not finish.
    """
    goes_on = "the same command" if resumable else None
    with contextlib.ExitStack() as stack:
        with one_line_errors(config):
            import jax  # of the extra toysims

            jax.config.update("jax_enable_x64", True)
            output_dir = config.output_dir or fresh(name.rpartition(".")[2])
            place = stack.enter_context(reserved(name, output_dir, config, config.overwrite, goes_on=goes_on))
            prepared = prepare(config)
            output_dir = place.begin_or_go_on(config) if resumable else place.begin(config)
        # A ValueError from here on is a bug, and keeps its traceback.
        outcome = _simulate(name, place, lambda run: simulate(config, prepared, run), stages)
        failed = verdict.failures(outcome.checks)
        _write(output_dir, outcome, failed)
    _print(name, output_dir, outcome, failed)
    if failed:
        raise SystemExit(1)


def _simulate(name: str, place: Place, simulate: Callable[[Run], Outcome], stages: int) -> Outcome:
    """The simulation under its progress bar."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(name, total=stages)
            done = iter(range(stages + 1))

            def stage(description: str) -> None:
                progress.update(task, description=description, completed=next(done, stages))

            return simulate(Run(place.path, stage))
    except KeyboardInterrupt:
        print(f"interrupted; {place.what_is_kept()}", file=sys.stderr, flush=True)
        # The ordinary way out would tear down JAX beneath the computation that still runs in its threads.
        os._exit(130)


def _write(output_dir: Path, outcome: Outcome, failed: Sequence[str]) -> None:
    for file, figure in outcome.figures.items():
        run_folder.write(output_dir / file, lambda part, figure=figure: figure.savefig(part))
    run_folder.write_json(
        output_dir / "summary.json",
        {**outcome.summary, "agreement": not failed, "predictions": verdict.records(outcome.checks)},
    )


def _print(name: str, output_dir: Path, outcome: Outcome, failed: Sequence[str]) -> None:
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 100)
    for note in outcome.notes:
        console.print(note)
    console.print(outcome.table or verdict.table(name, outcome.checks))
    console.print(f"{len(outcome.checks) - len(failed)} of {len(outcome.checks)} predictions hold", highlight=False)
    print(output_dir)
    for line in failed:
        print(f"prediction failed: {line}", file=sys.stderr)
