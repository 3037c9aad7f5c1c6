import importlib.util
import random
import signal
import time
from pathlib import Path

import psutil
import pytest

from llm.grading.golds import rewritten
from llm.grading.grade import grade, grade_all, same_answer, same_answers
from llm.grading.pool import Worker
from llm.problems import load_problems

ROOT = Path(__file__).parents[3]
_specification = importlib.util.spec_from_file_location("grading_benchmark", ROOT / "benchmarks" / "grading.py")
BENCHMARK = importlib.util.module_from_spec(_specification)
_specification.loader.exec_module(BENCHMARK)


@pytest.fixture
def worker():
    worker = Worker()
    yield worker
    worker.close()


@pytest.mark.parametrize(
    ("answer", "gold", "equal"),
    [
        (r"\dfrac{1}{2}", "0.5", True),
        (r"\frac12", "1/2", True),
        (r"90^\circ", "90", True),
        (r"2\text{ euros}", "2", True),
        (r"\left( 3, \frac{\pi}{2} \right)", r"(3,\pi/2)", True),
        ("26", "25", False),
        ("-25", "25", False),
        ("", "25", False),
        ("{", "25", False),
        ("__import__('os').getcwd()", "25", False),
    ],
)
def test_answers_are_compared_with_the_gold_one(answer, gold, equal):
    assert same_answer(answer, gold) is equal


def test_a_truncated_response_is_not_scored_even_when_its_box_is_right():
    assert grade(r"\boxed{25}", "25") == 1.0
    assert grade(r"\boxed{25}", "25", finished=False) == 0.0


@pytest.mark.parametrize(
    "hostile",
    [
        r"\boxed{" * 30_000,
        r"\boxed[" * 30_000,
        r"\boxed" * 30_000,
        r"\boxed{1}," * 30_000 + r"\boxed{25}",
        r"\boxed" + " " * 100_000 + "{26}",
        r"\boxed{" + r"\text{a}" * 35 + "}",
        r"\boxed{" + "f(" * 90 + "}",
        r"\boxed{" + r"\sqrt" * 50 + "}",
        r"\boxed{" + r"\pm1" * 70 + "}",
        r"\boxed{" + "1," * 140 + "}",
        "}" * 100_000,
        r"\boxed{" + "9" * 100_000 + "}",
        r"\boxed{9^{9^{9^{9}}}}",
        r"\boxed{\sum_{k=1}^{10^{9}} \frac{1}{k^3}}",
        r"\boxed{" + "(" * 140 + ")" * 140 + "}",
        r"\boxed{{ 25 \frac{}",
        "\\boxed{\x00\ud83d 25}",
    ],
)
def test_hostile_text_is_wrong_within_seconds(hostile):
    started = time.perf_counter()
    assert grade(hostile, "25") == 0.0
    assert time.perf_counter() - started < 5


def test_random_hostile_answers_are_graded_without_a_crash():
    """The first forty of the fuzz in benchmarks/grading.py, which was run on 20,000."""
    rng = random.Random(0)
    answers = [rf"\boxed{{{BENCHMARK.hostile(rng)}}}" for _ in range(40)]
    grades = grade_all(answers, ["25"] * 40, [True] * 40)
    assert set(grades) <= {0.0, 1.0}


def test_a_batch_is_graded_as_its_members_are():
    responses = [r"\boxed{0.5}", r"\boxed{2}", "none", r"\boxed{\frac{2}{4}}", r"\boxed{\sqrt{8}}"]
    golds = [r"\frac12", "3", "4", "1/2", r"2\sqrt2"]
    finished = [True, True, True, False, True]
    together = grade_all(responses, golds, finished)
    assert together == [grade(*row) for row in zip(responses, golds, finished, strict=True)] == [1, 0, 0, 0, 1]


def test_a_comparison_that_eats_time_or_memory_ends_and_the_next_is_answered(worker):
    for hungry in (r"\prod_{k=1}^{999} \sum_{j=1}^{999} \sum_{i=1}^{999} \sin ijk", "9^{9^{9^{9}}}"):
        assert worker.same(hungry, "25") is False
    assert worker.same(r"\sqrt{8}", r"2\sqrt{2}") is True


def test_a_killed_reader_and_a_killed_worker_are_replaced(worker):
    def correct():
        return worker.same(r"\sqrt{8}", r"2\sqrt{2}")

    assert correct()
    reader = psutil.Process(worker._process.pid).children()[0]
    reader.kill()
    reader.wait(timeout=10)
    assert correct(), "the supervisor forks another"
    for process in (worker._process, *psutil.Process(worker._process.pid).children()):
        process.kill()
    worker._process.wait()
    assert not correct(), "what was asked of a dead worker is not correct"
    assert correct()


def test_a_grader_that_cannot_start_says_so_and_calls_nothing_wrong(monkeypatch, tmp_path):
    script = tmp_path / "worker.py"
    script.write_text("raise SystemExit(1)")
    monkeypatch.setattr("llm.grading.pool.SCRIPT", script)
    with pytest.raises(RuntimeError, match="did not start"):
        Worker().same("x+1", "1+x")


