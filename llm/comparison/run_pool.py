"""Several runs at once, each in a process of its own that shares the machine's cores, under one progress bar."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import connection

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress


def side_by_side(work: Callable[..., None], jobs: Sequence[tuple], processes: int) -> Iterator[tuple]:
    """Call work(*job) for every job, `processes` at a time in the order given; yields each job as it ends.

    A job that raises ends the others that have not begun; its error is raised here.
    """
    if not jobs:
        return
    processes = min(processes, len(jobs))
    progress = Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=Console(stderr=True))
    # Spawned, not forked: torch's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, context, initializer=_begin, initargs=(processes,))
    try:
        with progress:
            bar = progress.add_task("runs", total=len(jobs))
            with _ctrl_c_blocked():  # the workers inherit it: it is this process that answers, and it ends them
                running = {pool.submit(work, *job): job for job in jobs}
            for done in as_completed(running):
                done.result()
                progress.advance(bar)
                yield running[done]
    except KeyboardInterrupt:
        for worker in multiprocessing.active_children():
            worker.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _ctrl_c_blocked() -> Iterator[None]:
    """While inside, Ctrl-C waits; processes that are started here never see it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(processes: int) -> None:
    import warnings

    import torch

    threading.Thread(target=_end_with_parent, daemon=True).start()
    # TRL 1.16 still asks transformers for is_gradient_checkpointing under its old name.
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    if processes > 1 and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // processes))


def _end_with_parent() -> None:
    """A worker whose parent was killed would finish its run unseen, and then wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:  # always so in a worker
        connection.wait([parent.sentinel])
        os._exit(1)
