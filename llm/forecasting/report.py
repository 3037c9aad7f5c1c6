"""The forecast written out: forecast.json, a page of text, two figures."""

import io
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from figures.llm.forecast import save_curves, save_plane
from harness import run_folder
from harness.reservation import Place, fresh, reserved
from llm.forecasting.config import ForecastConfig
from llm.forecasting.following import follow_run, on_the_curve
from llm.rollout_table import read
from theory.estimation.diagnosis import diagnose, empty_response
from theory.estimation.forecast import forecast
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
    rollouts = read(config.rollouts)
    generator = np.random.default_rng(config.seed)
    points = [Target(*config.parsed(point)) for point in config.points]
    limits = [Target(np.inf, 0.0), Target(1.0, np.inf)]
    along_alpha = [Target(alpha, 0.0) for alpha in sorted({1.0, *config.alphas})]
    along_b = [Target(1.0, b) for b in sorted({0.0, *config.bs})]
    findings = [] if config.model is None else [empty_response(_log_p_stop(config.model, config.rollouts), rollouts)]
    followed = None if config.run is None else follow_run(rollouts, config.run)
    lines = {
        "alpha": forecast(rollouts, along_alpha, generator),
        "b": forecast(rollouts, along_b, generator),
        "point": forecast(rollouts, points, generator),
        "limit": forecast(rollouts, limits, generator),
    }
    few = rollouts.some_prompts(PLANE_ROWS, generator)
    grid = [Target(t.alpha, s.b) for s in along_b for t in along_alpha]
    plane = forecast(few, grid, generator, methods=("psis",))
    curve = [best(lines[name]) for name in ("alpha", "b")]
    findings = [*diagnose(rollouts, curve[0], generator), *findings]
    result = {
        "rollouts": describe(rollouts),
        "verdict": verdict(*curve),
        "diagnosis": [finding._asdict() for finding in findings],
        "forecasts": [{"line": line} | record for line, records in lines.items() for record in records],
        "plane": [{name: record[name] for name in PLANE} for record in plane],
    }
    if followed is not None:
        result["following"] = on_the_curve(followed)
    text = report(result, curve, [best(lines["point"]), best(lines["limit"])])
    folder = place.begin(config)
    if followed is not None:
        run_folder.write(folder / "following.parquet", followed.to_parquet)
    run_folder.write(folder / "report.txt", lambda part: part.write_text(text))
    save_curves(folder / "curves.png", *curve, followed)
    save_plane(folder / "plane.png", plane, [t.alpha for t in along_alpha], [t.b for t in along_b])
    run_folder.write_json(folder / "forecast.json", result)  # last: its presence says that the forecast is whole
    print(text)
    return folder


def best(records: list[dict]) -> list[dict]:
    """One record a target: exact where there is one, else psis."""
    methods = {record["method"] for record in records}
    return [record for record in records if record["method"] == ("exact" if "exact" in methods else "psis")]


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


def verdict(along_alpha: list[dict], along_b: list[dict]) -> list[str]:
    """Will sharpening help, by how much, up to which alpha; what the same distance buys with a task reward."""
    known = [record for record in along_alpha if record["gain_reliable"] and record["alpha"] > 1]
    rewarded = [record for record in along_b if record["gain_reliable"] and record["b"] > 0]
    sentences = []
    if not known:
        needed = min(
            (r["samples_needed"] for r in along_alpha if r["alpha"] > 1), default=None, key=lambda n: n or np.inf
        )
        sentences.append(f"Sharpening: cannot tell from these rollouts; {_samples(needed)}.")
    else:
        top = max(known, key=lambda record: record["gain"])
        helped = [record["alpha"] for record in known if record["gain_low"] > 0]
        where = f"alpha = {top['alpha']:g} gives {_gain(top)}, length {top['length']:.1f}"
        if helped:
            sentences.append(f"Sharpening helps: {where}; it still helps at alpha = {max(helped):g}.")
        elif all(record["gain_high"] < 0 for record in known):
            sentences.append(
                f"Sharpening hurts at every alpha that can be told (up to {known[-1]['alpha']:g}): {where}."
            )
        else:
            sentences.append(
                f"Sharpening makes no gain that can be seen (up to alpha = {known[-1]['alpha']:g}): {where}."
            )
        kl = [record["kl"] for record in along_b if record["gain_reliable"]]
        if len(kl) > 1 and top["kl"] <= max(kl):
            gain = np.interp(top["kl"], kl, [record["gain"] for record in along_b if record["gain_reliable"]])
            sentences.append(
                f"At the same KL of {top['kl']:.2f} nats a task reward would gain {100 * gain:+.1f} points instead."
            )
    if rewarded:
        last = rewarded[-1]
        sentences.append(f"Task reward: b = {last['b']:g} (beta = {1 / last['b']:g}) gives {_gain(last)}.")
    else:
        needed = min((r["samples_needed"] for r in along_b if r["b"] > 0), default=None, key=lambda n: n or np.inf)
        sentences.append(f"Task reward: cannot tell from these rollouts; {_samples(needed)}.")
    return sentences


