"""One LoRA step of llm.train on a model of three or four billion parameters, without a GPU: how much memory?

    python -m benchmarks.full_size_lora --family llama qwen2 qwen3 [--generations 2] [--tokens 4]

The weights are random, in the exact shape of the original and in bfloat16: memory does not depend on their values. The
command itself runs, in a process of its own: base rollouts, a forecast, responses to two prompts, both scores, rewards,
the update, the merged model, its judgement. Then plain Transformers loads what was saved and answers. `rss` is all that
a process held in memory at once, pages of model files that are mapped among it; `anonymous` is what could not be given
back (seen every quarter of a second).

A processor without bfloat16 arithmetic takes half an hour for the update alone. So each product with a matrix of
bfloat16 is computed in float32 from a copy of that one matrix, and rounded to bfloat16, as a GPU does it; the copy (up
to .9 GB, of the largest) is in the figures. Seconds say nothing of a GPU. Adds its result to
benchmarks/full_size_lora.json.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import run_folder

RESULT = Path(__file__).with_suffix(".json")
FAMILIES = ("llama", "qwen2", "qwen3")

BUILD = "from benchmarks.full_size_lora import build; import sys; build(sys.argv[1], sys.argv[2])"
TRAIN = """
import sys
from benchmarks.full_size_lora import multiply_in_float32
multiply_in_float32()
from llm.train import main
sys.argv[0] = "llm.train"
main()
"""
ANSWER = """
import sys, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.bfloat16)
out = model.generate(**tokenizer("1+2=", return_tensors="pt"), max_new_tokens=2, min_new_tokens=2, do_sample=False)
print(model.num_parameters(), out.shape[1], bool(torch.isfinite(model(out).logits).all()))
"""


def build(family: str, folder: str) -> None:
    """Write a model of the family's shape, its matrices filled with one block of normal numbers over and over."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig
    from transformers.initialization import no_init_weights

    from llm.lookalike import train_tokenizer
    from llm.models.architectures import ARCHITECTURES

    architecture = ARCHITECTURES[family]
    tokenizer = train_tokenizer([f"{i}+{i * i}={i + i * i}" for i in range(400)], 600, architecture)
    with no_init_weights():
        shape = AutoConfig.for_model(architecture.model_type, **architecture.shape)
        model = AutoModelForCausalLM.from_config(shape, dtype=torch.bfloat16)
    block = (0.02 * torch.randn(2**22, generator=torch.Generator().manual_seed(0))).bfloat16()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            flat = weight.view(-1)
            if weight.ndim == 1:
                flat.fill_(0.0 if name.endswith("bias") else 1.0)
                continue
            for start in range(0, len(flat), len(block)):
                flat[start : start + len(block)] = block[: len(flat) - start]
    stops = [tokenizer.convert_tokens_to_ids(token) for token in architecture.stops]
    model.generation_config = GenerationConfig(eos_token_id=stops)
    model.save_pretrained(folder, max_shard_size="2GB")
    tokenizer.save_pretrained(folder)


def multiply_in_float32() -> None:
    """From here on torch.nn.functional.linear multiplies bfloat16 matrices as said above, backwards too."""
    import torch

    plain = torch.nn.functional.linear

    class Rounded(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, weight):
            ctx.save_for_backward(weight)
            return plain(x.float(), weight.float()).bfloat16()

        @staticmethod
        def backward(ctx, gradient):
            (weight,) = ctx.saved_tensors
            return (gradient.float() @ weight.float()).bfloat16(), None

    def linear(x, weight, bias=None):
        half = weight.dtype == torch.bfloat16
        assert not (half and weight.requires_grad and torch.is_grad_enabled()), "these weights take no step"
        if not half and not torch.is_autocast_enabled("cpu"):
            return plain(x, weight, bias)
        with torch.autocast("cpu", enabled=False):
            # Adapters are in float32, and their inputs and outputs are rounded under autocast.
            y = Rounded.apply(x.bfloat16(), weight) if half else plain(x.bfloat16().float(), weight).bfloat16()
            return y if bias is None else y + bias.bfloat16()

    torch.nn.functional.linear = linear


