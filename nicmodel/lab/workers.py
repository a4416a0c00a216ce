"""Worker processes that each hold one job at a time: the death of one loses only the job it was on.

`concurrent.futures` gives up the whole pool when a worker dies; a sweep of a night may not. Workers ignore
Ctrl-C; the parent, told through `stop`, ends them and keeps what is finished.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any

from nicmodel.sim.errors import ScenarioError
from nicmodel.sim.units import quoted

POLL_SECONDS = 0.2  # how soon a stop is noticed
JOIN_SECONDS = 2.0
DIED = "its worker died"
RUN_ANEW = 79  # exit code of a worker that would start workers itself: it is running the script that has started it
NO_GUARD = 'a script that starts workers is run anew by each of them: it needs `if __name__ == "__main__":`, and to be a file'


def check_workers(count: int, who: str) -> None:
    """Raises ScenarioError for a number of workers that there cannot be; `who` needs them. A worker that is being started, and
    so may start none, ends here without a traceback: who has started it tells why."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):  # what multiprocessing itself looks at
        sys.exit(RUN_ANEW)
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise ScenarioError(f"workers: {quoted(count)} is not allowed: {who} needs a whole number, 1 or more", key="workers")


@dataclass
class Outcome:
    """One job's end: its value, or why there is none."""

    job: Any
    value: Any = None
    error: str | None = None


class Worker:
    """A spawned process at the other end of a pipe, and the job it is on."""

    def __init__(self, work: Callable[[Any], Any]):
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(work, theirs), daemon=True)
        with _deaf_to_interrupts():
            self.process.start()
        theirs.close()
        self.job: Any = None
        self.answered = False

    def give(self, job: Any) -> None:
        """Let it begin a job; `collect` tells how that ended."""
        self.job = job
        try:
            self.pipe.send(job)
        except OSError:
            pass  # it died idle; `collect` will tell

    def collect(self) -> Outcome:
        """The end of its job; a dead worker's job ends with the reason. Raises ScenarioError if no worker could live."""
        job, self.job = self.job, None
        try:
            value, error = self.pipe.recv()
            self.answered = True
            return Outcome(job, value, error)
        except (EOFError, OSError):
            self.process.join(JOIN_SECONDS)
            if self.process.exitcode == RUN_ANEW:
                raise ScenarioError(NO_GUARD) from None
            why = f"{DIED} (exit code {self.process.exitcode})"
            return Outcome(job, error=why if self.answered or self.process.exitcode != 1 else f"{why}: {NO_GUARD}")

    def end(self) -> None:
        """Stop it, whatever it does, by force if it does not listen."""
        self.pipe.close()
        if self.process.is_alive():
            self.process.terminate()
        self.process.join(JOIN_SECONDS)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """A process started here never sees Ctrl-C, not even while it boots; ours is only delayed.

    The first start would start the resource tracker, too, and that ends with Ctrl-C let in again: so it comes first.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def serve(work: Callable[[Any], Any], pipe: Connection) -> None:
    """A worker's life: take a job, answer (value, None) or (None, sentence), until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            job = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            answer: tuple[Any, str | None] = work(job), None
        except Exception as error:  # the job's fault stays with the job
            answer = None, f"{type(error).__name__}: {error}".replace("\n", " ")
        try:
            pipe.send(answer)
        except OSError:
            return


def run_all(
    work: Callable[[Any], Any],
    jobs: Sequence[Any],
    count: int,
    finished: Callable[[Outcome], None],
    stop: threading.Event | None = None,
) -> None:
    """Do every job on `count` workers, calling `finished` as each ends, until done or stopped.

    `work` and the jobs are pickled: `work` is a module's function. Raises ScenarioError if the main script is none that
    workers can run anew.
    """
    if jobs and getattr(sys.modules["__main__"], "__file__", None) == "<stdin>":
        raise ScenarioError(NO_GUARD)
    waiting = list(reversed(jobs))
    workers: list[Worker] = []
    try:
        while waiting or any(worker.job is not None for worker in workers):
            if stop is not None and stop.is_set():
                return
            while waiting and len(workers) < count:
                workers.append(Worker(work))
                workers[-1].give(waiting.pop())
            ready = wait([worker.pipe for worker in workers if worker.job is not None], POLL_SECONDS)
            for worker in [w for w in workers if w.pipe in ready]:
                outcome = worker.collect()
                alive = worker.process.is_alive() and not (outcome.error or "").startswith(DIED)
                if alive and waiting:
                    worker.give(waiting.pop())
                elif not alive:
                    worker.end()
                    workers.remove(worker)
                finished(outcome)
    finally:
        for worker in workers:
            worker.end()
