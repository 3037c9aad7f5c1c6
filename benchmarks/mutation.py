"""python -m benchmarks.mutation theory/tilt.py --tests tests/theory: which small faults would no test notice?

One pytest session collects the tests and runs them once, noting which functions each calls and how long it takes.
Then every mutant (benchmarks/mutants.py) gets a fork of that process: the changed function is put in place, and the
tests that call it are run, those of the file's own test first, until one fails. A mutant that outlives --budget
seconds of tests survives. Forks need no import: a mutant costs tenths of a second of CPU time, not four seconds.

`--own` does without that first run, which takes minutes for a whole folder: a mutant meets the tests that name its
function, or one that uses it, and those of its own files (test_tilt.py, test_tilt_limits.py for tilt.py). What they
kill within --budget seconds is killed; the rate is a lower bound.

Results go line by line to --results, and a mutant that stands there is not run again: a run that was cut off goes on.
The order is drawn, so that any beginning of a run is a random sample of its mutants. `--again` runs the survivors of
that file once more, with new tests, more --examples or a larger --budget.

benchmarks/equivalent.json names the mutants that change nothing anyone could see, each with the reason. They are not
run, count neither for nor against the rate, and are printed, so that whoever doubts one can look.
"""

import argparse
import ast
import functools
import gc
import importlib
import inspect
import json
import math
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from benchmarks.mutants import Mutant, mutants_of, places
from benchmarks.mutated import apply, caches, live_functions, watch

ROOT = Path(__file__).parents[1]
EQUIVALENT = Path(__file__).with_name("equivalent.json")
UNTRIED = 0.02  # seconds that a test is taken to need before it was run
KILLED, SURVIVED, UNREACHED, FAILED = "killed", "survived", "not reached", "cannot be made"


