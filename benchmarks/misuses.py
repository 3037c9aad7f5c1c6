"""How often files that are not what they are taken for are found out, and how often clean ones are accused.

Fifty tables of each, 17 a spread, are drawn from the token-level policies of benchmarks/populations.py (100 prompts x 8
responses, sd(log p) of 5, 15 and 40 nats) and looked at with the column entropy, without it, and with 32 responses
scored again by the model.

    python -m benchmarks.misuses --tables 17 --output benchmarks/misuses.json
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle, islice, product
from pathlib import Path

import numpy as np

from benchmarks.populations import Population, Shape, at_temperature, drawn, population, with_top_p
from llm.base_rollouts import check_probabilities
from theory.estimation.samples import Rollouts
from theory.estimation.suspicions import beside_the_models_own, of_entropy, suspicions

PROMPTS, SAMPLES = 100, 8
SPREADS = (5, 15, 40)
Misuse = Callable[[Population, np.random.Generator], Rollouts]


def table(made: Population, generator: np.random.Generator, sampler: Population | None = None) -> Rollouts:
    return drawn(made, PROMPTS, SAMPLES, generator, sampler)


def in_units(unit: Callable[[Rollouts], np.ndarray]) -> Misuse:
    def misused(made: Population, generator: np.random.Generator) -> Rollouts:
        rollouts = table(made, generator)
        return replace(rollouts, log_p=unit(rollouts))

    return misused


def sampled_by(sampler: Callable[[Population], Population]) -> Misuse:
    return lambda made, generator: table(made, generator, sampler(made))


def with_prompt(made: Population, generator: np.random.Generator) -> Rollouts:
    """40 to 200 tokens of a prompt, of two nats each."""
    rollouts = table(made, generator)
    return replace(rollouts, log_p=rollouts.log_p - 2.0 * rollouts.each(generator.integers(40, 200, PROMPTS)))


def copied(made: Population, generator: np.random.Generator) -> Rollouts:
    """One greedy response of each prompt, as often as there are samples."""
    rollouts = table(made, generator, at_temperature(made, 0.05))
    first = rollouts.each(rollouts.start)
    names = ("log_p", "reward", "length", "response", "vote", "entropy")
    return replace(rollouts, **{name: getattr(rollouts, name)[first] for name in names})


MISUSES: dict[str, Misuse] = {
    "none": table,
    "mean per token": in_units(lambda r: r.log_p / r.length),
    "base 10": in_units(lambda r: r.log_p / np.log(10)),
    "base 2": in_units(lambda r: r.log_p / np.log(2)),
    "prompt included": with_prompt,
    "T = 0.7": sampled_by(lambda p: at_temperature(p, 0.7)),
    "T = 0.97": sampled_by(lambda p: at_temperature(p, 0.97)),
    "T = 1.3": sampled_by(lambda p: at_temperature(p, 1.3)),
    "low temperature (1/4)": sampled_by(lambda p: at_temperature(p, 0.25)),
    "top-p 0.9": sampled_by(lambda p: with_top_p(p, 0.9)),
    "greedy, copied": copied,
}
UNITS = ("mean per token", "base 10", "base 2", "prompt included")


def found(rollouts: Rollouts) -> str:
    """What is said of the file, or refused; empty where nothing is."""
    odd = suspicions(rollouts)
    if odd:
        return str(odd[0].kind)
    try:
        check_probabilities(Path("table"), rollouts)
    except ValueError:
        return "refused"
    return ""


def found_by_the_model(rollouts: Rollouts, clean: Rollouts) -> str:
    """What 32 responses scored again say: clean has the model's own numbers for the same texts."""
    prompts = np.linspace(0, PROMPTS - 1, 16).round().astype(int)
    kept = np.isin(rollouts.each(np.arange(PROMPTS)), prompts) & (np.arange(len(rollouts.log_p)) % SAMPLES < 2)
    few, own = rollouts.rows(kept), clean.rows(kept)
    prompt = few.each(np.arange(len(few.start)))
    odd = beside_the_models_own(few.log_p, own.log_p, few.length, prompt)
    kinds = [odd] if odd else of_entropy(own, own.log_p, own.entropy, True)
    return str(kinds[0].kind) if kinds else ""


def measured(tables: int, seed: int, spread: int) -> dict[str, dict[str, dict[str, int]]]:
    """Misuse -> how it was looked for -> what was found -> tables."""
    shapes = [Shape(spread, kind, heavy) for kind, heavy in product(("helps", "hurts", "turns"), (False, True))]
    counts: dict[str, dict[str, dict[str, int]]] = {}
    for number, shape in enumerate(islice(cycle(shapes), tables)):
        made = population(shape, np.random.default_rng([seed, spread, number]))
        for place, (name, misuse) in enumerate(MISUSES.items()):
            rollouts = misuse(made, np.random.default_rng([seed, spread, number, place]))
            # The same texts with the model's own log p: where these are what was changed, they are drawn once more.
            changed = name in UNITS
            clean = table(made, np.random.default_rng([seed, spread, number, place])) if changed else rollouts
            told = {
                "with entropy": found(rollouts),
                "without": found(replace(rollouts, entropy=None)),
                "with the model": found_by_the_model(rollouts, clean),
            }
            for how, kind in told.items():
                of = counts.setdefault(name, {}).setdefault(how, {})
                of[kind or "nothing"] = of.get(kind or "nothing", 0) + 1
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=17, help="of each misuse and spread")
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    result = {f"sd {spread}": measured(arguments.tables, arguments.seed, spread) for spread in SPREADS}
    text = json.dumps(result, indent=1)
    print(text)
    if arguments.output:
        arguments.output.write_text(text + "\n")


if __name__ == "__main__":
    main()
