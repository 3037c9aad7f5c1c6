"""python benchmarks/dynamics.py: how fast is the batched exact dynamics of toysims.learners.mirror, and against what.

1. Policy-steps a second against OpenSpiel's Python replicator, one policy at a time as its interface has it:
   for a task reward (its fitness is given), and for KL-regularised J (its fitness changes with π).
   OpenSpiel is no dependency of ours: `python -m venv spiel && spiel/bin/pip install open_spiel`, then pass
   --open-spiel spiel/bin/python.
2. The same against what the cores can do: bare kernels of the same size that only take the exponentials, or
   only move the bytes. The slower of the two is the limit that binds.
3. Growth of cost with k and with the number of policies: slope of log time on log size.

Times are the best of many short ones, taken in turns, so that other work on the machine hurts little and all
alike; CPU seconds of the process are given beside wall-clock ones.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from harness.command import one_line_errors, parse

GROWTH_STEPS = 200

OPEN_SPIEL = """
import json, sys, time
import numpy as np
from open_spiel.python.egt.dynamics import replicator
k, tau, dt = int(sys.argv[1]), 0.5, 0.1
random = np.random.default_rng(0)
log_p = np.log(random.dirichlet(np.ones(k)))
reward = (random.random(k) < 0.2) * 1.0
best = {}
for name, fitness in (
    ("task", lambda x: reward),
    ("tilted", lambda x: reward + tau * log_p - tau * np.log(x)),
):
    rates = []
    for _ in range(100):
        x, begun = np.exp(log_p), time.perf_counter()
        for _ in range(500):
            x = x + dt * replicator(x, fitness(x))
        rates.append(500 / (time.perf_counter() - begun))
    best[name] = max(rates)
print(json.dumps(best))
"""


@dataclass(frozen=True)
class Config:
    """Speed of batched exact dynamics against OpenSpiel, against the machine, and its growth."""

    k: int = 50
    """responses a policy"""
    policies: int = 4000
    """policies in the batch"""
    steps: int = 40
    """steps in one timing"""
    repeats: int = 100
    """timings of each kernel; the best counts"""
    open_spiel: Path = Path(sys.executable)
    """a Python that has open_spiel"""
    output: Path = Path("runs/benchmark-dynamics.json")
    """where the numbers go"""


def best_times(kernels, repeats):
    """Least wall and CPU seconds of each kernel, the kernels in turns."""
    times = {name: ([], []) for name in kernels}
    for kernel in kernels.values():
        kernel().block_until_ready()
    for _ in range(repeats):
        for name, kernel in kernels.items():
            wall, cpu = time.perf_counter(), time.process_time()
            kernel().block_until_ready()
            times[name][0].append(time.perf_counter() - wall)
            times[name][1].append(time.process_time() - cpu)
    return {name: {"wall": min(wall), "cpu": min(cpu)} for name, (wall, cpu) in times.items()}


def batch(policies, k):
    """The arguments of `ascend` for a batch of drawn policies, dealt out over the devices."""
    import jax
    import numpy as np

    from toysims.learners.mirror import across_devices
    from toysims.learners.objective import Weights

    random = np.random.default_rng(0)
    log_p = np.asarray(jax.nn.log_softmax(1.5 * random.normal(size=(policies, k))))
    reward = (random.random((policies, k)) < 0.2) * 1.0
    ones = np.ones(policies)
    return across_devices((Weights(ones, 0.5 * ones, 0.5 * ones), 0.2 * ones, log_p, reward))


def kernels(arguments, steps):
    """Our dynamics, and the two bare kernels of the same shape."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from toysims.learners.mirror import ascend, replicate

    log_p, drive = arguments[2], arguments[3]
    pi = jnp.exp(log_p)

    @jax.jit
    def exponentials(x):
        return jax.lax.fori_loop(0, steps, lambda _, x: jnp.exp(-x), x)

    host = np.ascontiguousarray(log_p)
    out = np.empty_like(host)

    def numpy_exponentials():
        for _ in range(steps):
            np.exp(host, out=out)
        return log_p  # has block_until_ready

    @jax.jit
    def bytes_moved(x, y):
        return jax.lax.fori_loop(0, steps, lambda _, x: 0.9 * x + y, x)

    return {
        "tilted": lambda: ascend(*arguments, steps=steps),
        "tilted, each step normalised": lambda: ascend(*arguments, steps=steps, normalise_every=1),
        "task": lambda: replicate(drive, pi, 0.1, steps),
        "exponentials": lambda: exponentials(-log_p),
        "exponentials, NumPy on one core": numpy_exponentials,
        "bytes": lambda: bytes_moved(log_p, drive),
    }


