"""SIGTERM, as a cluster sends it before its time limit: the step in work is finished, saved, and the run stops."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

from transformers import TrainerCallback


class RunStopped(Exception):
    """A run that was asked to stop and has saved what it needs to go on."""

    def __init__(self, output_dir: Path, step: int, steps: int):
        super().__init__(f"stopped after step {step} of {steps}; the same command with --resume goes on")
        self.output_dir, self.step, self.steps = output_dir, step, steps

    def __reduce__(self):  # from a worker to the command that waits for it
        return RunStopped, (self.output_dir, self.step, self.steps)


class StopWhenAsked(TrainerCallback):
    """Between two steps: has any process been asked to stop? Then save and leave the loop."""

    def __init__(self):
        self.asked = False
        self.stopped = False

    def on_step_end(self, args, state, control, **kwargs):
        if self._asked_anywhere(args) and not control.should_training_stop:
            self.stopped = control.should_save = control.should_training_stop = True

    def _asked_anywhere(self, args) -> bool:
        if args.world_size == 1:
            return self.asked
        import torch

        # The signal reaches the processes at different times; all must stop after the same step.
        flag = torch.tensor(float(self.asked), device=args.device)
        torch.distributed.all_reduce(flag)
        return bool(flag)


@contextlib.contextmanager
def stop_on_sigterm(callback: StopWhenAsked) -> Iterator[None]:
    """While inside, SIGTERM is a request; outside the main thread, where Python takes no signals, nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number, frame):
        callback.asked = True

    before = signal.signal(signal.SIGTERM, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
