"""The comparison arm by arm: base rollouts, a forecast of every arm, the runs, and one table of both."""

import argparse
import contextlib
import dataclasses
import json
import os
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from harness import run_folder, text_table
from harness.reservation import reserved
from harness.run_kind import read_json
from llm.comparison.baselines import baselines
from llm.comparison.config import ARMS, Arm, CompareConfig, SampledArm, TrainedArm
from llm.comparison.how_far import share_of_run
from llm.comparison.paired import misses, responses_of
from llm.comparison.run_pool import side_by_side
from llm.comparison.scores import write_scores
from llm.comparison.table import page
from llm.forecasting.page import first_line
from llm.forecasting.settled import settle
from llm.forecasting.verdict import verdict_json
from llm.forecasting.words import described
from llm.models import loading
from llm.models.organisms import ORGANISMS
from llm.problems import BUNDLED
from llm.prompts.config import prompt_options
from llm.prompts.form import prompt_form
from llm.rollout_table import read
from llm.sampling.config import SampleConfig
from llm.sampling.parts import choose_problems, sample
from llm.training import resume
from llm.training.config import TrainConfig
from llm.training.requirements import check_enough_prompts
from llm.training.run import run
from llm.training.setup import check_groups_are_whole
from llm.training.splits import split
from llm.training.trl_options import ORGANISM_OPTIONS, PAPER_OPTIONS, rloo_config
from theory.budget import reward_at
from theory.estimation.diagnosis import ALPHAS, diagnose
from theory.estimation.forecast import forecast, target_of
from theory.estimation.reweight import Target, tilting_frontier
from theory.estimation.samples import Rollouts
from theory.vocabulary import COMPARED, LengthControl

UNKNOWN = (np.nan,) * 3


def compare(config: CompareConfig, trl_arguments: list[str]) -> Path:
    """Write forecast.json, a run folder for each arm and seed, and results.parquet; returns the folder."""
    if config.quick:
        config = dataclasses.replace(config, seeds=1, steps=10, prompts=16, samples=16, eval_samples=4)
    small = config.model in ORGANISMS or config.dataset == BUNDLED
    settings = dataclasses.asdict(config) | {"trl": trl_arguments}
    with reserved("llm.compare", config.output_dir, settings, config.overwrite, goes_on="the same command") as place:
        _check(config, trl_arguments, small)
        begun = (config.output_dir / "runs").exists()  # before, how to train may still be chosen
        free = ("arms", "seeds", "processes", "forecast_only") + (() if begun else ("trl", "lora_rank", "eval_samples"))
        if not begun or _asks_for_more(config):
            free += ("steps",)
        folder = place.begin_or_go_on(settings, may_change=free)
        sample(_sample_config(config, trl_arguments, samples=config.samples, output_dir=folder / "base"))
        predictions = _predict(config, folder)
        if config.forecast_only:
            return folder
        jobs = [(name, seed) for seed in range(config.seeds) for name in config.arms]
        missing = [job for job in jobs if _is_missing(config, ARMS[job[0]], _run_folder(folder, *job))]
        work = partial(_make, config, trl_arguments, folder)
        at_once = config.processes or (os.cpu_count() or 1 if small else 1)
        for _ in side_by_side(work, missing, at_once, partial(_done, config, folder)):
            run_folder.write(folder / "results.parquet", results_table(config, folder, predictions).to_parquet)
        table = results_table(config, folder, predictions)
        run_folder.write(folder / "results.parquet", table.to_parquet)
        write_scores(folder)
    told = json.loads((folder / "forecast.json").read_text())
    print(page(table, told.get("verdict"), read_json(folder / "base" / "summary.json"), text_table.width()))
    return folder


def _asks_for_more(config: CompareConfig) -> bool:
    """The comparison in the folder was asked for fewer steps: those of its runs that have not arrived go on."""
    file = config.output_dir / "config.json"
    return file.exists() and read_json(file).get("steps", config.steps) < config.steps


