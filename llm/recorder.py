"""What a run shows and keeps while it trains: a progress bar, a line of metrics.jsonl a step, and the time it took."""

import time
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from transformers import TrainerCallback

from figures import run_folder


class RunRecorder(TrainerCallback):
    """A line of metrics.jsonl and a tick of the progress bar for every step."""

    def __init__(self, output_dir: Path, steps: int, label: str):
        self.output_dir = output_dir
        self.progress = Progress(*Progress.get_default_columns(), "{task.fields[state]}", console=Console(stderr=True))
        self.task = self.progress.add_task(label, total=steps, state="")
        self.step_seconds: list[float] = []
        self.tokens = 0

    def on_train_begin(self, args, state, control, **kwargs):
        self.progress.start()
        self._started = time.perf_counter()

    def on_train_end(self, args, state, control, **kwargs):
        self.progress.stop()

    def on_step_end(self, args, state, control, **kwargs):
        now = time.perf_counter()
        self.step_seconds.append(now - self._started)
        self._started = now

    def on_log(self, args, state, control, logs, **kwargs):
        if not state.is_world_process_zero or "reward" not in logs:
            return
        self.tokens = state.num_input_tokens_seen
        run_folder.append_metrics(self.output_dir, {"step": state.global_step, **logs})
        shown = f"accuracy {logs['accuracy']:.2f}  length {logs['length']:.1f}  log p {logs['log_p']:.1f}"
        self.progress.update(self.task, completed=state.global_step, state=shown)