def test_a_verdict_does_not_depend_on_what_was_graded_before():
    """Fresh workers and one that has graded a thousand others agree, about golds of all public sets and their twins."""
    files = sorted((ROOT.parent / "shared" / "data").glob("*.jsonl"))
    if not files:
        pytest.skip("needs ../shared/data, which only the project's workshop has")
    golds = [problem.answer for file in files for problem in load_problems(str(file))]
    golds = [gold for gold in dict.fromkeys(golds) if not gold.lstrip("-").isdigit()]
    rng = random.Random(0)
    pairs = [(rewritten(gold), gold) for gold in rng.sample(golds, 700)] + list(
        zip(rng.sample(golds, 350), golds, strict=False)
    )
    kinds = [
        r"\int",
        "matrix",
        r"\sin",
        r"\log",
        r"\cup",
        "=",
        r"\le",
        r"\pi",
        r"\sqrt",
        "e",
        r"\pm",
        "!",
        "i",
        r"\{",
        "%",
        "_",
        ",",
    ]
    firsts = [
        next(pair for pair in pairs if kind in pair[1]) for kind in kinds if any(kind in pair[1] for pair in pairs)
    ]
    old = Worker()
    verdicts = {pair: old.same(*pair) for pair in pairs}
    again = {pair: old.same(*pair) for pair in firsts}
    old.close()
    for pair in firsts:
        fresh = Worker()
        assert fresh.same(*pair) == verdicts[pair] == again[pair], pair
        fresh.close()


def test_a_worker_ends_with_the_process_that_asks(worker):
    worker.same("1", "2")
    processes = [psutil.Process(worker._process.pid), *psutil.Process(worker._process.pid).children()]
    worker.close()
    gone, alive = psutil.wait_procs(processes, timeout=10)
    assert len(gone) == 2 and not alive


def test_the_signals_of_a_terminal_do_not_end_a_worker(worker):
    worker.same("1", "2")
    for number in (signal.SIGINT, signal.SIGTERM):
        worker._process.send_signal(number)
    assert worker.same(r"\sqrt{8}", r"2\sqrt{2}") is True


def test_false_twins_of_public_golds_are_wrong():
    """benchmarks/grading.py takes every gold: one symbol's case, digit, sign or exponent changed, letters permuted."""
    files = sorted((ROOT.parent / "shared" / "data").glob("*.jsonl"))
    if not files:
        pytest.skip("needs ../shared/data, which only the project's workshop has")
    golds = dict.fromkeys(problem.answer for file in files for problem in load_problems(str(file)))
    rng = random.Random(0)
    twins = [pair for gold in rng.sample(list(golds), 700) for pair in BENCHMARK.false_twins(gold, rng)]
    assert len(twins) >= 1000
    wrong = [pair for pair, verdict in zip(twins, same_answers([pair[:2] for pair in twins]), strict=True) if verdict]
    assert wrong == []


@pytest.mark.parametrize("file", ["math500", "aime24", "hmmt_feb_2025", "minerva_math"])
def test_golds_equal_themselves_and_their_twins(file):
    """benchmarks/grading.py does this for every file and every gold."""
    path = ROOT.parent / "shared" / "data" / f"{file}.jsonl"
    if not path.exists():
        pytest.skip(f"needs ../shared/data/{file}.jsonl, which only the project's workshop has")
    golds = [problem.answer for problem in load_problems(str(path))][::5]
    for twins in (BENCHMARK.latex_twins, BENCHMARK.value_twins):
        pairs = [(twin, gold) for gold in golds for twin in twins(gold)]
        missed = [pair for pair, met in zip(pairs, same_answers(pairs), strict=True) if not met]
        assert len(missed) <= 0.005 * len(pairs), missed


def test_votes_are_for_values_and_nothing_is_no_vote():
    """The same rule for maj@k, for majority-vote sampling and for the forecast."""
    from llm.grading.answers import MAX_ANSWER_CHARACTERS, vote

    assert vote(r"so \boxed{0.5}") == vote(r"\boxed{\frac{1}{2}}") != vote(r"\boxed{2}")
    assert vote(r"\boxed{x = 5\text{ cm}}") == vote(r"\boxed{5.0}") and vote(r"\boxed{2, 1}") == vote(r"\boxed{1,2}")
    assert vote("no box") is None and vote(r"\boxed{1}", finished=False) is None
    long = "9" * (MAX_ANSWER_CHARACTERS + 5000)
    assert vote(rf"\boxed{{{long}}}") == long  # as it stands: python refuses to read so long a number


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0.5", r"\dfrac12"),
        ("1e-3", r"10^{-3}"),
        (r"4.5\times10^{33}", "4.5e33"),
        (r"5\text{ cm}", "x=5"),
        (r"50\%", "50"),
        ("2, 1", "1,2"),
        (r"\text{even}", "even"),
        (r"\left(1, 2\right)", "(1,2)"),
        ("1,234", r"1{,}234"),
    ],
)
def test_answers_that_are_the_same_without_computing_vote_the_same(one, other):
    from llm.grading.answers import normal_form

    assert same_answer(one, other) and normal_form(one) == normal_form(other)
