"""What every simulation command does around its simulation: run folder, progress, table, figures, exit code.

    def main(arguments=None):
        run("toysims.NAME", parse(Config, "toysims.NAME", arguments), prepare, simulate)

`prepare(config)` reads and checks whatever can be wrong, before anything is written; `simulate(config,
prepared, run)` does the work. Config has `output_dir: Path | None` and `overwrite: bool`.
"""

import dataclasses
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from harness import run_folder
from harness.command import one_line_errors
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
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    with one_line_errors():
        import jax  # of the extra toysims

    jax.config.update("jax_enable_x64", True)
    console = Console(width=None if sys.stdout.isatty() else 100)
    with one_line_errors():
        prepared = prepare(config)
        output_dir = config.output_dir or _fresh_folder(name.rpartition(".")[2])
        if not (resumable and _unfinished(output_dir, config)):
            run_folder.prepare(output_dir, config, config.overwrite)
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(name, total=stages)
            done = iter(range(stages + 1))

            def stage(description: str) -> None:
                progress.update(task, description=description, completed=next(done, stages))

            outcome = simulate(config, prepared, Run(output_dir, stage))
    except KeyboardInterrupt:
        print(f"interrupted; what was finished is in {output_dir}", file=sys.stderr, flush=True)
        # The ordinary way out would tear down JAX beneath the computation that still runs in its threads.
        os._exit(130)

    failed = verdict.failures(outcome.checks)
    for file, figure in outcome.figures.items():
        run_folder.write(output_dir / file, lambda part, figure=figure: figure.savefig(part))
    run_folder.write_json(
        output_dir / "summary.json",
        {**outcome.summary, "agreement": not failed, "predictions": verdict.records(outcome.checks)},
    )
    for note in outcome.notes:
        console.print(note)
    console.print(outcome.table or verdict.table(name, outcome.checks))
    console.print(f"{len(outcome.checks) - len(failed)} of {len(outcome.checks)} predictions hold", highlight=False)
    print(output_dir)
    if failed:
        for line in failed:
            print(f"prediction failed: {line}", file=sys.stderr)
        raise SystemExit(1)


def _fresh_folder(name: str) -> Path:
    return Path("runs") / f"{name}-{datetime.now():%Y%m%d-%H%M%S-%f}"


def _unfinished(output_dir: Path, config: Any) -> bool:
    """Whether the folder holds the beginning of this very run."""
    begun, finished = output_dir / "config.json", output_dir / "summary.json"
    if config.overwrite or finished.exists() or not begun.exists():
        return False
    mine = dataclasses.asdict(config)
    before = json.loads(begun.read_text())
    changed = [
        name
        for name in mine.keys() - {"output_dir", "overwrite"}
        if before.get(name) != json.loads(json.dumps(mine[name]))
    ]
    if changed:
        raise ValueError(
            f"--output-dir {output_dir} holds an unfinished run with another {', '.join(sorted(changed))}; "
            "repeat its options to go on, or name another folder, or pass --overwrite"
        )
    return True
