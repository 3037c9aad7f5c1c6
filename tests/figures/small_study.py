"""Run folders small enough to check by hand: a study of three arms, its forecast, a toy simulation.

Accuracy was forecast to rise in one arm and to fall in the other; one ends where it should, one does not. Texts that
a page must not trust stand where files may hold any text.
"""

import json
from pathlib import Path

import pandas as pd

HOSTILE = "</script><script>window.hostile = 1</script><img src=x onerror='window.hostile = 1'>"
BASE = {"accuracy": 0.5, "length": 12.0, "log_p": -5.0, "entropy": 4.0, "kl": 0.0}
# arm: (regime, alpha, beta, accuracy and KL that were forecast, accuracy and KL where each seed ended)
ARMS = {
    "tempered-2": ("tempered", 2.0, None, (0.4, 0.3), ((0.39, 0.32), (0.42, 0.3))),
    "tilted-1": ("tilted", None, 1.0, (0.7, 0.1), ((0.62, 0.2), (0.6, 0.2))),
    "task": ("task", None, None, (0.9, 0.5), ()),
}


def record(alpha, b, accuracy, kl, reliable=True, **more):
    """One forecast: the interval is ± 0.02 in accuracy, ± 10 % in all else."""
    values = BASE | {"accuracy": accuracy, "kl": kl, "length": 12.0 - 2 * (alpha or 4)}
    found = {"alpha": alpha, "b": b, "method": "psis", "reliable": reliable, **more}
    for name, value in values.items():
        width = 0.02 if name == "accuracy" else 0.1 * abs(value)
        found |= {
            name: value,
            f"{name}_low": value - width,
            f"{name}_high": value + width,
            f"{name}_reliable": reliable,
        }
    return found


def _write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def rollouts(right: list[int], samples: int = 4, kl: float = 0.0, length: float = 12.0) -> pd.DataFrame:
    """right[i] of the samples of prompt i are right; a right one is shorter and likelier, as far as numbers go."""
    rows = [(str(i), s, float(s < c)) for i, c in enumerate(right) for s in range(samples)]
    table = pd.DataFrame(rows, columns=["prompt_id", "sample", "reward"])
    centred = table["reward"] - table.groupby("prompt_id")["reward"].transform("mean")
    table["log_p"] = -5.0 + centred
    return table.assign(log_pi=table["log_p"] + kl, length=length - 2 * centred)