def _is_missing(config: CompareConfig, arm: Arm, run_folder: Path) -> bool:
    """The run is not there, or not where its objective ends and may now take more steps."""
    if not (run_folder / "summary.json").exists():
        return True
    if isinstance(arm, SampledArm) or not read_json(run_folder / "summary.json").get("not_arrived"):
        return False
    return resume.is_longer(run_folder, config.steps * arm.longer)


def _check(config: CompareConfig, trl_arguments: list[str], small: bool) -> None:
    """ValueError for what would end the base rollouts or an arm; nothing is written yet."""
    path = loading.resolve(config.model)
    form = prompt_form(config, small)
    problems = choose_problems(_sample_config(config, trl_arguments), small)
    tokenizer = loading.load_tokenizer(path)
    form.fit(tokenizer, config.model)
    form.rendered(tokenizer, problems[0])
    arms = [(name, ARMS[name]) for name in config.arms]
    trained = [
        _train_config(config, arm, 0, config.output_dir, _run_folder(config.output_dir, name, 0))
        for name, arm in arms
        if isinstance(arm, TrainedArm)
    ]
    training_prompts = len(split(trained[0], small).train) if trained else 0  # the same for all arms
    for options in trained:
        args = rloo_config(options, config.output_dir, ORGANISM_OPTIONS if small else PAPER_OPTIONS, trl_arguments)
        check_enough_prompts(args, training_prompts)
        if options.length_control in (LengthControl.TRAJECTORY_BALANCE, LengthControl.CONTENT):
            check_groups_are_whole(options, args)


def _make(config: CompareConfig, trl_arguments: list[str], folder: Path, name: str, seed: int) -> None:
    """Train the arm, or sample it; both evaluate on the same held-out prompts. What it says goes to logs/."""
    log = folder / "logs" / f"{name}-seed{seed}.txt"
    log.parent.mkdir(exist_ok=True)
    arm, output_dir = ARMS[name], _run_folder(folder, name, seed)
    with log.open("w") as said, contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        if isinstance(arm, SampledArm):
            # Another seed than the base rollouts have.
            own = arm._asdict() | {"samples": config.eval_samples, "seed": seed + 1}
            sample(_sample_config(config, trl_arguments, output_dir=output_dir, **own))
            return
        run(_train_config(config, arm, seed, folder, output_dir), trl_arguments)


def _done(config: CompareConfig, folder: Path, name: str, seed: int) -> float:
    """The share of a run that is done."""
    arm = ARMS[name]
    steps = config.steps * arm.longer if isinstance(arm, TrainedArm) else None
    return share_of_run(_run_folder(folder, name, seed), steps, config.prompts)


def _train_config(config: CompareConfig, arm: TrainedArm, seed: int, folder: Path, output_dir: Path) -> TrainConfig:
    return TrainConfig(
        **_objective_options(arm),
        model=config.model,
        dataset=config.dataset,
        **prompt_options(config),
        steps=config.steps * arm.longer,
        seed=seed,
        eval_prompts=config.prompts,
        eval_samples=config.eval_samples,
        base=folder / "base" / "rollouts.parquet",
        share_prefixes=config.share_prefixes,
        lora_rank=config.lora_rank,
        same_prompts=config.same_prompts,
        output_dir=output_dir,
        resume=True,  # an arm that was cut off goes on from its last checkpoint; finished ones were passed over
    )


def _run_folder(folder: Path, name: str, seed: int) -> Path:
    return folder / "runs" / name / f"seed{seed}"


