"""Kill an organism's run at random moments with SIGKILL, go on with --resume, and compare with the run nobody killed.

    python benchmarks/resume_after_kill.py [--kills 20] [--folder runs/kills]

Prints one JSON object: the weights must be equal bit for bit, and metrics.jsonl must have every step once, with the
same numbers (times apart). A run that ends before it was killed often enough is followed by another.
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
OPTIONS += " --per_device_train_batch_size 32 --save_steps 1 --save_total_limit 2"


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


def kill_at_random(folder: Path, steps: int, most: int, rng: random.Random) -> list[int]:
    """Run, kill and go on until the run is finished or has been killed `most` times; the steps it was killed after."""
    killed_after = []
    while not (folder / "summary.json").exists():
        before = last_step(folder)
        process = start(folder, steps)
        if len(killed_after) < most:
            # One kill in four falls into starting up; the others come after a step, so that the run gets on.
            if rng.random() < 0.75:
                while process.poll() is None and last_step(folder) <= before:
                    time.sleep(0.01)
            time.sleep(rng.uniform(0, 2))
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                killed_after.append(last_step(folder))
        if process.wait() not in (0, -signal.SIGKILL):
            raise SystemExit(f"a run in {folder} failed")
    return killed_after


def same(one: Path, other: Path) -> dict[str, bool]:
    weights, others = (load_file(folder / "model" / "model.safetensors") for folder in (one, other))
    return {
        "weights_bitwise_equal": all((weights[name] == others[name]).all() for name in weights),
        "metrics_equal_and_no_line_lost_or_double": comparable(one) == comparable(other),
        "final_rollouts_equal": (one / "final.parquet").read_bytes() == (other / "final.parquet").read_bytes(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--folder", type=Path, default=Path("runs/kills"))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    shutil.rmtree(options.folder, ignore_errors=True)
    undisturbed = options.folder / "undisturbed"
    kill_at_random(undisturbed, options.steps, 0, rng)
    runs, kills = [], 0
    while kills < options.kills:
        folder = options.folder / f"killed-{len(runs)}"
        killed_after = kill_at_random(folder, options.steps, options.kills - kills, rng)
        kills += len(killed_after)
        runs.append({"killed_after_steps": killed_after, **same(undisturbed, folder)})
        print(f"{kills} kills, {len(runs)} runs", file=sys.stderr, flush=True)
    print(json.dumps({"kills": kills, "steps": options.steps, "runs": runs}, indent=2))


if __name__ == "__main__":
    main()