class Mutation:
    """A pytest plugin whose test loop is the baseline and then the mutants."""

    def __init__(self, arguments: argparse.Namespace, mutants: list[Mutant]) -> None:
        self.arguments, self.mutants = arguments, mutants
        self.files = {str(ROOT / name): name for name in arguments.files}
        self.reached: dict[tuple[str, str], set[int]] = {}  # (file, place) -> numbers of the tests that call it
        self.seconds: list[float] = []
        self.failed = False
        self.first: set[int] = set()  # tests that name what is changed
        self.lucky: dict[tuple[str, str], list[int]] = {}  # what killed mutants of a place
        self.trusted: set[int] = set()  # they pass in a fork without a mutant
        self.left_out: set[int] = set()  # they do not

    def pytest_collection(self) -> None:
        """A few examples kill most; what they do not, more are given."""
        from hypothesis import Phase, settings  # not before pytest, which rewrites its assertions

        few = settings(
            derandomize=True,
            deadline=None,
            database=None,
            max_examples=self.arguments.examples,
            phases=(Phase.explicit, Phase.generate),
        )
        settings.register_profile("mutation", few)
        settings.load_profile("mutation")

    def pytest_runtest_logreport(self, report) -> None:
        self.failed |= report.failed

    def pytest_runtestloop(self, session) -> bool:
        self.items, self.session = session.items, session
        for name in self.arguments.files:
            importlib.import_module(name.removesuffix(".py").replace("/", "."))
        gc.unfreeze()  # what tests/conftest.py has put out of sight is looked for below
        self.live, self.caches = live_functions(self.files), caches()
        if not self.live and any(isinstance(mutant.tree, ast.FunctionDef) for mutant in self.mutants[:20]):
            raise pytest.UsageError("no function of these files was found in this process")
        if self.arguments.own:
            self.seconds = [UNTRIED] * len(self.items)  # learned as forks tell
            self.warm_up()
        else:
            self.baseline()
        gc.collect()
        gc.freeze()  # so that the forks share the memory of what is there
        with self.arguments.results.open("a") as results:
            for mutant in self.mutants:
                started = time.process_time() + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
                status, killer = self.judge(mutant)
                spent = time.process_time() + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - started
                row = {
                    "key": mutant.key,
                    "line": mutant.line,
                    "status": status,
                    "killer": killer,
                    "cpu": round(spent, 2),
                }
                print(json.dumps(row, ensure_ascii=False), file=results, flush=True)
        return True

    def baseline(self) -> None:
        """Every test once: what it calls, and its CPU seconds. Tests that fail or take too long are left out."""
        called: set[tuple[str, str]] = set()
        unwatch = watch(self.live, ROOT, called)
        for number, item in enumerate(self.items):
            called.clear()
            started = time.process_time()
            self.protocol(number, self.items[number + 1] if number + 1 < len(self.items) else self.session)
            self.seconds.append(time.process_time() - started)
            if self.failed:
                print(f"left out, it fails without a mutant: {item.nodeid}", file=sys.stderr)
            elif self.seconds[-1] <= self.arguments.longest:
                for key in called:
                    self.reached.setdefault(key, set()).add(number)
        unwatch()

    def warm_up(self) -> None:
        """The first test of each file once: what is imported and compiled at first use, no fork need do again."""
        first: dict[Path, int] = {}
        for number, item in enumerate(self.items):
            first.setdefault(item.path, number)
        for number in first.values():
            started = time.process_time()
            self.protocol(number, self.session)
            self.seconds[number] = time.process_time() - started

    def protocol(self, number: int, following: pytest.Item | pytest.Session) -> None:
        """One test, as pytest runs it; what it shares with the one that follows stays alive.

        That must be the one which does follow: pytest fails a test that finds another file's fixtures still up.
        """
        item, self.failed = self.items[number], False
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)

    def chosen(self, mutant: Mutant) -> list[int]:
        """The tests of a mutant in the order they are run: lucky ones, the nearest, the shortest."""
        place = (mutant.file, mutant.place)
        tests = self.named(mutant) if self.arguments.own else self.reached.get(place)
        if tests is None:  # a value of a module or a class: whatever calls anything in its file, or names the value
            reached = (numbers for (file, _), numbers in self.reached.items() if file == mutant.file)
            tests = self.named(mutant).union(*reached)
        tests = tests - self.left_out
        module = mutant.file.removesuffix(".py").replace("/", ".")
        lucky = self.lucky.get(place, [])

        def order(number: int) -> tuple:
            rank = lucky.index(number) if number in lucky else len(lucky)
            path = Path(self.items[number].path)
            near = is_of(path, mutant.file) + (number in self.first) + (module in imported_by(path))
            return rank, -near, self.seconds[number]

        chosen: list[int] = []
        total = 0.0
        for number in sorted(tests, key=order):
            total += self.seconds[number]
            if chosen and total > self.arguments.budget:
                break
            chosen.append(number)
        return chosen

    def named(self, mutant: Mutant) -> set[int]:
        """Tests of the file of the same name, or that name the function or one of its file that uses it.

        Where there is none, those of the test files that import the module, or else what imports it.
        """
        words = names_of_users(mutant.file, mutant.place)
        self.first = {n for n, item in enumerate(self.items) if words & words_of_test(item)}
        found = self.first | {n for n, item in enumerate(self.items) if is_of(Path(item.path), mutant.file)}
        modules = {mutant.file.removesuffix(".py").replace("/", ".")}
        while not found and modules:
            found = {n for n, item in enumerate(self.items) if modules & imported_by(item.path)}
            files = {file.relative_to(ROOT) for package in ("theory", "llm") for file in (ROOT / package).rglob("*.py")}
            names = {".".join(file.with_suffix("").parts): ROOT / file for file in files}
            modules = {name for name, file in names.items() if modules & imported_by(file)} - modules
        return found

    def judge(self, mutant: Mutant) -> tuple[str, str]:
        """(what became of the mutant, the test that killed it).

        A test that fails in a fork without any mutant kills nothing: it is left out from then on. Each that kills is
        tried once, after the tests that ran before it.
        """
        while tests := self.chosen(mutant):
            status, killer = self.forked(mutant, tests)
            if not isinstance(killer, int):
                return status, killer
            if killer not in self.trusted:
                if self.forked(None, tests[: tests.index(killer) + 1])[0] != SURVIVED:
                    print(f"left out, it fails without a mutant: {self.items[killer].nodeid}", file=sys.stderr)
                    self.left_out.add(killer)
                    continue
                self.trusted.add(killer)
            place = self.lucky.setdefault((mutant.file, mutant.place), [])
            if killer in place:
                place.remove(killer)
            place.insert(0, killer)
            return status, self.items[killer].nodeid
        return UNREACHED, ""

    def forked(self, mutant: Mutant | None, tests: list[int]) -> tuple[str, str | int]:
        """(what became of it, the number of the test that failed or else a word on how it ended)."""
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            self.child(mutant, tests, write)
        os.close(write)
        said = ""
        with os.fdopen(read) as pipe:
            for line in pipe:
                number, seconds, failed = line.split(" ", 2)
                if self.arguments.own:
                    self.seconds[int(number)] = float(seconds)
                said = failed.strip()
        _, code = os.waitpid(child, 0)
        if os.WIFSIGNALED(code):
            return KILLED, signal.Signals(os.WTERMSIG(code)).name  # SIGXCPU or SIGALRM: it did not end
        if said.startswith("!"):
            return FAILED, said[1:]
        return (KILLED, int(said)) if said else (SURVIVED, "")

    def child(self, mutant: Mutant | None, tests: list[int], write: int) -> None:
        """The fork: change, run, say which test failed, end."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        seconds = sum(5.0 if self.seconds[number] == UNTRIED else self.seconds[number] for number in tests)
        limit = math.ceil(5 + 5 * min(seconds, self.arguments.budget))
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(20 * limit)
        pytest.Item.repr_failure = pytest.Function.repr_failure = lambda *_, **__: ""  # a report costs more than a test
        try:
            gc.disable()
            if mutant:
                apply(mutant, ROOT / mutant.file, self.live)
            for cache in self.caches:
                cache.cache_clear()
        except BaseException as error:
            os.write(write, f"0 0 !{type(error).__name__}: {error}\n".encode())
            os._exit(3)
        for number, following in zip(tests, [*tests[1:], tests[-1]], strict=True):
            started = time.process_time()
            try:
                self.protocol(number, self.items[following])
            except BaseException:
                self.failed = True
            spent = time.process_time() - started
            os.write(write, f"{number} {spent:.3f} {number if self.failed else ''}\n".encode())
            if self.failed:
                os._exit(1)
            if time.process_time() > self.arguments.budget:
                break
        os._exit(0)


@functools.cache
def names_of_users(file: str, place: str) -> frozenset[str]:
    """The function's name without underscores, and those of the file's functions that use it, two calls up."""
    sources = {name.split(".")[-1]: ast.unparse(tree) for name, tree in places(ast.parse((ROOT / file).read_text()))}
    found = {place.split(".")[-1]}
    for _ in range(2):
        found |= {name for name, text in sources.items() if found & set(re.findall(r"\w+", text))}
    return frozenset(name.strip("_") for name in found)


def is_of(test: Path, file: str) -> bool:
    """Is it the test of this file, or one of them: test_tilt.py and test_tilt_limits.py of tilt.py?"""
    own = f"test_{Path(file).stem}"
    return test.stem == own or test.stem.startswith(f"{own}_")


@functools.cache
def imported_by(file: Path) -> frozenset[str]:
    """The modules that a file imports or imports from, by their dotted names; a text that is such a name may be one."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:  # from theory import atlas: theory.atlas is one too
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value:
            found.add(node.value)
    return frozenset(found)


