"""Samplers of p^alpha on an organism: error against cost, speed against sequential MH, memory of a real-shape model.

    python benchmarks/samplers.py [--parts error speed forecast memory] [--organism aligned] [--prompts 20]

Each part adds its result to benchmarks/samplers.json; `error` also draws docs/samplers.png. The oracle is the
enumeration of the model's own responses, with a certified bound on what it leaves out. Cost is in tokens that went
through the model, as a multiple of plain sampling without any sharing (samples · E_p|y|).
"""

import argparse
import itertools
import json
import resource
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from figures.llm.samplers import samplers_figure
from harness import run_folder
from harness.environment import environment
from llm.grading.grade import grade
from llm.models.loading import load, resolve, stop_token_ids
from llm.models.organisms import MAX_RESPONSE_TOKENS
from llm.problems import BUNDLED, load_problems
from llm.prompts.form import BARE
from llm.samplers import best_of_n, low_temperature, power_mh, power_rollout, power_smc
from llm.samplers.base import Request
from llm.samplers.enumeration import enumerate_responses, power_table, total_variation
from llm.samplers.mixing import mixing

HERE = Path(__file__).parent
RESULT = HERE / "samplers.json"
ALPHAS = (1.25, 2.0, 4.0)
FLOOR = 1e-6  # of the enumeration
SAMPLES = 128  # a prompt
# name of the curve, sampler, options at rising cost, prompts it is run on (of those asked for)
CURVES = (
    ("power-smc", power_smc, [{"particles": SAMPLES * k} for k in (1, 2, 3, 6)], 1.0),
    ("power-smc, ramp 16", power_smc, [{"particles": SAMPLES * k, "ramp": 16} for k in (1, 2, 3, 6)], 1.0),
    ("low temperature", low_temperature, [{}], 1.0),
    ("best of n", best_of_n, [{"candidates": n} for n in (2, 4, 8)], 1.0),
    ("power-mh", power_mh, [{"chains": SAMPLES, "burn_in": n, "thin": 1} for n in (0, 1, 3, 7)], 1.0),
    ("power-rollout", power_rollout, [{"candidates": k, "rollouts": m} for k, m in ((2, 1), (4, 2))], 0.2),
)


class Oracle:
    """A model, some prompts and all that it says to them above a floor of probability."""

    def __init__(self, model, tokenizer, problems, prompt_ids, limit: int, floor: float):
        self.model, self.tokenizer, self.problems, self.prompt_ids = model, tokenizer, problems, prompt_ids
        self.limit, self.stops = limit, stop_token_ids(model, tokenizer)
        self.found = [enumerate_responses(model, ids, limit, self.stops, floor) for ids in prompt_ids]

    def request(self, prompts: slice, samples: int, seed: int) -> Request:
        asked, generator = self.prompt_ids[prompts], torch.Generator().manual_seed(seed)
        return Request(self.model, self.tokenizer, asked, samples, self.limit, self.stops, generator)

    def draw(self, sampler, prompts: slice, samples: int, seed: int, **options):
        return sampler.sample(self.request(prompts, samples, seed), **options)

    def plain_tokens(self, prompts: slice, samples: int) -> float:
        """What plain sampling costs: samples · E_p|y|, over the listed responses."""
        return samples * sum(
            np.exp(found.log_p) @ [len(y) for y in found.responses] / np.exp(found.log_p).sum()
            for found in self.found[prompts]
        )


