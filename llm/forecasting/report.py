"""The forecast written out: forecast.json, a page of text, two figures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from figures.llm.forecast import save_curves, save_plane
from harness import run_folder
from harness.reservation import Place, fresh, reserved
from llm import suspicions
from llm.base_rollouts import config_beside, read_base
from llm.forecasting.config import ForecastConfig
from llm.forecasting.following import follow_run, on_the_curve
from llm.forecasting.page import page
from llm.forecasting.tilt_only import write_tilt_only
from llm.forecasting.verdict import verdict
from llm.forecasting.words import described
from llm.wording import say
from theory.estimation.diagnosis import diagnose, empty_response
from theory.estimation.forecast import forecast
from theory.estimation.records import Forecast, Method
from theory.estimation.reweight import Target
from theory.estimation.samples import Rollouts

PLANE_ROWS = 200_000  # the plane is a picture: prompts beyond this many rows would not change it
PLANE = (
    "alpha",
    "b",
    "reliable",
    *(f"{q}{end}" for q in ("accuracy", "length") for end in ("", "_low", "_high", "_reliable")),
)


def write_forecast(config: ForecastConfig) -> Path:
    """Everything into a new run folder; returns its path."""
    output_dir = config.output_dir or fresh("forecast")
    with reserved("llm.forecast", output_dir, config, config.overwrite) as place:
        return _write_forecast(config, place)


def _write_forecast(config: ForecastConfig, place: Place) -> Path:
    """All is read and computed before the folder is made."""
    base = read_base(config.rollouts, config.column, config.answers)
    say([*base.notes, *(f"{config.rollouts}: {suspicions.sentence(odd)}" for odd in base.suspicions)])
    if "log_p" in base.unknown:
        return write_tilt_only(config, base, place)
    rollouts = base.rollouts
    generator = np.random.default_rng(config.seed)
    asked = [] if config.model is None else [empty_response(_log_p_stop(config), rollouts)]
    followed = None if config.run is None else follow_run(rollouts, config.run)
    targets = lines(config)
    records = {name: forecast(rollouts, line, generator) for name, line in targets.items()}
    few = rollouts.some_prompts(PLANE_ROWS, generator)
    grid = [Target(t.alpha, s.b) for s in targets["b"] for t in targets["alpha"]]
    plane = [record.to_json() for record in forecast(few, grid, generator, methods=(Method.PSIS,))]
    shown = {name: best(line) for name, line in records.items()}
    findings = [*diagnose(rollouts, shown["alpha"], generator), *asked]
    result = {
        "rollouts": describe(rollouts),
        "verdict": verdict(rollouts, shown["alpha"], shown["b"]),
        "diagnosis": described(findings),
        "suspicions": suspicions.described(base.suspicions),
        "forecasts": [{"line": name} | record.to_json() for name, line in records.items() for record in line],
        "plane": [{name: record[name] for name in PLANE} for record in plane],
    }
    if followed is not None:
        result["following"] = on_the_curve(followed)
    text = page(result, list(shown.values()))
    folder = place.begin(config)
    if followed is not None:
        run_folder.write(folder / "following.parquet", followed.to_parquet)
    run_folder.write(folder / "report.txt", lambda part: part.write_text(text))
    curves = ([record.to_json() for record in shown[name]] for name in ("alpha", "b"))
    save_curves(folder / "curves.png", *curves, followed)
    save_plane(folder / "plane.png", plane, *([getattr(t, n) for t in targets[n]] for n in ("alpha", "b")))
    run_folder.write_json(folder / "forecast.json", result)  # last: its presence says that the forecast is whole
    print(text)
    return folder


def lines(config: ForecastConfig) -> dict[str, list[Target]]:
    """What is forecast: the line of alpha, that of b, the points that were asked for, and the two limits."""
    return {
        "alpha": [Target(alpha, 0.0) for alpha in sorted({1.0, *config.alphas})],
        "b": [Target(1.0, b) for b in sorted({0.0, *config.bs})],
        "point": [Target(alpha, b, kappa) for alpha, b, kappa in map(config.parsed, config.points)],
        "limit": [Target(np.inf, 0.0), Target(1.0, np.inf)],
    }


def best(records: Sequence[Forecast]) -> list[Forecast]:
    """One record a target: exact where there is one, else by counts, else psis."""
    order = (Method.PSIS, Method.COUNTS, Method.EXACT)
    found: dict[Target, Forecast] = {}
    for record in sorted((r for r in records if r.method in order), key=lambda r: order.index(r.method)):
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


def _log_p_stop(config: ForecastConfig) -> np.ndarray:
    """log p(stop at once | prompt) of every prompt, in the order of the rollouts."""
    from llm.models import loading
    from llm.models.organisms import ORGANISMS
    from llm.problems import BUNDLED, MathProblem
    from llm.prompts.form import BARE, CHAT
    from llm.rollout_file import read_file
    from llm.sampling.scoring import stop_log_probs

    model_name, table = config.model, read_file(config.rollouts, config.column, config.answers).table
    assert model_name is not None
    if "prompt" not in table:
        raise ValueError(f"--model {model_name} was given, but {config.rollouts} has no column 'prompt' to ask it with")
    model, tokenizer = loading.load(loading.resolve(model_name))
    chat = model_name not in ORGANISMS and bool(tokenizer.chat_template)
    asked = table.drop_duplicates("prompt_id")
    if "rendered_prompt" in asked:
        special = not config_beside(config.rollouts).get("chat", True)  # a template writes its own
        prompt_ids = [tokenizer(text, add_special_tokens=special).input_ids for text in asked["rendered_prompt"]]
    else:
        form = CHAT if chat else BARE
        prompt_ids = [form.encode(tokenizer, MathProblem(BUNDLED, text, "")) for text in asked["prompt"]]
    return stop_log_probs(model, prompt_ids, tokenizer.pad_token_id, loading.stop_token_ids(model, tokenizer))
