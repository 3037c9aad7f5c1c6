"""How sound and how fast the grader is: golds against their twins and false twins, hostile answers, throughput.

    python benchmarks/grading.py [--hostile 20000] [--seed 0] [--data ../shared/data] [--output grading.json]

Prints, and writes where asked, one JSON object. Nothing here may crash or hang; the slowest answer is reported.
"""

import argparse
import collections
import decimal
import itertools
import json
import random
import re
import resource
import statistics
import sys
import time
from fractions import Fraction
from pathlib import Path

from llm.grading.agreement import constant
from llm.grading.expressions import node_of
from llm.grading.golds import rewritten
from llm.grading.grade import _verdicts, grade, same_answers
from llm.grading.pool import Worker
from llm.grading.structure import Expression, structure
from llm.grading.typography import clean
from llm.grading.units import split_unit
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
    seconds, correct = [], 0
    grade(r"\boxed{1}", "2")  # starts the worker
    for number in range(1, count + 1):
        answer, gold = hostile(rng), rng.choice(golds)
        _verdicts.clear()
        started = time.perf_counter()
        correct += grade(rf"so \boxed{{{answer}}}", gold)
        seconds.append(time.perf_counter() - started)
        if number % 500 == 0:
            print(f"{number} answers, {sum(seconds):.0f} s, slowest {max(seconds):.2f} s", file=sys.stderr, flush=True)
    slowest = sorted(seconds)[-max(1, count // 100)]
    return {
        "answers": count,
        "graded_correct": int(correct),
        "slowest_seconds": max(seconds),
        "percentile_99_seconds": slowest,
        "median_seconds": statistics.median(seconds),
    }


def latex_twins(gold: str) -> list[str]:
    """The same answer typeset another way."""
    words = re.fullmatch(r"\\text\{([^{}]*)\}", gold)
    frac = r"\frac" if r"\dfrac" in gold else r"\dfrac"
    sized = re.sub(r"\\(left|right)\s*(?=[()\[\]])", "", gold)
    return [
        re.sub(r"(?<![\\\d])([+=,(){}-])(?!\d{3})", r" \1 ", gold) if "text" not in gold else f" {gold} ",
        f"${gold}$",
        f"{gold}.",
        sized.replace("(", r"\left(").replace(")", r"\right)") if sized == gold else sized,
        re.sub(r"\\[dt]?frac(?![a-z])", lambda _: frac, gold),
        re.sub(r"\\frac\{(\d)\}\{(\d)\}", r"\\frac\1\2", gold),
        re.sub(r"\\text\{([^{}]*)\}", r"\\mathrm{\1}", gold),
        words.group(1) if words else gold,
        rewritten(gold),
    ]


def value_twins(gold: str) -> list[str]:
    """A number as a decimal, in e-notation and as a power of ten; fifteen digits where the decimals do not end."""
    text = split_unit(clean(gold))[0]
    plain = isinstance(structure(text), Expression) and not text.endswith("%") and "°" not in text
    node = node_of(text) if plain else None
    value = None if node is None else constant(node)
    if value is None or isinstance(value, tuple) or getattr(value, "imag", 0) or abs(value) > 10**300:
        return []
    if not isinstance(value, Fraction) or value.denominator > 10**15 or 10**60 % value.denominator:
        return [repr(float(value)), f"{float(value):.10g}"]
    decimal.getcontext().prec = 320
    exact = (decimal.Decimal(value.numerator) / value.denominator).normalize()
    mantissa, exponent = f"{exact:e}".split("e")
    return [
        f"{exact:f}",
        f"{mantissa}e{int(exponent)}",
        rf"{mantissa}\times 10^{{{int(exponent)}}}",
        rf"{mantissa} \cdot 10^{{{int(exponent)}}}",
    ]


_NO_SYMBOL = re.compile(
    r"\\(?:text\w*|mbox|mathrm)\s*\{[^{}]*\}|\\(?:begin|end)\{[^{}]*\}|\\phantom|\\[a-zA-Z]+|(?<=\d)e(?=-?\d)"
)


def false_twins(gold: str, rng: random.Random) -> list[tuple[str, str, str]]:
    """(twin, gold, kind): the case of one symbol, one digit, one sign or one exponent changed, or letters permuted."""
    hidden = {place for match in _NO_SYMBOL.finditer(gold) for place in range(*match.span())}
    places = [place for place in range(len(gold)) if place not in hidden]
    found = []

    def change(kind: str, wanted, replacement) -> None:
        if fitting := [place for place in places if wanted(gold[place])]:
            place = rng.choice(fitting)
            found.append((gold[:place] + replacement(gold[place]) + gold[place + 1 :], gold, kind))

    change("case", str.isalpha, str.swapcase)
    change("digit", str.isdigit, lambda digit: rng.choice([other for other in "123456789" if other != digit]))
    change("sign", lambda sign: sign in "+-", lambda sign: "-" if sign == "+" else "+")
    if not re.search(r"[+-]", gold) and re.search(r"[1-9a-z]", gold) and not gold.startswith("0"):
        found.append((f"-{gold}", gold, "sign"))
    if exponents := list(re.finditer(r"\^\{?(\d+)\}?", gold)):
        power = rng.choice(exponents)
        found.append((gold[: power.start(1)] + str(int(power[1]) + 1) + gold[power.end(1) :], gold, "exponent"))
    if words := re.fullmatch(r"(\\text\{)?([A-Za-z ]{2,})(\})?", gold):
        letters = "".join(rng.sample(words[2], len(words[2])))
        if letters.split() != words[2].split():
            found.append((f"{words[1] or ''}{letters}{words[3] or ''}", gold, "permuted"))
    zero = re.compile(r"[\\a-z{}& 0+-]*0[\\a-z{}& 0+-]*")  # minus a matrix of zeros is that matrix
    return [twin for twin in found if twin[0] != gold and not (twin[2] == "sign" and zero.fullmatch(gold))]


def gold_answers(folder: Path) -> dict:
    """Share of golds that equal their twins, for each file, with those that do not."""
    report = {}
    for file in sorted(folder.glob("*.jsonl")):
        golds = list(dict.fromkeys(problem.answer for problem in load_problems(str(file))))
        report[file.stem] = {"distinct_golds": len(golds)}
        for kind, twins in (("itself", lambda gold: [gold]), ("latex", latex_twins), ("value", value_twins)):
            pairs = [(twin, gold) for gold in golds for twin in twins(gold)]
            missed = [pair for pair, met in zip(pairs, same_answers(pairs), strict=True) if not met]
            report[file.stem][kind] = {"pairs": len(pairs), "equal": 1 - len(missed) / len(pairs), "missed": missed}
    return report


def false_answers(folder: Path, seed: int) -> dict:
    """Twins of every gold that must not be graded correct, and those that are."""
    rng = random.Random(seed)
    golds = dict.fromkeys(p.answer for file in sorted(folder.glob("*.jsonl")) for p in load_problems(str(file)))
    twins = [twin for gold in golds for twin in false_twins(gold, rng)]
    verdicts = same_answers([twin[:2] for twin in twins])
    return {
        "twins": dict(collections.Counter(kind for _, _, kind in twins)),
        "graded_correct": [twin for twin, verdict in zip(twins, verdicts, strict=True) if verdict],
    }


def throughput(folder: Path) -> dict:
    """Answers a second of one worker where a formula must be read: golds of math_train against the gold before."""
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


def start() -> dict:
    """Seconds from nothing to the first verdict of a worker, by the clock and by its processor time."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    worker = Worker()
    worker.same("x+1", "1+x")
    seconds = time.perf_counter() - started
    worker.close()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "seconds": seconds,
        "processor_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hostile", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0, help="of the hostile answers")
    parser.add_argument("--parts", nargs="+", default=["golds", "false", "throughput", "start", "fuzz"])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--output", type=Path, default=None)
    options = parser.parse_args()
    measures = {
        "golds": lambda: gold_answers(options.data),
        "false": lambda: false_answers(options.data, options.seed),
        "start": start,
        "throughput": lambda: throughput(options.data),
        "fuzz": lambda: fuzz(options.hostile, options.seed),
    }
    result = {name: measures[name]() for name in options.parts}
    print(json.dumps(result, indent=2, ensure_ascii=False))
    if options.output:
        options.output.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