def slope(sizes, seconds):
    import numpy as np

    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def growth(repeats):
    """Seconds a step against k with two policies, and against policies with k = 50."""
    result = {}
    for name, shapes in (
        ("k", [(2, 10**power) for power in range(2, 7)]),
        ("policies", [(10**power, 50) for power in range(2, 6)]),
    ):
        seconds, sizes = [], []
        for policies, k in shapes:
            ours = {"tilted": kernels(batch(policies, k), GROWTH_STEPS)["tilted"]}
            seconds.append(best_times(ours, repeats)["tilted"]["wall"] / GROWTH_STEPS)
            sizes.append(policies if name == "policies" else k)
        result[name] = {"sizes": sizes, "seconds_a_step": seconds, "exponent": slope(sizes, seconds)}
        # Where the cost of a call is small beside that of its entries.
        result[name]["exponent_of_the_largest"] = slope(sizes[-3:], seconds[-3:])
    return result


def main(arguments=None):
    config = parse(Config, "benchmarks.dynamics", arguments)
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_num_cpu_devices", os.cpu_count() or 1)
    from harness import run_folder

    with one_line_errors():
        theirs = subprocess.run([config.open_spiel, "-c", OPEN_SPIEL, str(config.k)], capture_output=True, text=True)
        if theirs.returncode:
            raise ValueError(
                f"--open-spiel {config.open_spiel} cannot run it: {theirs.stderr.strip().splitlines()[-1]}"
            )
        config.output.parent.mkdir(parents=True, exist_ok=True)
    theirs = json.loads(theirs.stdout)
    times = best_times(kernels(batch(config.policies, config.k), config.steps), config.repeats)
    policy_steps = config.policies * config.steps
    theirs["tilted, each step normalised"] = theirs["tilted"]
    ours = {name: policy_steps / times[name]["wall"] for name in theirs}
    exponentials = ("exponentials", "exponentials, NumPy on one core")
    limits = {
        # A normalised step of the tilted dynamics needs an exponential an entry; the others only move logits.
        "tilted, each step normalised": min((times[name] for name in exponentials), key=lambda pair: pair["wall"]),
        "tilted": times["bytes"],
        "task": times["bytes"],
    }
    result = {
        "config": {"k": config.k, "policies": config.policies, "steps": config.steps, "cores": os.cpu_count()},
        "load_average": os.getloadavg(),
        "policy_steps_a_second": {"ours": ours, "OpenSpiel": theirs},
        "ratio_to_open_spiel": {name: ours[name] / theirs[name] for name in theirs},
        "nanoseconds_an_entry": {
            name: {clock: 1e9 * t / policy_steps / config.k for clock, t in pair.items()}
            for name, pair in times.items()
        },
        "binds": {name: "exponentials" if "each" in name else "bytes moved" for name in limits},
        "share_of_limit": {
            name: {clock: limits[name][clock] / times[name][clock] for clock in ("wall", "cpu")} for name in limits
        },
        "growth": growth(repeats=15),
    }
    run_folder.write_json(config.output, result)
    print(json.dumps(result, indent=2))
    print(config.output)


if __name__ == "__main__":
    main()
