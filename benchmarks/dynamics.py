"""python benchmarks/dynamics.py: how fast is the batched exact dynamics of toysims.learners.mirror, and against what.

1. Policy-steps a second against OpenSpiel's Python replicator, one policy at a time as its interface has it:
   for a task reward (its fitness is given), and for KL-regularised J (its fitness changes with π).
   OpenSpiel is no dependency of ours: `python -m venv spiel && spiel/bin/pip install open_spiel`, then pass
   --open-spiel spiel/bin/python. Without one this part is left out.
2. The same against what a core can do: bare_dynamics.c, the same arithmetic in plain loops and nothing else, as the C
   compiler (cc) makes it for this machine with everything allowed (-O3 -march=native -ffast-math; its exp works on
   several numbers at once). Its rows are dealt out over as many threads as there are devices, which know nothing of
   each other. Without a compiler this part is left out.
3. Growth of cost with k and with the number of policies: slope of log time on log size.

Times are the best of many short ones, taken in turns, so that other work on the machine hurts little and all
alike; CPU seconds of the process are given beside wall-clock ones, and are what to read on a busy machine.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from harness.command import one_line_errors, parse

GROWTH_STEPS = 200
DYNAMICS = ("task", "tilted", "tilted, each step normalised")
FLAGS = ("-O3", "-march=native", "-ffast-math")

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
    open_spiel: Path | None = None
    """a Python that has open_spiel; none: that part is left out"""
    devices: int = 0
    """cores to use; 0 is all"""
    growth: bool = True
    """measure how cost grows"""
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
    """Our dynamics."""
    import jax.numpy as jnp

    from toysims.learners.mirror import ascend, replicate

    log_p, drive = arguments[2], arguments[3]
    pi = jnp.exp(log_p)

    return {
        "task": lambda: replicate(drive, pi, 0.1, steps),
        "tilted": lambda: ascend(*arguments, steps=steps),
        "tilted, each step normalised": lambda: ascend(*arguments, steps=steps, normalise_every=1),
    }


def bare(log_p, reward, steps, cores):
    """The same by bare_dynamics.c on so many cores, a copy of the start included; without a compiler, nothing."""
    import ctypes
    from concurrent.futures import ThreadPoolExecutor

    import numpy as np

    if not shutil.which("cc"):
        print("no C compiler (cc): the bare loops are left out")
        return {}
    with tempfile.TemporaryDirectory() as folder:
        library, source = Path(folder) / "bare.so", Path(__file__).with_name("bare_dynamics.c")
        subprocess.run(["cc", *FLAGS, "-shared", "-fPIC", source, "-o", library, "-lm"], check=True)
        c = ctypes.CDLL(str(library))
    log_p, reward = np.asarray(log_p), np.asarray(reward)
    policies, k = log_p.shape
    x, number = np.empty_like(log_p), ctypes.c_long
    of = {
        # eta = .1; eta = .2 with tau = .5, as in `batch`
        "task": ("task", np.exp(log_p), reward, (0.1,)),
        "tilted": ("tilted", log_p, 0.2 * reward + 0.1 * log_p, (0.9, 8)),
        "tilted, each step normalised": ("tilted", log_p, 0.2 * reward + 0.1 * log_p, (0.9, 1)),
    }

    threads = ThreadPoolExecutor(cores)  # ctypes lets go of Python's lock while C runs
    shares = [rows for rows in np.array_split(np.arange(policies), cores) if len(rows)]

    def kernel(function, start, added, extra):
        rate, *every = extra
        rest = (ctypes.c_double(rate), *map(number, every))
        call = getattr(c, function)

        def of_one_core(rows):
            own = slice(rows[0], rows[-1] + 1)
            x[own] = start[own]
            call(*(ctypes.c_void_p(a[own].ctypes.data) for a in (x, added)), *map(number, (len(rows), k, steps)), *rest)

        def run():
            list(threads.map(of_one_core, shares))
            return Result(x)

        return run

    return {f"{name}, bare": kernel(*settings) for name, settings in of.items()}


class Result(NamedTuple):
    """What numpy has done already, beside arrays of JAX that may still be on their way."""

    value: object

    def block_until_ready(self):
        return self.value


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


def main(command_line=None):
    config = parse(Config, "benchmarks.dynamics", command_line)
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_num_cpu_devices", config.devices or os.cpu_count() or 1)
    from harness import run_folder

    with one_line_errors():
        theirs = open_spiel_rates(config) if config.open_spiel else None
        config.output.parent.mkdir(parents=True, exist_ok=True)
    arguments = batch(config.policies, config.k)
    running = kernels(arguments, config.steps) | bare(arguments[2], arguments[3], config.steps, len(jax.devices()))
    same_answers(running)
    times = best_times(running, config.repeats)
    policy_steps = config.policies * config.steps
    ours = {name: policy_steps / times[name]["wall"] for name in DYNAMICS}
    result = {
        "config": {"k": config.k, "policies": config.policies, "steps": config.steps, "devices": len(jax.devices())},
        "load_average": os.getloadavg(),
        "policy_steps_a_second": {"ours": ours, "OpenSpiel": theirs},
        "ratio_to_open_spiel": theirs and {name: ours[name] / theirs[name] for name in theirs},
        "nanoseconds_an_entry": {
            name: {clock: 1e9 * t / policy_steps / config.k for clock, t in pair.items()}
            for name, pair in times.items()
        },
        "share_of_bare": {name: shares(times, name) for name in DYNAMICS if f"{name}, bare" in times},
        "growth": growth(repeats=15) if config.growth else None,
    }
    run_folder.write_json(config.output, result)
    print(json.dumps(result, indent=2))
    print(config.output)


def shares(times, name):
    """The bare loop's time over ours, by either clock."""
    return {clock: times[f"{name}, bare"][clock] / times[name][clock] for clock in ("wall", "cpu")}


def same_answers(running):
    """Ours and the bare loops must end at the same policies, or their times say nothing."""
    import numpy as np

    for name in DYNAMICS:
        if f"{name}, bare" in running:
            ours, theirs = (
                np.array(getattr(made, "value", made)) for made in (running[name](), running[f"{name}, bare"]())
            )
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def open_spiel_rates(config):
    """Policy-steps a second of OpenSpiel in the Python that was named."""
    command = [config.open_spiel, "-c", OPEN_SPIEL, str(config.k)]
    theirs = subprocess.run(command, capture_output=True, text=True)
    if theirs.returncode:
        raise ValueError(f"--open-spiel {config.open_spiel} cannot run it: {theirs.stderr.strip().splitlines()[-1]}")
    rates = json.loads(theirs.stdout)
    return rates | {"tilted, each step normalised": rates["tilted"]}


if __name__ == "__main__":
    main()
