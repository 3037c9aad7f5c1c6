"""How far the runs of a comparison are: a bar on a terminal that sees inside each, a line a minute in a file."""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn

from harness import run_folder

EVERY = 60.0  # seconds between two lines in a file


def share_of_run(folder: Path, steps: int | None, prompts: int) -> float:
    """The share of a run that is done: of its steps, or where it is only sampled (steps is None) of its prompts."""
    if (folder / "summary.json").exists():
        return 1.0
    if steps is None:
        parts = [json.loads(path.read_text()) for path in (folder / "parts").glob("[0-9]*.json")]
        return min(sum(part["prompts"] for part in parts) / prompts, 1.0)
    if not (folder / "metrics.jsonl").exists():
        return 0.0
    step = max((row["step"] for row in run_folder.read_metrics(folder)), default=0)
    return min(step / steps, 1.0)


class HowFar:
    """Shown while jobs are at work. share(*job): what is done of a job, between 0 and 1."""

    def __init__(
        self,
        jobs: Sequence[tuple],
        share: Callable[..., float] | None = None,
        console: Console | None = None,
        now: Callable[[], float] = time.monotonic,
    ):
        self.jobs, self.share, self.now = jobs, share, now
        self.console = console or Console(stderr=True)
        self.done = 0
        self.began = self.said = now()
        text = TextColumn("{task.fields[inside]}")
        columns = (*Progress.get_default_columns(), MofNCompleteColumn(), text)
        self.bar = Progress(*columns, console=self.console, disable=not self.console.is_terminal)
        self.task = self.bar.add_task("runs", total=len(jobs), inside="")

    def __enter__(self) -> "HowFar":
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def see(self, done: int, at_work: Sequence[tuple]) -> None:
        """done: jobs that have ended; at_work: those that may be anywhere between."""
        shares = {job: self.share(*job) if self.share else 0.0 for job in at_work}
        inside = {job: share for job, share in shares.items() if share > 0}
        total = done + sum(shares.values())
        text = ", ".join(f"{'-'.join(map(str, job))} {share:.0%}" for job, share in inside.items())
        if self.console.is_terminal:
            self.bar.update(self.task, completed=total, inside=text)
        elif self.now() - self.said >= EVERY or done == len(self.jobs) > self.done:
            self.said = self.now()
            left = _left(self.now() - self.began, total, len(self.jobs))
            self.console.print(
                f"runs: {done} of {len(self.jobs)} done{left}{f'; {text}' if text else ''}", soft_wrap=True
            )
        self.done = done


def _left(seconds: float, done: float, jobs: int) -> str:
    """How long it may still take, by what was done so far."""
    if not done or done >= jobs:
        return ""
    return f", about {max(round(seconds / done * (jobs - done) / 60), 1)} min left"
