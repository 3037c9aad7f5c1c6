"""The tool that makes small faults: which ones it makes, and that a fault reaches the function that runs."""

import json
import os
import subprocess
import sys
import types
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.mutants import mutants_of
from benchmarks.mutated import apply, live_functions, watch
from benchmarks.mutation import EQUIVALENT, ROOT, imported_by, is_of, summary, words_of_test

SOURCE = '''
from dataclasses import dataclass

LEVEL = 0.9

def share(part, whole=2, *, strict=True):
    """A docstring stays."""
    if whole <= 0:
        raise ValueError(f"whole must be above 0, got {whole}")
    return -part / whole if strict else max(part, LEVEL)

def pairs(one, other):
    return list(zip(one, other, strict=True)), own_draws(one, "name"), np.random.default_rng(7)

@dataclass
class Asked:
    level: float = 0.5

class Kept:
    size = 3

    def double(self):
        return [2 * x for x in range(self.size) if x > 0]
'''


@pytest.fixture
def module(tmp_path):
    """A module of its own, and its file."""
    file = tmp_path / "small_module.py"
    file.write_text(SOURCE)
    made = types.ModuleType("small_module")
    made.__file__ = str(file)
    sys.modules["small_module"] = made
    exec(compile(SOURCE, str(file), "exec"), vars(made))
    yield made, file
    del sys.modules["small_module"]


def test_every_place_is_changed_in_one_way_at_a_time(module):
    _, file = module
    made = [(mutant.place, mutant.kind, mutant.before, mutant.after) for mutant in mutants_of(file, "small_module.py")]
    assert sorted(made) == sorted(
        [
            ("LEVEL", "number", "0.9", "1.9"),
            ("share", "number", "2", "3"),
            ("share", "constant", "True", "False"),
            ("share", "guard", made[3][2], made[3][3]),
            ("share", "comparison", "whole <= 0", "whole < 0"),
            ("share", "number", "0", "1"),
            (
                "share",
                "exchange",
                "-part / whole if strict else max(part, LEVEL)",
                "max(part, LEVEL) if strict else -part / whole",
            ),
            ("share", "operator", "-part / whole", "-part * whole"),
            ("share", "unary", "-part", "part"),
            ("share", "name", "max", "min"),
            ("Asked.level", "number", "0.5", "1.5"),
            ("Kept.size", "number", "3", "4"),
            ("Kept.double", "operator", "2 * x", "2 / x"),
            ("Kept.double", "number", "2", "3"),
            ("Kept.double", "filter", " for x in range(self.size) if x > 0", " for x in range(self.size)"),
            ("Kept.double", "comparison", "x > 0", "x >= 0"),
            ("Kept.double", "number", "0", "1"),
        ]
    )


@pytest.mark.parametrize(
    "change, call, before, after",
    [
        ("-part / whole -> -part * whole", lambda m: m.share(4.0), -2.0, -8.0),
        ("2 -> 3", lambda m: m.share(6.0), -3.0, -2.0),  # a default
        ("True -> False", lambda m: m.share(6.0), -3.0, 6.0),  # a default of a keyword
        ("0.9 -> 1.9", lambda m: m.share(1.0, strict=False), 1.0, 1.9),  # a value of the module
        ("3 -> 4", lambda m: m.Kept().double(), [2, 4], [2, 4, 6]),  # a value of a class
        ("0.5 -> 1.5", lambda m: (m.Asked().level, fields(m.Asked)[0].default), (0.5, 0.5), (1.5, 1.5)),
        ("x > 0 -> x >= 0", lambda m: m.Kept().double(), [2, 4], [0, 2, 4]),
    ],
)
def test_a_mutant_changes_what_runs(module, change, call, before, after):
    made, file = module
    assert call(made) == before
    live = live_functions({str(file): "small_module.py"})
    apply(next(m for m in mutants_of(file, "small_module.py") if m.key.endswith(f"::{change}")), file, live)
    assert call(made) == after


def test_what_a_test_calls_is_noted(module):
    made, file = module
    called: set[tuple[str, str]] = set()
    unwatch = watch(live_functions({str(file): "small_module.py"}), Path(file.parent), called)
    made.Kept().double()
    assert called == {("small_module.py", "Kept.double")}
    unwatch()
    made.share(1.0)
    assert len(called) == 1


