"""power-smc against the sequential Monte Carlo of genlm-control, on an organism: effective samples a second.

    python -m benchmarks.genlm_control --genlm VENV/bin/python [--organism aligned] [--prompts 20] [--particles 256]

genlm-control is no dependency of ours, and asks for other versions: install it in an environment of its own
(`pip install genlm-control`) and name its Python. Without one the script says so and ends.
It says p^alpha as `llm ** alpha`; its direct token sampler then draws and weighs as power-smc does without a ramp.

One difference of target: genlm-control ends what has not ended at the length limit and weighs it by p(end), so that it
samples p^alpha of finished responses; power-smc keeps the cut-off ones, as training does. Each is judged against its
own target, listed by llm.samplers.enumeration; `share_cut_off` says how much of ours is cut off. A run's error is that
of its estimate of E[log p], in standard deviations of log p under the target; effective samples are 1 / mean squared
error, over prompts and repeats. Seconds are CPU seconds of drawing alone: loading and scoring are not in them. Both get
one prompt at a time. genlm-control gets its Transformers engine with the prompt's keys and values kept and a batch of
all particles; its default batch is 20. Adds its result to benchmarks/genlm_control.json.
"""

import argparse
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np

from benchmarks.samplers import ALPHAS, MAX_RESPONSE_TOKENS, Oracle
from harness import run_folder
from llm.models.loading import resolve
from llm.samplers import power_smc
from llm.samplers.enumeration import power_table
from llm.sampling.scoring import response_log_probs

RESULT = Path(__file__).with_suffix(".json")

THEIRS = """
import asyncio, json, sys, time
import numpy as np, torch
from genlm.backend.llm import base
from genlm.backend.tokenization import Token
from genlm.control import EOS, PromptedLLM, direct_token_sampler
torch.set_num_threads(1)
# The organism's tokenizer has words and no bytes; the names of tokens do not matter here.
names = lambda tokenizer: ["<%d>" % i for i in range(len(tokenizer))]
base.decode_vocab = lambda t: ([Token(i, n.encode()) for i, n in enumerate(names(t))], names(t))
asked = json.load(sys.stdin)
torch.manual_seed(asked["seed"]); np.random.seed(asked["seed"])
options = {"batch_size": asked["particles"], "timeout": 0.001}
llm = PromptedLLM.from_name(asked["model"], backend="hf", **options)
end = llm.token_maps.eos_idxs[0]

async def draw(ids, alpha):
    llm.prompt_ids = ids
    llm.model.clear_cache()
    llm.model.cache_kv(ids)
    sampler = direct_token_sampler(llm**alpha)
    return await sampler.smc(asked["particles"], 0.5, asked["max_tokens"], resampling_method="systematic")

rows = []
for alpha in asked["alphas"]:
    for repeat in range(asked["repeats"] + 1):
        for ids in asked["prompts"][: None if repeat else 1]:
            started = time.process_time()
            drawn = asyncio.run(draw(ids, alpha))
            seconds = time.process_time() - started
            responses = [[end if t is EOS else t.token_id for t in context] for context in drawn.contexts]
            if repeat:  # the first warms up
                row = {"alpha": alpha, "seconds": seconds, "responses": responses}
                rows.append(row | {"weights": drawn.normalized_weights.tolist()})
json.dump(rows, sys.stdout)
"""


def truths(oracle: Oracle, alpha: float, finished_only: bool) -> list[tuple[float, float]]:
    """Mean and variance of log p under p^alpha at each prompt."""
    found = []
    for listed in oracle.found:
        q = np.exp(power_table(listed, alpha).log_q)
        if finished_only:
            q = q * [y[-1] in oracle.stops for y in listed.responses]
        mean = q @ listed.log_p / q.sum()
        found.append((mean, q @ (listed.log_p - mean) ** 2 / q.sum()))
    return found


def log_p(oracle: Oracle, prompt: int, responses) -> np.ndarray:
    asked = [oracle.prompt_ids[prompt]] * len(responses)
    return response_log_probs(oracle.model, asked, responses, oracle.tokenizer.pad_token_id).numpy().astype(float)


