"""The forecast written out: forecast.json, a page of text, two figures."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from figures.llm.forecast import save_curves, save_plane
from harness import run_folder, text_table
from harness.reservation import Place, fresh, reserved
from llm import suspicions
from llm.base_rollouts import read_base
from llm.forecasting import labels, price
from llm.forecasting.all_powers import all_powers
from llm.forecasting.asked import Answers, ask
from llm.forecasting.config import ForecastConfig
from llm.forecasting.following import follow_run, on_the_curve
from llm.forecasting.page import WIDTH, about_samples, short_page, short_rows
from llm.forecasting.responses import check_prompt, responses_page
from llm.forecasting.settled import Settled, settle
from llm.forecasting.tilt_only import write_tilt_only
from llm.forecasting.verdict import told, verdict_json
from llm.forecasting.words import described
from llm.rollout_file import read_file
from llm.wording import disagreement, say
from theory.estimation.diagnosis import diagnose
from theory.estimation.forecast import forecast
from theory.estimation.records import Forecast, Method
from theory.estimation.reweight import Target
from theory.estimation.samples import Rollouts
from theory.estimation.suspicions import Suspicion

PLANE_ROWS = 100_000  # the plane is a picture: prompts beyond this many rows would not change it
PLANE = (
    "alpha",
    "b",
    "reliable",
    *(f"{q}{end}" for q in ("accuracy", "length") for end in ("", "_low", "_high", "_reliable")),
)
Lines = dict[str, list[Forecast]]


def write_forecast(config: ForecastConfig) -> Path:
    """Everything into a new run folder; returns its path."""
    output_dir = config.output_dir or fresh("forecast")
    with reserved("llm.forecast", output_dir, config, config.overwrite) as place:
        return _write_forecast(config, place)


def _write_forecast(config: ForecastConfig, place: Place) -> Path:
    """All is read and computed before the folder is made."""
    base = read_base(config.rollouts, config.column, config.answers, config.accept)
    say([*base.notes, *(f"{config.rollouts}: {suspicions.sentence(odd)}" for odd in base.suspicions)])
    if "log_p" in base.unknown:
        return write_tilt_only(config, base, place)
    if "length" in base.unknown and (config.run is not None or any(config.parsed(own)[2] for own in config.points)):
        raise ValueError(
            f"--run and a kappa in --points need lengths in tokens, which ROLLOUTS {config.rollouts} lacks"
        )
    rollouts = base.rollouts
    of_prompt = None if config.prompt is None else responses_to(config, config.prompt)
    verifier = None if config.labels is None else labels.errors_of_reward(config)
    said, asked = _asked(config, rollouts, base.suspicions)
    followed = None if config.run is None else follow_run(rollouts, config.run)
    targets = lines(config)
    # Each line is drawn anew from the same seed: what stands on two of them has one interval.
    records = {name: forecast(rollouts, line, _random(config)) for name, line in targets.items()}
    records["alpha"] += asked.forecasts
    plane = [record.to_json() for record in _plane(rollouts, targets, config)]
    shown = {name: best(line) for name, line in records.items()}
    settled = settle(rollouts, config.seed)
    result = {
        "rollouts": describe(rollouts),
        **verdict_json(settled, rollouts, config.rollouts),
        "diagnosis": described([*diagnose(rollouts, shown["alpha"], _random(config)), *asked.findings]),
        "price": price.prices(rollouts, shown, settled.sharpening),
        "suspicions": suspicions.described(said),
        "forecasts": [{"line": name} | record.to_json() for name, line in records.items() for record in line],
        "plane": [{name: record[name] for name in PLANE} for record in plane],
    }
    if verifier is not None:
        result["verifier"] = labels.described(verifier)
    if followed is not None:
        result["following"] = on_the_curve(followed)
    page, why = first_page(result, settled, shown, disagreement(rollouts)), reasons_page(result)
    powers = all_powers(list(shown.values()), text_table.WITHOUT_TERMINAL)
    folder = place.begin(config)
    if followed is not None:
        run_folder.write(folder / "following.parquet", followed.to_parquet)
    run_folder.write(folder / "report.txt", lambda part: part.write_text("\n".join([page, why, powers])))
    curves = ([record.to_json() for record in shown[name]] for name in ("alpha", "b"))
    save_curves(folder / "curves.png", *curves, followed)
    save_plane(folder / "plane.png", plane, *([getattr(t, n) for t in targets[n]] for n in ("alpha", "b")))
    run_folder.write_json(folder / "forecast.json", result)  # last: its presence says that the forecast is whole
    parts = [page]
    parts += [why] if config.why else []
    parts += [all_powers(list(shown.values()), text_table.width())] if config.table else []
    parts += [of_prompt] if of_prompt else []
    print("\n".join(parts))
    return folder


def _asked(config: ForecastConfig, rollouts: Rollouts, said: list[Suspicion]) -> tuple[list[Suspicion], Answers]:
    """What is odd about the file, and what is found, once --model has been asked as well."""
    if config.model is None:
        return said, Answers(np.array([]), [], [], [])
    answers = ask(config, rollouts)
    new = suspicions.further(str(config.rollouts), answers.suspicions, said, config.accept)
    return [*said, *new], answers


def _random(config: ForecastConfig) -> np.random.Generator:
    return np.random.default_rng(config.seed)


def _plane(rollouts: Rollouts, targets: dict[str, list[Target]], config: ForecastConfig) -> list[Forecast]:
    few = rollouts.some_prompts(PLANE_ROWS, _random(config))
    grid = [Target(t.alpha, s.b) for s in targets["b"] for t in targets["alpha"]]
    return forecast(few, grid, _random(config), methods=(Method.PSIS,), votes=False)


def first_page(result: dict[str, Any], settled: Settled, shown: Lines, odd: str | None) -> str:
    """The page that is printed without being asked. odd: what is odd about the rewards."""
    rows = short_rows(settled, shown["alpha"], shown["b"], shown["point"])
    about, verdict = [*about_samples(result["rollouts"], settled), *([odd] if odd else [])], result["verdict"]
    about += [result["verifier"]["sentence"]] if "verifier" in result else []
    return short_page(settled, verdict["sentence"], verdict["advice"], told(settled), rows, about)


def reasons_page(result: dict[str, Any]) -> str:
    """What --why prints: how the verdict was come by, what the base rollouts say, what is odd, how a run went."""
    said = [*result["verdict"]["sentences"], *(finding["sentence"] for finding in result["diagnosis"])]
    said += [result[name]["sentence"] for name in ("price", "verifier") if result.get(name, {}).get("sentence")]
    if "following" in result:
        said.append(result["following"]["sentence"])
    return "\n".join(textwrap.fill(one, WIDTH, initial_indent="- ", subsequent_indent="  ") for one in said) + "\n"


def responses_to(config: ForecastConfig, prompt_id: str) -> str:
    """The page of one prompt, for the smallest and the largest power that was asked for."""
    table = read_file(config.rollouts, config.column, config.answers).table
    check_prompt(table, prompt_id)
    sharpened = sorted(alpha for alpha in config.alphas if alpha > 1) or [2.0]
    return responses_page(table, prompt_id, sorted({sharpened[0], sharpened[-1]}), text_table.width())


def lines(config: ForecastConfig) -> dict[str, list[Target]]:
    """What is forecast: the line of alpha, that of b, the points that were asked for, and the two limits."""
    return {
        "alpha": [Target(alpha, 0.0) for alpha in sorted({1.0, *config.alphas})],
        "b": [Target(1.0, b) for b in sorted({0.0, *config.bs})],
        "point": [Target(alpha, b, kappa) for alpha, b, kappa in map(config.parsed, config.points)],
        "limit": [Target(np.inf, 0.0), Target(1.0, np.inf)],
    }


def best(records: Sequence[Forecast]) -> list[Forecast]:
    """One record a target: exact where there is one, else by counts, else psis; particles where psis cannot tell."""
    order = (Method.PSIS, Method.POWER_SMC, Method.COUNTS, Method.EXACT)
    found: dict[Target, Forecast] = {}
    for record in sorted((r for r in records if r.method in order), key=lambda r: order.index(r.method)):
        if record.method == Method.POWER_SMC and (found[record.target].reliable or not record.reliable):
            continue
        found[record.target] = record  # keeps the place of the first
    return list(found.values())


def describe(rollouts: Rollouts) -> dict[str, float]:
    count = rollouts.count
    return {
        "prompts": len(count),
        "rows": len(rollouts.log_p),
        "fewest_samples": int(count.min()),
        "most_samples": int(count.max()),
        "unfinished": int((~rollouts.finished).sum()),
        "without_answer": int((rollouts.vote < 0).sum()),
        "accuracy": float(rollouts.mean(rollouts.reward).mean()),
    }