def organism_oracle(organism: str, prompts: int) -> Oracle:
    """An organism with some of its held-out prompts."""
    model, tokenizer = load(resolve(organism))
    held_out = load_problems(BUNDLED, "heldout")
    problems = held_out[:: len(held_out) // prompts][:prompts]
    prompt_ids = [tokenizer(problem.text).input_ids for problem in problems]
    return Oracle(model.eval(), tokenizer, problems, prompt_ids, MAX_RESPONSE_TOKENS, FLOOR)


def monte_carlo_floor(table, samples: int, generator) -> float:
    """Mean total variation of independent draws to their own distribution, from 100 sets."""
    q = np.exp(table.log_q)
    return float(np.mean([0.5 * np.abs(generator.multinomial(samples, q) / samples - q).sum() for _ in range(100)]))


def error_against_cost(oracle: Oracle, save, curves: Sequence[str], rows: list[dict]) -> list[dict]:
    """Rows of other curves stay as they are."""
    generator, rows = np.random.default_rng(0), [row for row in rows if row["method"] not in curves]
    tables = {alpha: [power_table(found, alpha) for found in oracle.found] for alpha in ALPHAS}
    floors = {
        alpha: np.array([monte_carlo_floor(table, SAMPLES, generator) for table in tables[alpha]]) for alpha in ALPHAS
    }
    for name, sampler, settings, share in [curve for curve in CURVES if curve[0] in curves]:
        few = slice(0, max(2, round(share * len(oracle.found))))
        for alpha, options in itertools.product(ALPHAS, settings):
            with_alpha = options if sampler is best_of_n else options | {"alpha": alpha}
            excess, tokens, unshared, started = [], 0, 0, time.perf_counter()
            for start in range(0, few.stop, 4):
                batch = range(start, min(start + 4, few.stop))
                drawn = oracle.draw(sampler, slice(start, batch.stop), SAMPLES, seed=start, **with_alpha)
                tokens += drawn.tokens
                unshared += drawn.tokens * drawn.diagnostics.get("draws_per_token_read", 1.0)
                for i in batch:
                    mine = drawn.responses[(i - start) * SAMPLES : (i - start + 1) * SAMPLES]
                    distance = total_variation(oracle.found[i], tables[alpha][i], mine)
                    excess.append(distance - floors[alpha][i])
            row = {
                "alpha": alpha,
                "method": name,
                "options": options,
                "prompts": few.stop,
                "cost": float(tokens / oracle.plain_tokens(few, SAMPLES)),
                "cost_without_sharing": float(unshared / oracle.plain_tokens(few, SAMPLES)),
                "excess": float(np.mean(excess)),
                "excess_se": float(np.std(excess, ddof=1) / np.sqrt(len(excess))),
                "floor": float(floors[alpha][few].mean()),
                "outside": max(table.outside for table in tables[alpha][few]),
                "seconds": time.perf_counter() - started,
                **{k: v for k, v in drawn.diagnostics.items() if k in ("ess", "acceptance", "resamplings", "r_hat")},
            }
            rows.append(row)
            save(rows)
            print(row, flush=True)
    return rows


@torch.no_grad()
def sequential_mh(oracle: Oracle, prompt: int, alpha: float, moves: int, seed: int) -> tuple[np.ndarray, float]:
    """(trace of log p, CPU seconds): one chain over the fixed horizon, model.generate for each proposal, nothing kept.

    The position is uniform over the response; the rest is drawn at temperature 1/alpha, then both are scored anew.
    """
    model, ids, generator = oracle.model, oracle.prompt_ids[prompt], torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)

    def regenerate(kept):
        start = torch.tensor([[*ids, *kept]])
        options = {"do_sample": True, "temperature": 1 / alpha, "top_k": 0, "top_p": 1.0}
        out = model.generate(
            start,
            attention_mask=torch.ones_like(start),
            max_new_tokens=oracle.limit - len(kept),
            eos_token_id=sorted(oracle.stops),
            pad_token_id=oracle.tokenizer.pad_token_id,
            **options,
        )
        return out[0, len(ids) :].tolist()

    def log_w(response):
        logits = model(torch.tensor([[*ids, *response]])).logits[0, len(ids) - 1 : -1].double()
        log_p = torch.log_softmax(logits, -1)
        chosen = log_p[range(len(response)), response].sum()
        return chosen.item(), torch.logsumexp(alpha * log_p, -1).sum()

    trace, response = [], regenerate([])
    log_p, weight = log_w(response)
    started = time.process_time()
    for _ in range(moves):
        u = torch.rand(2, generator=generator)
        position = int(u[0] * len(response))
        new = regenerate(response[:position])
        new_log_p, new_weight = log_w(new)
        ratio = new_weight - weight + np.log(len(response)) - np.log(len(new))
        if u[1].log() < ratio:
            response, log_p, weight = new, new_log_p, new_weight
        trace.append(log_p)
    return np.array(trace), time.process_time() - started


