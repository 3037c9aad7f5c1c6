"""Kill an organism's run at random moments with SIGKILL, go on with --resume, and compare with the run nobody killed.

    python benchmarks/resume_after_kill.py [--kills 20] [--folder runs/kills]

Prints one JSON object: the weights must be equal bit for bit, and metrics.jsonl must have every step once, with the
same numbers (times apart). Each process lives between its first saved step and a few seconds more before it is killed.
"""

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from safetensors.numpy import load_file

OPTIONS = "--model aligned --regime tempered --alpha 2 --eval-prompts 8 --eval-samples 4 --forecast-samples 8"
OPTIONS += " --per_device_train_batch_size 64 --save_steps 1 --save_total_limit 2"


def command(folder: Path, steps: int) -> list[str]:
    options = [*OPTIONS.split(), "--steps", str(steps), "--output-dir", str(folder)]
    return [sys.executable, "-m", "llm.train", *options, "--resume"]


def start(folder: Path, steps: int) -> subprocess.Popen:
    return subprocess.Popen(command(folder, steps), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def last_step(folder: Path) -> int:
    path = folder / "metrics.jsonl"
    return len(path.read_text().splitlines()) if path.exists() else 0


def comparable(folder: Path) -> list[dict]:
    """The lines of metrics.jsonl without what a clock says."""
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name not in ("seconds", "step_time")} for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--folder", type=Path, default=Path("runs/kills"))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    undisturbed, killed = options.folder / "undisturbed", options.folder / "killed"
    shutil.rmtree(options.folder, ignore_errors=True)
    if start(undisturbed, options.steps).wait():
        raise SystemExit("the undisturbed run failed")
    kills, at_steps = 0, []
    while kills < options.kills:
        before = last_step(killed)
        process = start(killed, options.steps)
        # At most one kill in four falls into starting up, so that the run gets on.
        if rng.random() < 0.75:
            while process.poll() is None and last_step(killed) <= before:
                time.sleep(0.01)
        time.sleep(rng.uniform(0, 2))
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
        at_steps.append(last_step(killed))
    if start(killed, options.steps).wait():
        raise SystemExit("the last resume failed")
    weights = [load_file(folder / "model" / "model.safetensors") for folder in (undisturbed, killed)]
    result = {
        "kills": kills,
        "killed_after_steps": at_steps,
        "weights_bitwise_equal": all((weights[0][name] == weights[1][name]).all() for name in weights[0]),
        "steps_in_order": [row["step"] for row in comparable(killed)] == list(range(1, options.steps + 1)),
        "metrics_equal": comparable(undisturbed) == comparable(killed),
        "final_rollouts_equal": (undisturbed / "final.parquet").read_bytes() == (killed / "final.parquet").read_bytes(),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