def write_study(place: Path) -> Path:
    folder = place / "study"
    _write(folder / "config.json", {"model": "small", "steps": 30, "seeds": 2, "quick": False, "trl": ["--lr", "1 2"]})
    arms = {name: record(a or 1.0, 1 / beta if beta else 0.0, *told) for name, (_, a, beta, told, _) in ARMS.items()}
    _write(folder / "forecast.json", {"model": "small", "arms": arms})
    (folder / "base").mkdir()
    rollouts([4, 2, 1, 1]).to_parquet(folder / "base" / "rollouts.parquet")
    rows = []
    for arm, (regime, alpha, beta, _, ends) in ARMS.items():
        for seed, (accuracy, kl) in enumerate(ends):
            run = folder / "runs" / arm / f"seed{seed}"
            final = BASE | {"accuracy": accuracy, "kl": kl} | {f"{name}_se": 0.01 for name in BASE}
            far = {"kl_to_optimum": 0.3 if arm == "tilted-1" else 0.01, "kl_to_optimum_se": 0.02}
            settings = {"regime": regime, "alpha": alpha, "beta": beta, "steps": 30, "seconds_per_step": 0.5}
            _write(run / "summary.json", {**settings, **far, "base": BASE, "final": final, "forecast": arms[arm]})
            _write(run / "config.json", {"model": "small"})
            columns = {"accuracy": accuracy, "length": 9.0, "sequence_entropy": 3.0, "sequence_kl": kl}
            lines = [{"step": s, **columns, "alpha_t": 1 + s / 30, "b_t": s / 60} for s in range(1, 31)]
            (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
            rollouts([4, 3, 0, 1], kl=kl, length=9.0).to_parquet(run / "final.parquet")
            rollouts([4, 2, 1, 1]).to_parquet(run / "base.parquet")
            rows += [
                {"arm": arm, "seed": seed, "quantity": q, "base": BASE[q], "forecast": arms[arm][q], "run": final[q]}
                | {end: arms[arm][f"{q}_{end}"] for end in ("low", "high", "reliable")}
                | {"run_se": 0.01}
                for q in BASE
            ]
    pd.DataFrame(rows).to_parquet(folder / "results.parquet")
    return folder


def add_arm(folder: Path, arm: str, right: list[int], kl: float, length: float, told: bool = True, **summary) -> None:
    """One more run of a study, like the first seed of tempered-2 but for its end; told: a forecast was made of it."""
    like = folder / "runs" / "tempered-2" / "seed0"
    run, made = folder / "runs" / arm / "seed0", json.loads((like / "summary.json").read_text()) | summary
    accuracy = sum(right) / (4 * len(right))
    made["final"] |= {"accuracy": accuracy, "kl": kl, "length": length}
    if not told:
        made["forecast"] |= {f"{q}{end}": None for q in BASE for end in ("", "_low", "_high")}
        made["forecast"] |= {f"{q}_reliable": False for q in BASE}
    _write(run / "summary.json", made)
    for name in ("config.json", "metrics.jsonl"):
        (run / name).write_text((like / name).read_text())
    rollouts(right, kl=kl, length=length).to_parquet(run / "final.parquet")
    content = json.loads((folder / "forecast.json").read_text())
    content["arms"][arm] = made["forecast"]
    _write(folder / "forecast.json", content)
    _add_results(folder, arm, made["final"], told)


def add_sampler(folder: Path, arm: str, right: list[int]) -> None:
    """A sampler's folder as llm.sample writes it: no metrics, no regime, no KL, and no forecast."""
    run = folder / "runs" / arm / "seed0"
    _write(run / "summary.json", {"tokens": 1000, "method": arm})
    rollouts(right).drop(columns="log_pi").to_parquet(run / "rollouts.parquet")
    end = {"accuracy": sum(right) / (4 * len(right)), "length": 11.0, "log_p": -4.0}
    _add_results(folder, arm, end, told=False, tokens=1000.0)


def _add_results(folder, arm, end, told, **more):
    table = pd.read_parquet(folder / "results.parquet")
    rows = table[(table["arm"] == "tempered-2") & (table["seed"] == 0)].assign(arm=arm, **more)
    rows["run"] = [end.get(quantity, float("nan")) for quantity in rows["quantity"]]
    if not told:
        rows = rows.assign(forecast=float("nan"), low=float("nan"), high=float("nan"), reliable=False)
    pd.concat([table, rows]).to_parquet(folder / "results.parquet")


def write_forecast(place: Path) -> Path:
    """Accuracy = 0.5 - 0.1 (alpha - 1) + 0.1 b on a lopsided grid; at alpha = 4, b = 2 the samples cannot tell."""
    folder = place / "forecast"
    alphas, bs = (0.5, 1.0, 2.0, 4.0), (0.0, 1.0, 2.0)

    def at(alpha, b, line):
        told = (alpha, b) != (4.0, 2.0)
        return record(alpha, b, 0.5 - 0.1 * (alpha - 1) + 0.1 * b, 0.2 * abs(alpha - 1) + 0.1 * b**2, told, line=line)

    limits = [record(None, 0.0, 0.2, 0.9, line="limit"), record(1.0, None, 0.95, 0.6, line="limit")]
    content = {
        "rollouts": {"prompts": 4, "rows": 16, "accuracy": 0.5},
        "verdict": {"word": "REWARD", "sentence": f"Sharpening hurts. {HOSTILE}", "sentences": []},
        "diagnosis": [{"name": "covariance", "sentence": "Cov(r, log p) < 0 & falling"}],
        "forecasts": [at(a, 0.0, "alpha") for a in alphas] + [at(1.0, b, "b") for b in bs] + limits,
        "plane": [at(a, b, "plane") for b in bs for a in alphas],
    }
    _write(folder / "forecast.json", content)
    _write(folder / "config.json", {"model": "small", "rollouts": "elsewhere", "alphas": list(alphas)})
    return folder


def write_toy(place: Path) -> Path:
    """A folder of toysims.sweep: two policies on a grid of two by two."""
    folder = place / "sweep"
    checks = [
        {
            "claim": f"end {HOSTILE}",
            "source": "T1",
            "predicted": 0.0,
            "simulated": 1e-9,
            "tolerance": 1e-6,
            "holds": True,
        },
        {"claim": "rows", "source": "grid", "predicted": 8.0, "simulated": 7.0, "tolerance": 0.0, "holds": False},
    ]
    _write(folder / "summary.json", {"predictions": checks, "agreement": False})
    _write(folder / "config.json", {"alphas": [1.0, 3.0], "betas": [0.5, 2.0], "overwrite": False})
    rows = [(a, b, 0.3, 0.1 * a + 0.2 * b + 0.05 * p) for p in range(2) for a in (1.0, 3.0) for b in (0.5, 2.0)]
    columns = ["alpha", "beta", "base_accuracy", "simulated_accuracy"]
    pd.DataFrame(rows, columns=columns).to_parquet(folder / "sweep.parquet")
    return folder