def speed(oracle: Oracle, save, moves: int = 80, particles: int = 1024, alphas=ALPHAS) -> list[dict]:
    """Effective samples a CPU second over all prompts: sequential MH by arviz, particles by their error.

    The error is that of the estimate of E log p against the list, in standard deviations under p^alpha; effective
    samples are 1 over its mean square over prompts: nothing that particles say of themselves enters. One prompt alone
    gives no such mean, so that the spread over prompts is that of what they do say (`own_ratio`).
    """
    rows = []
    for alpha in alphas:
        errors, own, chains, seconds = [], [], [], {"power_smc": [], "sequential_mh": []}
        for prompt, found in enumerate(oracle.found):
            trace, took = sequential_mh(oracle, prompt, alpha, moves, seed=prompt)
            chains.append(float(np.nan_to_num(mixing(trace[None, None]).ess[0])))
            seconds["sequential_mh"].append(took)
            q = np.exp(power_table(found, alpha).log_q)
            mean = q @ found.log_p
            started = time.process_time()
            request = oracle.request(slice(prompt, prompt + 1), particles, seed=100 + prompt)
            cloud, stages = power_smc.weighted_particles(request, particles, alpha, ramp=16)
            seconds["power_smc"].append(time.process_time() - started)
            weight = cloud.count * (cloud.log_weight - cloud.log_weight.max()).exp()
            estimate = float(weight @ cloud.log_p / weight.sum())
            errors.append((estimate - mean) ** 2 / (q @ (found.log_p - mean) ** 2))
            own.append(1 / float(stages.inverse_ess[0]))
        row = {"alpha": alpha, "prompts": len(oracle.found), "moves": moves, "particles": particles}
        row |= {"sequential_mh": sum(chains) / sum(seconds["sequential_mh"])}
        row |= {"power_smc": len(errors) / np.mean(errors) / sum(seconds["power_smc"])}
        row |= {"ratio": row["power_smc"] / row["sequential_mh"], "effective": 1 / np.mean(errors)}
        row |= {"own_ess": float(np.mean(own)), "chain_ess": float(np.mean(chains))}
        of_particles, of_chains = (
            np.array(ess) / seconds[name] for name, ess in (("power_smc", own), ("sequential_mh", chains))
        )
        ratios = of_particles[of_chains > 0] / of_chains[of_chains > 0]
        row["own_ratio"] = {"median": float(np.median(ratios)), "range": [float(ratios.min()), float(ratios.max())]}
        row["stuck_chains"] = int((of_chains == 0).sum())
        rows.append(row)
        save(rows)
        print(row, flush=True)
    return rows


