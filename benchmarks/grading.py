"""How sound and how fast the grader is: hostile answers, golds against themselves and their twins, throughput.

    python benchmarks/grading.py [--hostile 20000] [--seed 0] [--data ../shared/data] [--output grading.json]

Prints, and writes where asked, one JSON object. Nothing here may crash or hang; the slowest answer is reported.
"""

import argparse
import itertools
import json
import random
import re
import statistics
import sys
import time
from pathlib import Path

from llm.grading.grade import _verdicts, grade, same_answers
from llm.grading.pool import Worker
from llm.problems import load_problems

COMMANDS = (r"\frac", r"\sqrt", r"\int", r"\sum", r"\prod", r"\lim", r"\binom", r"\begin{pmatrix}", r"\text", r"\left(")
SYMPY_TRAPS = (
    r"9^{9^{9^{9}}}",
    r"10^{10^{10}}",
    r"(10^{9})!",
    r"\binom{10^{12}}{10^{11}}",
    r"\sum_{k=1}^{10^{9}} \frac{1}{k^3}",
    r"\prod_{n=1}^{\infty} (1 - x^n)",
    r"\int_0^\infty \frac{\sin(x^{x^x})}{e^{x^2}} dx",
    r"\lim_{x \to 0} \frac{\sin(\tan x) - \tan(\sin x)}{x^{77}}",
    r"\sqrt{\sqrt{\sqrt{2+\sqrt{3+\sqrt{5+\sqrt{7}}}}}}",
    r"(x+y+z+w)^{400}",
    r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}^{999999}",
    r"\frac{1}{0}",
    r"0^{0^{0}}",
    r"x = x = x = 5",
    r"\infty - \infty",
    r"1e999999999",
    r"__import__('os').system('exit')",
    r"\log_{1}(5)",
    r"\{x : x^x^x^x = 2\}",
    r"[1, 10^{18}] \cap \mathbb{Z}",
)


def hostile(rng: random.Random) -> str:
    """One answer of a kind drawn at random: traps, towers, huge numbers, broken braces, long strings, any unicode."""
    kind = rng.randrange(8)
    if kind == 0:
        return rng.choice(SYMPY_TRAPS).replace("9", str(rng.randrange(2, 99)))
    if kind == 1:
        depth = rng.randrange(2, 90)
        return "^{".join(str(rng.randrange(2, 99)) for _ in range(depth)) + "}" * (depth - rng.randrange(2))
    if kind == 2:
        return "".join(rng.choice("0123456789") for _ in range(rng.choice((20, 250, 299, 5_000, 100_000))))
    if kind == 3:
        return "".join(rng.choice(r"{}()[]\^_$&%#~ ") for _ in range(rng.randrange(1, 290)))
    if kind == 4:
        return "".join(chr(rng.choice((rng.randrange(1, 0xD800), rng.randrange(0x1F300, 0x1FAFF)))) for _ in range(50))
    if kind == 5:
        return rng.choice((r"\frac{", "(", r"\sqrt{", "-", "{", r"\left[")) * rng.choice((5, 40, 140, 100_000 // 7))
    if kind == 6:
        return " ".join(f"{rng.choice(COMMANDS)}{{{rng.randrange(-9, 99)}}}" for _ in range(rng.randrange(1, 18)))
    return f"{rng.uniform(-1e6, 1e6):.{rng.randrange(12)}g}{rng.choice(('', 'x', '!', '%', '^2', 'e5', ',1', '/3'))}"


def fuzz(count: int, seed: int) -> dict:
    """Every answer through `grade` by itself, timed."""
    rng = random.Random(seed)
    golds = ("25", r"\frac{1}{2}", r"x^2+1", r"(3,\frac{\pi}{2})", r"\text{Evelyn}")
    seconds, right = [], 0
    grade(r"\boxed{1}", "2")  # starts the worker
    for number in range(1, count + 1):
        answer, gold = hostile(rng), rng.choice(golds)
        _verdicts.clear()
        started = time.perf_counter()
        right += grade(rf"so \boxed{{{answer}}}", gold)
        seconds.append(time.perf_counter() - started)
        if number % 500 == 0:
            print(f"{number} answers, {sum(seconds):.0f} s, slowest {max(seconds):.2f} s", file=sys.stderr, flush=True)
    slowest = sorted(seconds)[-max(1, count // 100)]
    return {
        "answers": count,
        "graded_right": int(right),
        "slowest_seconds": max(seconds),
        "percentile_99_seconds": slowest,
        "median_seconds": statistics.median(seconds),
    }


def twins(gold: str) -> dict[str, str]:
    """The same answer written another way."""
    words = re.fullmatch(r"\\text\{([^{}]*)\}", gold)
    spaced = re.sub(r"(?<!\\)([+=,(){}-])", r" \1 ", gold) if not words else gold.replace("{", "{ ")
    return {
        "itself": gold,
        "spaces": f"  {spaced} ",
        "dfrac": re.sub(r"\\[dt]?frac(?![a-z])", r"\\dfrac", gold)
        if r"\dfrac" not in gold
        else gold.replace("dfrac", "frac"),
        "full stop": f"{gold}.",
        "text": words.group(1)
        if words
        else rf"\text{{{gold}}}"
        if re.fullmatch(r"[\w .]+", gold)
        else rf"{gold}\text{{ }}",
    }


def gold_answers(folder: Path) -> dict:
    """Share of golds that equal their twins, for each file, with some of those that do not."""
    report = {}
    for file in sorted(folder.glob("*.jsonl")):
        golds = list(dict.fromkeys(problem.answer for problem in load_problems(str(file))))
        pairs = [(twin, gold, kind) for gold in golds for kind, twin in twins(gold).items()]
        verdicts = same_answers([pair[:2] for pair in pairs])
        missed = [pair for pair, verdict in zip(pairs, verdicts, strict=True) if not verdict]
        report[file.stem] = {
            "distinct_golds": len(golds),
            "equal": 1 - len(missed) / len(pairs),
            "missed": [f"{kind}: {twin} | {gold}" for twin, gold, kind in missed[:8]],
        }
    return report


def throughput(folder: Path) -> dict:
    """Answers a second of one worker that math-verify must decide: golds of math_train against the gold before."""
    golds = [problem.answer for problem in load_problems(str(folder / "math_train.jsonl"))[:1001]]
    worker = Worker()
    worker.same("1", "2")
    seconds = []
    for answer, gold in itertools.pairwise(golds):
        started = time.perf_counter()
        worker.same(answer, gold)
        seconds.append(time.perf_counter() - started)
    worker.close()
    return {"answers_a_second_of_one_worker": len(seconds) / sum(seconds), "slowest_seconds": max(seconds)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hostile", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0, help="of the hostile answers")
    parser.add_argument("--parts", nargs="+", default=["golds", "throughput", "fuzz"])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--output", type=Path, default=None)
    options = parser.parse_args()
    measures = {
        "golds": lambda: gold_answers(options.data),
        "throughput": lambda: throughput(options.data),
        "fuzz": lambda: fuzz(options.hostile, options.seed),
    }
    result = {name: measures[name]() for name in options.parts}
    print(json.dumps(result, indent=2, ensure_ascii=False))
    if options.output:
        options.output.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
