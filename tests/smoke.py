"""The checked build and a short run on it: `python -m tests.smoke [--minutes M] [--seed N]`.

Builds the compiled plane with bounds, invariants and undefined behaviour looked at (and every memory access, where
the compiler brings its libasan), in build/ and never in place. A process of its own then loads that build and holds it
against the reference plane: the corpus, drawn scripts, and whole machines; refuses each of its allocations in turn; and
breaks each of its invariants on purpose. With `--minutes` it then draws other scripts, and scenarios with their drivers,
for so long, batch after batch, each from a seed that is told if one of them fails (`--seed` begins with it). A sanitizer
ends the process; the script it died in counts as failed. Last line: "N passed, N failed"; the exit status says the same.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
INSIDE = "--inside"                      # this file, as the process that loads the checked build
DRAWN = 100                              # scripts from Hypothesis, the same ones each time
BATCH = 50                               # scripts from one seed, when others are drawn
MACHINES = 10                            # and whole scenarios
SOME_FAILED = 3                          # the inner process' exit status; a sanitizer that ends it has another
PASSED, FAILED, BEGUN = "passed ", "FAILED ", "begun "


# the outer process: build, start, count ---------------------------------------------------------------------------
def address_library() -> str | None:
    """The compiler's libasan; None if it has none that can be preloaded."""
    if sys.platform != "linux":
        return None
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()
    found = subprocess.run([*compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=False).stdout.strip()
    return found if os.path.isabs(found) and os.path.exists(found) else None


def build(flavour: str) -> Path:
    """The checked build's own folder, up to date."""
    target = ROOT / "build" / f"smoke-{flavour}"
    command = [sys.executable, "setup.py", "-q", "build", "--build-lib", str(target)]
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, "NICMODEL_CHECKED": flavour})
    return target


