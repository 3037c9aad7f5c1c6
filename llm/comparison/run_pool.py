"""Several runs at once, each in a process of its own that shares the machine's cores, and how far they are."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from multiprocessing import connection

from llm.comparison.how_far import HowFar

LOOK_EVERY = 2.0  # seconds


def side_by_side(
    work: Callable[..., None],
    jobs: Sequence[tuple],
    processes: int,
    share: Callable[..., float] | None = None,
) -> Iterator[tuple]:
    """Call work(*job) for every job, `processes` at a time in the order given; yields each job as it ends.

    share(*job): how much of a job is done, between 0 and 1, for those who wait. A job that raises ends the others that
    have not begun; its error is raised here.
    """
    if not jobs:
        return
    processes = min(processes, len(jobs))
    # Spawned, not forked: torch's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, context, initializer=_begin, initargs=(processes,))
    try:
        with HowFar(jobs, share) as seen:
            with _ctrl_c_blocked():  # the workers inherit it: it is this process that answers, and it ends them
                running = {pool.submit(work, *job): job for job in jobs}
            waiting = set(running)
            while waiting:
                ended, waiting = wait(waiting, LOOK_EVERY, FIRST_COMPLETED)
                for one in ended:
                    one.result()
                    yield running[one]
                at_work = [running[one] for one in waiting if one.running()]
                seen.see(len(running) - len(waiting), sorted(at_work, key=jobs.index))
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

    threading.Thread(target=_end_with_parent, daemon=True).start()
    # TRL 1.16 still asks transformers for is_gradient_checkpointing under its old name.
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    if processes > 1 and "OMP_NUM_THREADS" not in os.environ:
        import torch

        torch.set_num_threads(max(1, (os.cpu_count() or 1) // processes))


def _end_with_parent() -> None:
    """A worker whose parent was killed would finish its run unseen, and then wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:  # always so in a worker
        connection.wait([parent.sentinel])
        os._exit(1)
