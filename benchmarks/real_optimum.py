"""p^alpha of a real model, enumerated: what the forecast said of it, and how near samplers come.

    python -m benchmarks.real_optimum --comparison runs/real/words-same [--prompts 6]

Reads the model, the prompts and the base rollouts of a folder of llm.compare. All responses above a probability floor
are listed, with a certified bound on the share of p^alpha that is not. The exact accuracy and length that follow stand
beside the forecast from the base rollouts of the very same prompts, and beside responses of power-smc and power-mh.
Distances are total variations to the list, less what as many independent draws would be away from it.
`--speed` compares power-smc with sequential Metropolis-Hastings instead (effective samples a CPU second).
Adds its result to benchmarks/real_optimum.json.
"""

import argparse
import dataclasses
import functools
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.samplers import Oracle, monte_carlo_floor, speed
from harness import run_folder
from harness.run_kind import read_json
from llm.comparison.config import CompareConfig
from llm.grading.grade import grade_all
from llm.models.loading import load, resolve, stop_token_ids
from llm.prompts.form import prompt_form
from llm.rollout_table import read
from llm.samplers import power_mh, power_smc
from llm.samplers.base import Request
from llm.samplers.enumeration import Enumeration, enumerate_responses, power_table, total_variation
from llm.sampling.config import SampleConfig
from llm.sampling.parts import choose_problems
from theory.estimation.reweight import Target, reweight
from theory.estimation.samples import Rollouts

RESULT = Path(__file__).parent / "real_optimum.json"
ALPHAS = (2.0, 4.0)  # nearer to 1 the floor leaves too much of p^alpha unlisted
SAMPLES = {"power-smc": 128, "power-mh": 64}


class Task:
    """The model and prompts of a comparison."""

    def __init__(self, folder: Path, prompts: int, floor: float):
        asked = read_json(folder / "config.json")
        known = {field.name for field in dataclasses.fields(CompareConfig)} - {"arms", "output_dir"}
        self.config = CompareConfig(**{name: asked[name] for name in known & asked.keys()} | _paths(asked))
        self.limit = int(read_json(folder / "base" / "config.json")["max_new_tokens"])
        self.model, self.tokenizer = load(resolve(self.config.model))
        self.model.eval()
        self.stops = stop_token_ids(self.model, self.tokenizer)
        form = prompt_form(self.config, False)
        form.fit(self.tokenizer, self.config.model)
        chosen = choose_problems(SampleConfig(dataset=self.config.dataset, prompts=self.config.prompts), False)
        self.problems = chosen[:prompts]
        self.prompt_ids = [form.encode(self.tokenizer, problem) for problem in self.problems]
        self.base = read(folder / "base").in_order(np.array([problem.prompt_id for problem in self.problems]))
        self.floor = floor

    def listed(self, number: int) -> Enumeration:
        return enumerate_responses(self.model, self.prompt_ids[number], self.limit, self.stops, self.floor)

    def rewards(self, number: int, responses: list[tuple[int, ...]]) -> np.ndarray:
        texts = self.tokenizer.batch_decode([list(y) for y in responses], skip_special_tokens=True)
        ended = [y[-1] in self.stops for y in responses]
        return np.array(grade_all(texts, [self.problems[number].answer] * len(texts), ended))

    def drawn(self, number: int, method: str, alpha: float, burn_in: int) -> list[tuple[int, ...]]:
        generator = torch.Generator().manual_seed(number)
        ids, samples = self.prompt_ids[number], SAMPLES[method]
        request = Request(self.model, self.tokenizer, [ids], samples, self.limit, self.stops, generator)
        if method == "power-smc":
            return [tuple(y) for y in power_smc.sample(request, alpha=alpha).responses]
        drawn = power_mh.sample(request, alpha=alpha, chains=samples, burn_in=burn_in, thin=1)
        return [tuple(y) for y in drawn.responses]


def _paths(asked: dict) -> dict:
    """What config.json holds as text."""
    return {"few_shot": Path(asked["few_shot"])} if asked.get("few_shot") else {}


def prompt_result(task: Task, number: int, chains: bool, burn_in: int, alphas: Sequence[float]) -> list[dict]:
    """One row for each alpha."""
    found, generator = task.listed(number), np.random.default_rng(number)
    reward = task.rewards(number, found.responses)
    own = task.base.in_order(task.base.prompt_id[number : number + 1])
    rows = []
    for alpha in alphas:
        table = power_table(found, alpha)
        q = np.exp(table.log_q)
        row = {"prompt": task.problems[number].prompt_id, "alpha": alpha, "listed": len(q), "outside": table.outside}
        row["base_mass_outside"] = found.rest
        row["exact"] = {"accuracy": float(q @ reward), "length": float(q @ [len(y) for y in found.responses])}
        row["exact"]["log_p"] = float(q @ found.log_p)
        row["forecast"] = _forecast(own, alpha)
        for method in ("power-smc", "power-mh") if chains else ("power-smc",):
            responses = task.drawn(number, method, alpha, burn_in)
            distance = total_variation(found, table, responses)
            row[method] = {
                "accuracy": float(task.rewards(number, responses).mean()),
                "beyond_the_floor": distance - monte_carlo_floor(table, len(responses), generator),
            }
        rows.append(row)
    return rows


def _forecast(own: Rollouts, alpha: float) -> dict[str, float]:
    value = reweight(own, Target(alpha, 0.0)).value
    return {name: float(value[name][0]) for name in ("accuracy", "length", "log_p")}


def _add(task: Task, name: str, part: str, rows: list[dict]) -> None:
    result = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    asked = {"floor": task.floor, "limit": task.limit, "samples": SAMPLES}
    result[name] = result.get(name, {}) | asked | {part: rows}
    run_folder.write_json(RESULT, result)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--comparison", type=Path, required=True)
    parser.add_argument("--prompts", type=int, default=6)
    parser.add_argument("--chains", type=int, default=2, help="prompts on which power-mh is run as well")
    parser.add_argument("--burn-in", type=int, default=4, help="moves of each of its chains before the last")
    parser.add_argument("--floor", type=float, default=2e-4)
    parser.add_argument("--alphas", nargs="+", type=float, default=ALPHAS)
    parser.add_argument("--speed", action="store_true", help="of power-smc beside sequential Metropolis-Hastings")
    parser.add_argument("--moves", type=int, default=60, help="of each of its chains")
    parser.add_argument("--particles", type=int, default=384)
    options = parser.parse_args()
    task = Task(options.comparison, options.prompts, options.floor)
    name, rows = options.comparison.name, []
    if options.speed:
        oracle = Oracle(task.model, task.tokenizer, task.problems, task.prompt_ids, task.limit, task.floor)
        save = functools.partial(_add, task, f"{name}, speed", "rows")
        speed(oracle, save, options.moves, options.particles, options.alphas)
        return
    for number in range(len(task.problems)):
        rows += prompt_result(task, number, number < options.chains, options.burn_in, options.alphas)
        print(json.dumps(rows[-len(options.alphas) :]), flush=True)
        _add(task, name if options.burn_in == 4 else f"{name}, burn-in {options.burn_in}", "rows", rows)


if __name__ == "__main__":
    main()