def test_the_rate_leaves_out_what_changes_nothing_and_names_it():
    status = {"a": "killed", "b": "killed", "c": "survived", "d": "cannot be made", "e": "not reached", "f": "survived"}
    known = {key: {"status": found} for key, found in status.items()}
    assert list(summary("abcdefg", known, {"f": "the same number", "b": "so is this"})) == [
        "1 of 3 killed (33.3%)",
        "1 cannot be made, 3 are excluded or not yet judged",
        "survived: c",
        "not reached: e",
        "excluded: b: so is this",
        "excluded: f: the same number",
    ]
    assert next(summary("g", known, {})) == "no mutant was judged"


def test_what_is_left_out_is_a_mutant_of_the_code_as_it_is():
    equivalent = json.loads(EQUIVALENT.read_text())
    files = {key.split("::")[0] for key in equivalent}
    made = {mutant.key for file in files for mutant in mutants_of(ROOT / file, file)}
    assert set(equivalent) - made == set()
    assert all(len(reason.split()) > 3 for reason in equivalent.values())


def test_the_tests_of_a_file_are_known_by_their_names_and_by_what_they_import(tmp_path):
    names = ("test_tilt", "test_tilt_limits", "test_tilted", "test_budget")
    assert [is_of(Path("tests", f"{name}.py"), "theory/tilt.py") for name in names] == [True, True, False, False]
    (tmp_path / "test_it.py").write_text("import a.b\nfrom c import d\nimport_module('e.f')\nimport_module('g')\n")
    assert imported_by(tmp_path / "test_it.py") == {"a.b", "c", "c.d", "e.f"}


class Case:
    """A test with a table of cases, as pytest collects it."""

    def __init__(self, function, **params):
        self.function, self.callspec = function, SimpleNamespace(params=params)


def test_a_test_names_what_it_calls_and_what_its_table_of_cases_calls():
    def own(call):
        assert call() == 0

    case = Case(own, call=lambda: ROOT.joinpath("a").exists(), value=3)
    assert {"own", "call", "joinpath", "exists"} <= words_of_test(case)
    assert "joinpath" not in words_of_test(Case(own, value=3))


FREEZE = "import gc\n\n\ndef pytest_collection_finish():\n    gc.freeze()\n"  # as tests/conftest.py does
SMALL = "def double(x):\n    return 2 * x\n"
TESTS = {
    "test_small.py": (
        "def test_double_of_zero(tmp_path):\n    assert double(0) == 0",
        "def test_zero():\n    assert double(0) == 0",
    ),
    "test_other.py": ("def test_double_of_nothing():\n    assert double(0.0) == 0", "def test_nought():\n    pass"),
    "test_process.py": (
        "HERE = os.getpid()",
        "def test_double_here():\n    assert double(0) == 0 and os.getpid() == HERE",
    ),
}


def test_what_no_test_notices_survives_and_a_test_that_fails_anyway_kills_nothing(tmp_path):
    """Tests of three files run one after the other in a fork; one of them fails in every fork."""
    (tmp_path / "small.py").write_text(SMALL)
    (tmp_path / "tests").mkdir()
    for name, text in TESTS.items():
        (tmp_path / "tests" / name).write_text("\n\n\n".join(["import os\n\nfrom small import double", *text]))
    (tmp_path / "tests" / "conftest.py").write_text(FREEZE)
    shared = tmp_path / "shared"
    shared.mkdir()
    code = (
        "import sys\nfrom pathlib import Path\nfrom benchmarks import mutation\n"
        f"mutation.ROOT = Path({str(tmp_path)!r})\nsys.path.insert(0, {str(tmp_path)!r})\n"
        "sys.argv = 'mutation small.py --tests tests --own --results found.jsonl'.split()\nmutation.main()"
    )
    environment = os.environ | {"PYTEST_DEBUG_TEMPROOT": str(shared)}
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True, capture_output=True, env=environment)
    assert not any(shared.iterdir())  # the next pytest would remove what lies there
    rows = map(json.loads, (tmp_path / "found.jsonl").read_text().splitlines())
    found = {row["key"].split("::")[-1]: (row["status"], row["killer"]) for row in rows}
    assert found == {
        "2 -> 3": ("survived", ""),
        "2 * x -> 2 / x": ("killed", "tests/test_small.py::test_double_of_zero"),
    }