def run_inside(target: Path, library: str | None, minutes: float, seed: int) -> tuple[int, int]:
    """Everything on the checked build, in another process; how many passed and failed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (target, TESTS / "planes", TESTS / "lab"))),
                   "UBSAN_OPTIONS": "print_stacktrace=1", "ASAN_OPTIONS": "detect_leaks=0"}
    if library:
        environment["LD_PRELOAD"] = library
    passed = failed = 0
    running = "start"
    command = [sys.executable, "-u", str(Path(__file__).resolve()), INSIDE, str(target), str(minutes), str(seed)]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            if line.startswith(BEGUN):
                running = line.removeprefix(BEGUN).strip()
                continue
            passed += line.startswith(PASSED)
            failed += line.startswith(FAILED)
            if not line.startswith(PASSED):
                print(line, end="")
    if process.returncode not in (0, SOME_FAILED):
        print(f"{FAILED}{running}: the process ended with {process.returncode}")
        failed += 1
    return passed, failed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.smoke", description="Build the checked plane and run it.")
    parser.add_argument("--minutes", type=float, default=0, help="draw other scripts for so long, after all else")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30), help="of their first batch")
    asked = parser.parse_args()
    began = time.perf_counter()
    library = address_library()
    target = build("address" if library else "1")
    built = time.perf_counter()
    passed, failed = run_inside(target, library, asked.minutes, asked.seed)
    print(f"checked build with {'address and undefined' if library else 'undefined'} sanitizers: "
          f"{built - began:.0f} s to build, {time.perf_counter() - built:.0f} s to run")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


# the inner process ------------------------------------------------------------------------------------------------
def inside(target: Path, minutes: float, first_seed: int) -> int:
    """One line per script on stdout."""
    import faults
    import nicmodel._fastpath
    from comparison import differences
    from corpus import CORPUS
    from corpus_rss import RSS_CORPUS
    from corpus_whole import WHOLE_CORPUS
    from harness import Script, check_conservation, run
    from hypothesis import HealthCheck, Phase, given, seed, settings
    from strategies import scripts, whole_scripts

    from nicmodel.reference.plane import ReferencePath

    loaded = Path(nicmodel._fastpath.__file__)
    if not loaded.is_relative_to(target):
        print(f"{FAILED}start: {loaded} was loaded, which is not the checked build")
        return SOME_FAILED
    status = 0

    def one(name: str, script: Script) -> None:
        print(BEGUN + name)
        fast = run(nicmodel._fastpath.FastPath, script)
        told = differences(fast, run(ReferencePath, script))
        assert not told, told
        check_conservation(fast)
        print(PASSED + name)

    numbers = iter(range(1, 1_000_000))

    common = dict(deadline=None, database=None, suppress_health_check=list(HealthCheck))

    @settings(max_examples=DRAWN, derandomize=True, print_blob=True, **common)
    @given(whole_scripts() | scripts())
    def drawn(script: Script) -> None:
        one(f"drawn script {next(numbers)}", script)

    def drawn_from(number: int) -> Callable[[], None]:
        @seed(number)
        @settings(max_examples=BATCH, phases=[Phase.generate], **common)     # told as drawn: making it smaller takes minutes
        @given(whole_scripts() | scripts())
        def batch(script: Script) -> None:
            one(f"drawn script {next(numbers)}, --seed {number}", script)

        return batch

    jobs = [(script.name, lambda script=script: one(script.name, script)) for script in (*CORPUS, *WHOLE_CORPUS, *RSS_CORPUS)]
    jobs += [("drawn scripts", drawn), *machines()]
    jobs += [(name, lambda name=name, job=job: told(name, job)) for name, job in faults.jobs(nicmodel._fastpath)]
    for name, job in itertools.chain(jobs, batches(drawn_from, minutes, first_seed)):
        try:
            job()
        except Exception as error:
            status = SOME_FAILED
            print(f"{FAILED}{name}: {type(error).__name__}: {error}", *getattr(error, "__notes__", ()), sep="\n")
    return status


def told(name: str, job: Callable[[], None]) -> None:
    print(BEGUN + name)
    job()
    print(PASSED + name)


def batches(drawn_from: Callable[[int], Callable[[], None]], minutes: float, first_seed: int
            ) -> Iterator[tuple[str, Callable[[], None]]]:
    """Batches of drawn scripts and scenarios, one seed after the other, until the time is up."""
    end = time.monotonic() + 60 * minutes
    number = first_seed
    while time.monotonic() < end:
        yield f"batch of drawn scripts, --seed {number}", drawn_from(number)
        for seed in range(MACHINES * number, MACHINES * (number + 1)):
            name = f"drawn scenario {seed}, --seed {number}"
            yield name, lambda name=name, seed=seed: told(name, lambda: scenario_from(seed))
        number += 1


def scenario_from(seed: int) -> None:
    """Both planes on a drawn scenario."""
    from drawn import draw, told_apart

    keys, scenario = draw(seed)
    apart = told_apart(scenario)
    assert not apart, (apart, keys)


def machines():
    """Whole machines with drivers, in each payload mode: frames both ways, and every frame accounted for."""
    from nicmodel.lab.scenario import Scenario
    from nicmodel.lab.testbench import run_machine

    def whole(name: str, **keys: object) -> None:
        print(BEGUN + name)
        measured = run_machine(Scenario(profile="x520", warmup=0, duration=200_000_000, direction="both", **keys))
        assert measured.functions["tx_packets"].sum() > 100, measured.functions["tx_packets"]
        assert measured.functions["rx_packets"].sum() > 100, measured.functions["rx_packets"]
        print(PASSED + name)

    for payload in ("lengths", "headers", "full"):
        for vfs in (1, 63):
            name = f"machine with {vfs} VFs, payload {payload}"
            yield name, lambda name=name, vfs=vfs, payload=payload: whole(name, num_vfs=vfs, frame_size=64, payload=payload)


if __name__ == "__main__":
    raise SystemExit(inside(Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])) if INSIDE in sys.argv else main())