def measured(command: list[str]) -> dict:
    """CPU and wall-clock seconds of a process and the most memory, GB, that it held; it has to end well."""
    started, anonymous = time.perf_counter(), 0
    with tempfile.TemporaryFile("w+") as out:
        child = subprocess.Popen([sys.executable, *command], stdout=out, stderr=subprocess.STDOUT, text=True)
        while True:
            ended, status, usage = os.wait4(child.pid, os.WNOHANG)
            if ended:
                break
            anonymous = max(anonymous, _anonymous(child.pid))
            time.sleep(0.25)
        out.seek(0)
        said = out.read()
    if status:
        raise RuntimeError(f"{' '.join(command)[:200]} ended with status {status}:\n{said[-3000:]}")
    return {
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "wall_seconds": time.perf_counter() - started,
        "rss_gigabytes": usage.ru_maxrss * 1024 / 1e9,
        "anonymous_gigabytes": anonymous / 1e9,
        "said": said,
    }


def _anonymous(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:  # it has just ended
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon")), 0)


def step(family: str, folder: Path, options: argparse.Namespace) -> dict:
    model, run = folder / "model", folder / "run"
    problems = [{"id": f"p{i}", "problem": f"{i}+{i + 1}=", "answer": str(2 * i + 1)} for i in range(6)]
    data = folder / "problems.jsonl"
    data.write_text("".join(json.dumps(problem) + "\n" for problem in problems))
    parts = {"build": measured(["-c", BUILD, family, str(model)])}
    train = ["-c", TRAIN, "--model", str(model), "--dataset", str(data), "--no-chat", "--output-dir", str(run)]
    train += ["--regime", "tilted-tempered", "--alpha", "2", "--beta", "0.1", "--lora-rank", str(options.rank)]
    train += ["--steps", "1", "--eval-prompts", "1", "--eval-samples", "1", "--forecast-samples", "2"]
    train += ["--num_generations", str(options.generations), "--max_completion_length", str(options.tokens)]
    train += ["--per_device_train_batch_size", str(2 * options.generations), "--gradient_accumulation_steps", "1"]
    train += ["--bf16", "true", "--use_cpu", "true", "--report_to", "none", "--save_strategy", "no"]
    train += ["--learning_rate", "1e-3", "--lr_scheduler_type", "constant", "--warmup_steps", "0"]
    parts["train"] = measured(train)
    parts["answer"] = measured(["-c", ANSWER, str(run / "model")])
    metrics = next(row for row in run_folder.read_metrics(run) if "log_p" in row)
    parameters, _, finite = parts["answer"]["said"].split()[-3:]
    kept = ("log_p", "length", "step_time", "grad_norm", "sequence_kl")
    return {
        "parameters": int(parameters),
        "finite": finite == "True",
        "saved_gigabytes": sum(file.stat().st_size for file in (run / "model").glob("*.safetensors")) / 1e9,
        "metrics": {name: metrics[name] for name in kept if name in metrics},
        "load_average": os.getloadavg(),
        **{name: {k: v for k, v in part.items() if k != "said"} for name, part in parts.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", nargs="+", choices=FAMILIES, default=FAMILIES)
    parser.add_argument("--generations", type=int, default=2, help="responses to each of two prompts")
    parser.add_argument("--tokens", type=int, default=4, help="of a response")
    parser.add_argument("--rank", type=int, default=64)
    parser.add_argument("--folder", type=Path, default=None, help="where 25 GB are free; by default a temporary one")
    options = parser.parse_args()
    for family in options.family:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            row = step(family, Path(folder), options)
        row |= {"rank": options.rank, "responses": 2 * options.generations, "tokens": options.tokens}
        result = json.loads(RESULT.read_text()) if RESULT.exists() else {}
        run_folder.write_json(RESULT, result | {family: row})
        print(json.dumps({family: row}), flush=True)


if __name__ == "__main__":
    main()