@functools.cache
def words_of_test(item: pytest.Item) -> frozenset[str]:
    """Every word in the text of a test, and every name that a function of its table of cases calls."""
    cases = item.callspec.params.values() if hasattr(item, "callspec") else ()
    called = {name for case in cases if inspect.isfunction(case) for name in case.__code__.co_names}
    words = re.findall(r"[a-zA-Z]\w*", inspect.getsource(inspect.unwrap(item.function)))
    return frozenset(words) | _inner(item) | called


def _inner(item: pytest.Item) -> frozenset[str]:
    """Those of the test that hypothesis has wrapped."""
    hidden = getattr(getattr(item.function, "hypothesis", None), "inner_test", None)
    return frozenset(re.findall(r"[a-zA-Z]\w*", inspect.getsource(hidden))) if hidden else frozenset()


def results_of(path: Path) -> dict[str, dict]:
    """Key -> the latest row of a results file."""
    lines = path.read_text().splitlines() if path.exists() else []
    return {row["key"]: row for row in map(json.loads, lines)}


def summary(keys: Iterable[str], known: dict[str, dict], equivalent: dict[str, str]) -> Iterator[str]:
    """What a run found, in lines: the rate, the survivors, and the mutants that were left out with their reasons.

    Mutants that cannot be made, or that are named as equivalent, are out of the rate, whatever a row says of them.
    """
    keys = list(keys)
    status = {key: known[key]["status"] for key in keys if key in known and key not in equivalent}
    judged = [key for key, found in status.items() if found != FAILED]
    killed = sum(status[key] == KILLED for key in judged)
    yield f"{killed} of {len(judged)} killed ({killed / len(judged):.1%})" if judged else "no mutant was judged"
    yield f"{len(status) - len(judged)} cannot be made, {len(keys) - len(status)} are excluded or not yet judged"
    yield from (f"{status[key]}: {key}" for key in judged if status[key] != KILLED)
    yield from (f"excluded: {key}: {equivalent[key]}" for key in keys if key in equivalent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", help="what is made wrong, from the root of the repository")
    parser.add_argument("--tests", nargs="+", default=["tests/theory"])
    parser.add_argument("--results", type=Path, default=Path("runs/mutation.jsonl"))
    parser.add_argument("--examples", type=int, default=25, help="of each property in the tests")
    parser.add_argument("--budget", type=float, default=6.0, help="seconds of tests for one mutant")
    parser.add_argument("--longest", type=float, default=5.0, help="a test that takes longer is left out")
    parser.add_argument("--own", action="store_true", help="each file against its own tests, with no run before")
    parser.add_argument("--most", type=int, help="mutants in this run")
    parser.add_argument("--seed", type=int, default=0, help="of the order, in which any beginning is a random sample")
    parser.add_argument("--again", action="store_true", help="the survivors of --results once more")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    arguments.results.parent.mkdir(parents=True, exist_ok=True)
    known = results_of(arguments.results)
    mutants = [mutant for file in arguments.files for mutant in mutants_of(ROOT / file, file)]
    equivalent = json.loads(EQUIVALENT.read_text())
    done = {key for key, row in known.items() if not arguments.again or row["status"] == KILLED} | set(equivalent)
    todo = [mutant for mutant in mutants if mutant.key not in done and (not arguments.again or mutant.key in known)]
    random.Random(arguments.seed).shuffle(todo)
    plugin = Mutation(arguments, todo[: arguments.most])
    options = ["-s", "-q", "-p", "no:cacheprovider", "-o", "tmp_path_retention_policy=none"]
    with tempfile.TemporaryDirectory() as own:  # pytest's usual folder is cleared by the third session after this one
        code = pytest.main([*options, "--basetemp", str(Path(own, "tests")), *arguments.tests], plugins=[plugin])
    known = results_of(arguments.results)
    rows = [known[mutant.key] for mutant in mutants if mutant.key in known]
    print(Counter(row["status"] for row in rows), f"{sum(row['cpu'] for row in rows):.0f} CPU seconds", file=sys.stderr)
    print(*summary((mutant.key for mutant in mutants), known, equivalent), sep="\n", file=sys.stderr)
    raise SystemExit(code)


if __name__ == "__main__":
    main()