def ours(oracle: Oracle, alpha: float, particles: int, repeats: int) -> list[tuple[int, float, float]]:
    """(prompt, seconds, estimate of E[log p]), after one draw to warm up."""
    rows = []
    for repeat in range(repeats + 1):
        for prompt in range(len(oracle.prompt_ids) if repeat else 1):
            started = time.process_time()
            one = slice(prompt, prompt + 1)
            request = oracle.request(one, particles, seed=1000 * repeat + prompt)
            cloud, _ = power_smc.weighted_particles(request, particles, alpha)
            seconds = time.process_time() - started
            if repeat:
                weight = cloud.count * (cloud.log_weight - cloud.log_weight.max()).exp()
                rows.append((prompt, seconds, float(weight @ cloud.log_p / weight.sum())))
    return rows


def theirs(oracle: Oracle, options: argparse.Namespace) -> list[dict]:
    asked = {
        "model": str(Path(resolve(options.organism)).resolve()),
        "prompts": oracle.prompt_ids,
        "alphas": options.alphas,
        "repeats": options.repeats,
        "particles": options.particles,
        "max_tokens": MAX_RESPONSE_TOKENS,
        "seed": 0,
    }
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    command = [options.genlm, "-c", THEIRS]
    ran = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, env=environment)
    if ran.returncode:
        raise SystemExit(f"--genlm {options.genlm} cannot run it: {ran.stderr.strip()[-600:]}")
    return json.loads(ran.stdout[ran.stdout.index("[{") :])


def rate(rows, truth) -> dict[str, float]:
    """rows: (prompt, seconds, estimate). Effective samples of a run, and a second."""
    error = np.mean([(estimate - truth[prompt][0]) ** 2 / truth[prompt][1] for prompt, _, estimate in rows])
    seconds = np.mean([took for _, took, _ in rows])
    return {"effective": float(1 / error), "seconds": float(seconds), "a_second": float(1 / error / seconds)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--genlm", default="", help="a Python that has genlm-control")
    parser.add_argument("--organism", default="aligned")
    parser.add_argument("--prompts", type=int, default=20)
    parser.add_argument("--particles", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--alphas", type=float, nargs="+", default=ALPHAS)
    options = parser.parse_args()
    if not options.genlm or not shutil.which(options.genlm):
        print("genlm-control is not there: make an environment for it and name its Python with --genlm")
        return
    oracle = Oracle(options.organism, options.prompts)
    drawn, rows = theirs(oracle, options), []
    for alpha in options.alphas:
        here = [row for row in drawn if row["alpha"] == alpha]
        estimates = [
            (
                number % options.prompts,
                row["seconds"],
                float(log_p(oracle, number % options.prompts, row["responses"]) @ row["weights"]),
            )
            for number, row in enumerate(here)
        ]
        row = {"alpha": alpha, "genlm_control": rate(estimates, truths(oracle, alpha, True))}
        mine = ours(oracle, alpha, options.particles, options.repeats)
        row["power_smc"] = rate(mine, truths(oracle, alpha, False))
        row["ratio"] = row["power_smc"]["a_second"] / row["genlm_control"]["a_second"]
        by_prompt = [
            sum(s for p, s, _ in estimates if p == i) / sum(s for p, s, _ in mine if p == i)
            for i in range(options.prompts)
        ]
        row["seconds_ratio"] = {"median": float(np.median(by_prompt)), "range": [min(by_prompt), max(by_prompt)]}
        tables = [(power_table(listed, alpha), listed) for listed in oracle.found]
        cut = [np.exp(t.log_q) @ [y[-1] not in oracle.stops for y in listed.responses] for t, listed in tables]
        row["share_cut_off"] = {"mean": float(np.mean(cut)), "most": float(np.max(cut))}
        rows.append(row)
        print(json.dumps(row), flush=True)
    result = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    settings = {"particles": options.particles, "repeats": options.repeats, "prompts": options.prompts}
    settings |= {"load_average": os.getloadavg()}
    kept = [row for row in result.get(options.organism, []) if row["alpha"] not in options.alphas]
    result[options.organism] = sorted(kept + [row | settings for row in rows], key=lambda row: row["alpha"])
    run_folder.write_json(RESULT, result)


if __name__ == "__main__":
    main()