def _sample_config(config: CompareConfig, trl_arguments: list[str], **own) -> SampleConfig:
    """On the prompts and under the length limit of the training runs."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--max_completion_length", "--max-completion-length", type=int)
    limit = parser.parse_known_args(trl_arguments)[0].max_completion_length
    return SampleConfig(
        model=config.model,
        dataset=config.dataset,
        prompts=config.prompts,
        max_new_tokens=limit,
        share_prefixes=config.share_prefixes,
        **prompt_options(config),
        **own,
    )


def _predict(config: CompareConfig, folder: Path) -> dict[str, dict]:
    """The forecast of every arm that has one, made once from the base rollouts and never again."""
    path = folder / "forecast.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    known, said = found.get("arms", {}), {name: found[name] for name in found if name not in ("model", "arms")}
    targets = {name: target for name in config.arms if (target := _target(ARMS[name]))}
    missing = [name for name in targets if name not in known]
    if missing or "verdict" not in said:
        base = read(folder / "base")
        for name in missing:
            known[name] = forecast(base, [targets[name]], np.random.default_rng(0))[0].to_json()
        said.setdefault("diagnosis", _diagnose(base))
        if "verdict" not in said:
            said |= verdict_json(settle(base), base, folder / "base")
        run_folder.write_json(path, {"model": config.model, "arms": known, **said})
    if missing or not (folder / "baselines.json").exists():
        run_folder.write_json(folder / "baselines.json", baselines(read(folder / "base"), targets))
    told = json.loads(path.read_text())
    print(first_line(told["verdict"]["word"], told["verdict"]["sentence"]))
    return told["arms"]


def _diagnose(base: Rollouts) -> list[dict]:
    """What the base rollouts say of any sharpening, before it is known which arms there are."""
    generator = np.random.default_rng(0)
    along_alpha = [Target(alpha, 0.0) for alpha in (1.0, *ALPHAS)]
    records = forecast(base, along_alpha, generator, methods=("psis",))
    return described(diagnose(base, records, generator))


def _target(arm: Arm) -> Target | None:
    """Where it ends; None for low temperature and best of n, which are at no point of the plane [T16]."""
    if isinstance(arm, SampledArm):
        if arm.alpha is None or not arm.method.startswith("power-"):
            return None
        return Target(arm.alpha, 0.0)
    options = TrainConfig(**_objective_options(arm))
    return target_of(options.objective, options.kappa, options.length_control)


def _objective_options(arm: TrainedArm) -> dict:
    return {name: value for name, value in arm._asdict().items() if name != "longer"}


def results_table(config: CompareConfig, folder: Path, predictions: dict[str, dict]) -> pd.DataFrame:
    """A row for each arm, seed and quantity: what was forecast, with its interval, and where the run ended."""
    responses = read(folder / "base")
    frontier = tilting_frontier(responses)
    base = json.loads((folder / "base" / "summary.json").read_text())
    rows = []
    for name in config.arms:
        for seed in range(config.seeds):
            output_dir = _run_folder(folder, name, seed)
            if not (output_dir / "summary.json").exists():
                continue
            summary, predicted = json.loads((output_dir / "summary.json").read_text()), predictions.get(name, {})
            if isinstance(ARMS[name], SampledArm):
                # The entropy of its tokens is that of the model, not of the sampler.
                own, tokens = summary | {"entropy": None, "entropy_se": None}, summary["tokens"]
            else:
                *_, last = run_folder.read_metrics(output_dir)
                own, tokens = summary["final"], last["num_tokens"]
            target = _target(ARMS[name])
            missed = misses(responses, target, responses_of(output_dir)) if target else {}
            rows += [
                {
                    "arm": name,
                    "seed": seed,
                    "quantity": quantity,
                    "base": base[quantity],
                    "forecast": _number(predicted, quantity),
                    "low": _number(predicted, f"{quantity}_low"),
                    "high": _number(predicted, f"{quantity}_high"),
                    "reliable": predicted.get(f"{quantity}_reliable", False),
                    "run": _number(own, quantity),
                    "run_se": _number(own, f"{quantity}_se"),
                    **dict(zip(("miss", "miss_low", "miss_high"), missed.get(quantity, UNKNOWN), strict=True)),
                    # The best that any policy could have at the KL that this run spent [T5].
                    "accuracy_of_tilting_at_its_kl": float(reward_at(frontier, _number(own, "kl"))),
                    "kl_to_optimum": _number(summary, "kl_to_optimum"),
                    "kl_to_optimum_se": _number(summary, "kl_to_optimum_se"),
                    # Prompts and responses of all steps, or what was sampled.
                    "tokens": int(tokens),
                    "not_arrived": summary.get("not_arrived"),
                }
                for quantity in COMPARED
            ]
    return pd.DataFrame(rows)


def _number(record: dict, name: str) -> float:
    """nan for what is not known: JSON has null for it, or nothing."""
    value = record.get(name)
    return np.nan if value is None else float(value)