def _gain(record):
    gain, low, high = (100 * record[f"gain{end}"] for end in ("", "_low", "_high"))
    return f"accuracy {record['accuracy']:.3f}, {gain:+.1f} points [{low:+.1f}, {high:+.1f}]"


def _samples(needed):
    if needed is None or not np.isfinite(needed) or needed > 1e9:
        return "no number of samples that can be drawn would do"
    return f"about {int(float(f'{needed:.1g}')):,} samples a prompt might"


def report(result: dict, curve: list[list[dict]], rest: list[list[dict]]) -> str:
    """A page of text."""
    console = Console(file=io.StringIO(), width=118)
    facts = result["rollouts"]
    console.print(
        f"{facts['prompts']} prompts, {facts['fewest_samples']} to {facts['most_samples']} samples each, base accuracy "
        f"{facts['accuracy']:.3f}. {facts['unfinished']} of {facts['rows']} responses are unfinished: they count as "
        "wrong, do not vote, and their log p lacks an end.",
        highlight=False,
    )
    console.print()
    for sentence in result["verdict"]:
        console.print(sentence, highlight=False)
    table = Table(title="\nForecast, 95 % intervals over prompts; ? = these rollouts cannot tell", title_justify="left")
    for column in ("alpha", "b", "accuracy", "length", "entropy", "KL", "pass@k", "maj@k", "ESS", "k"):
        table.add_column(column, justify="right")
    for records in (*curve, *rest):
        for record in records:
            table.add_row(*_cells(record))
        table.add_section()
    console.print(table)
    for finding in result["diagnosis"]:
        console.print(f"- {finding['sentence']}", highlight=False)
    if "following" in result:
        facts = result["following"]
        console.print(
            f"- The run: accuracy within 5 points of the curve at {100 * facts['share_within_5_points']:.0f} % of "
            f"steps, farthest {100 * facts['largest_gap']:.1f} points away at step {facts['largest_gap_step']}.",
            highlight=False,
        )
    return console.file.getvalue()


def _cells(record):
    def cell(name, digits=2):
        if name not in record:
            return ""
        mark = "" if record[f"{name}_reliable"] else "?"
        return f"{record[name]:.{digits}f}{mark}"

    def interval(name, digits):
        return f"{cell(name, digits)} [{record[f'{name}_low']:.{digits}f}, {record[f'{name}_high']:.{digits}f}]"

    def largest(kind):
        names = [name for name in record if name.startswith(kind) and name.split("@")[1].isdigit()]
        return f"{names[-1].split('@')[1]}: {cell(names[-1])}" if names else ""

    return (
        f"{record['alpha']:g}",
        f"{record['b']:g}",
        interval("accuracy", 3),
        interval("length", 1),
        cell("entropy"),
        cell("kl", 3),
        largest("pass@"),
        largest("maj@"),
        f"{record['ess']:.1f}",
        f"{record['pareto_k']:.2f}",
    )


def _log_p_stop(model_name: str, path: Path) -> np.ndarray:
    """log p(stop at once | prompt) of every prompt, in the order of the rollouts."""
    from llm.models import loading
    from llm.models.organisms import ORGANISMS
    from llm.problems import BUNDLED, Problem
    from llm.rollout_table import read_table
    from llm.sampling.rollouts import encode_prompt
    from llm.sampling.scoring import stop_log_probs

    table = read_table(path)
    if "prompt" not in table:
        raise ValueError(f"--model {model_name} was given, but {path} has no column 'prompt' to ask it with")
    model, tokenizer = loading.load(loading.resolve(model_name))
    chat = model_name not in ORGANISMS and bool(tokenizer.chat_template)
    asked = table.drop_duplicates("prompt_id")
    prompt_ids = [encode_prompt(tokenizer, Problem(BUNDLED, text, ""), chat) for text in asked["prompt"]]
    return stop_log_probs(model, prompt_ids, tokenizer.pad_token_id, loading.stop_token_ids(model, tokenizer))