def forecast_check(oracle: Oracle, save) -> list[dict]:
    """Accuracy and length of p^alpha: exact, sampled by power-smc, and the forecast from 64 base samples a prompt."""
    from llm.rollout_table import from_table
    from llm.sampling import rollouts
    from theory.estimation.forecast import forecast
    from theory.estimation.reweight import Target

    table = rollouts.sample_rollouts(
        oracle.model, oracle.tokenizer, oracle.problems, 64, MAX_RESPONSE_TOKENS, seed=5, form=BARE
    )
    targets = [Target(alpha, 0.0, 0.0) for alpha in ALPHAS]
    records = forecast(from_table(table), targets, np.random.default_rng(0), methods=("psis",))
    rows = []
    for alpha, record in zip(ALPHAS, records, strict=True):
        drawn = oracle.draw(power_smc, slice(None), SAMPLES, seed=6, alpha=alpha, ramp=16)
        sampled = rollouts.tabulate(
            oracle.model, oracle.tokenizer, oracle.problems, oracle.prompt_ids, drawn, oracle.stops
        )
        by_prompt = sampled.groupby("prompt_id", sort=False)[["reward", "length"]].mean()
        within = sampled.groupby("prompt_id", sort=False)[["reward", "length"]].var() / SAMPLES
        error = np.sqrt(within.sum()) / len(by_prompt)  # of the draws, at these very prompts
        exact = np.mean([_exact(oracle, i, alpha) for i in range(len(oracle.found))], axis=0)
        row = {"alpha": alpha, "forecast_reliable": record.reliable}
        for name, column, value in zip(("accuracy", "length"), ("reward", "length"), exact, strict=True):
            row[name] = {
                "exact": float(value),
                "power_smc": float(by_prompt[column].mean()),
                "power_smc_se": float(error[column]),
                "forecast": record[name].value,
                "low": record[name].low,
                "high": record[name].high,
            }
        rows.append(row)
        save(rows)
        print(row, flush=True)
    return rows


def _exact(oracle: Oracle, prompt: int, alpha: float) -> tuple[float, float]:
    found, answer = oracle.found[prompt], oracle.problems[prompt].answer
    q = np.exp(power_table(found, alpha).log_q)
    texts = oracle.tokenizer.batch_decode([list(y) for y in found.responses], skip_special_tokens=True)
    reward = [grade(t, answer, y[-1] in oracle.stops) for t, y in zip(texts, found.responses, strict=True)]
    return float(q @ reward), float(q @ [len(y) for y in found.responses])


def memory_of_a_real_shape(horizon: int = 24) -> dict:
    """power-mh with 8 chains on a randomly initialised model of Qwen2.5-0.5B's shape, float32 on the CPU."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=151936,
            hidden_size=896,
            intermediate_size=4864,
            num_hidden_layers=24,
            num_attention_heads=14,
            num_key_value_heads=2,
            tie_word_embeddings=True,
        )
    ).eval()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    prompt = torch.randint(151936, (100,), generator=torch.Generator().manual_seed(0)).tolist()
    generator = torch.Generator().manual_seed(1)
    started = time.perf_counter()
    request = Request(model, None, [prompt], 8, horizon, {151645}, generator)
    drawn = power_mh.sample(request, alpha=4.0, chains=8, burn_in=1, thin=1)
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "chains": 8,
        "prompt_tokens": len(prompt),
        "horizon": horizon,
        "moves": 2,
        "tokens": drawn.tokens,
        "seconds": time.perf_counter() - started,
        "gigabytes_with_the_model_loaded": before,
        "gigabytes_at_most": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "acceptance": drawn.diagnostics["acceptance"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", default=["error", "speed", "forecast", "memory"])
    parser.add_argument("--organism", default="aligned")
    parser.add_argument("--prompts", type=int, default=20)
    parser.add_argument("--curves", nargs="+", default=[name for name, *_ in CURVES], help="of the error part")
    options = parser.parse_args()
    result = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    result["environment"] = environment()
    known = result.get(options.organism, {}).get("error", [])
    measures = {
        "error": lambda oracle, save: error_against_cost(oracle, save, options.curves, known),
        "speed": speed,
        "forecast": forecast_check,
    }
    oracle = organism_oracle(options.organism, options.prompts) if set(options.parts) & measures.keys() else None
    for part in options.parts:
        if part == "memory":
            result["memory"] = memory_of_a_real_shape()
            run_folder.write_json(RESULT, result)
            continue

        def save(rows, part=part):
            result.setdefault(options.organism, {})[part] = rows
            run_folder.write_json(RESULT, result)

        measures[part](oracle, save)
    if "error" in options.parts and options.organism == "aligned":
        run_folder.write(HERE.parent / "docs" / "samplers.png", samplers_figure(result["aligned"]["error"]).savefig)


if __name__ == "__main__":
    main()
