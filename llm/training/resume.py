"""Going on with a run that was cut off: from which checkpoint, whether it is the same run, and what to forget.

A checkpoint counts when its trainer_state.json, which is written last, can be read; a folder cut off in the middle of
being written does not. The run is the same when every option that changes its result is.
"""

import json
import shutil
from functools import partial
from pathlib import Path

from harness import run_folder
from llm.training.option_lists import REPORTS

# Where a run writes, how it reports and how often it saves change nothing of what it computes.
MAY_CHANGE = {"output_dir", "overwrite", "resume", "config"}
TRL_MAY_CHANGE = {*REPORTS, "output_dir", "logging_dir", "save_total_limit", "save_steps", "save_strategy"}
TRL_MAY_CHANGE |= {"vllm_server_base_url", "vllm_server_host", "vllm_server_port", "vllm_group_port"}
TRL_MAY_CHANGE |= {"vllm_gpu_memory_utilization", "vllm_server_timeout"}
# A finished run may be given more of these: it goes on from its last step towards the same optimum, on the learning
# rates that a run of so many steps has from there on.
STEPS, TRL_STEPS = "steps", "max_steps"


def is_run(output_dir: Path) -> bool:
    return (output_dir / "config.json").exists()


def is_longer(output_dir: Path, steps: int | None) -> bool:
    """The run in the folder is finished, and was asked for fewer steps than these."""
    if steps is None or not (output_dir / "summary.json").exists():
        return False
    return int(json.loads((output_dir / "config.json").read_text())[STEPS]) < steps


def reopen(output_dir: Path, checkpoint: Path | None) -> None:
    """A finished run is one that was cut off after its last step. ValueError: nothing is left to go on from."""
    if checkpoint is None:
        raise ValueError(
            f"--resume: the run in {output_dir} is finished and its checkpoints are gone; for more --steps name "
            "another --output-dir"
        )
    (output_dir / "summary.json").unlink()


def check_same_run(output_dir: Path, config: dict) -> None:
    """ValueError that names the first option in which the run in the folder differs from `config`.

    A finished run may be gone on with for more steps.
    """
    saved = json.loads((output_dir / "config.json").read_text())
    given = json.loads(json.dumps(config, default=str))
    more = is_longer(output_dir, given.get(STEPS))
    free, trl_free = (MAY_CHANGE | {STEPS}, TRL_MAY_CHANGE | {TRL_STEPS}) if more else (MAY_CHANGE, TRL_MAY_CHANGE)
    pairs = [("", saved, given, free), ("trl ", saved.get("trl", {}), given.get("trl", {}), trl_free)]
    for kind, there, here, may_change in pairs:
        for name in [*there, *(here.keys() - there.keys())]:  # regime and model first, as they stand in the file
            if name in may_change | {"trl"} or (kind == "" and name not in there):
                continue  # an option that is younger than the run
            if there.get(name) != here.get(name):
                raise ValueError(
                    f"--resume: the run in {output_dir} has {kind}{name} = {there.get(name)}, this command "
                    f"{here.get(name)}; give the same options, or another --output-dir for another run"
                )


def latest_checkpoint(checkpoints: Path) -> Path | None:
    """The complete checkpoint of the most steps; None where there is none."""
    complete = [folder for folder in checkpoints.glob("checkpoint-*") if _is_complete(folder)]
    return max(complete, key=_step, default=None)


def forget_after(output_dir: Path, checkpoint: Path | None) -> None:
    """Drop what came after the checkpoint: lines of metrics.jsonl and validation.jsonl, and half-written folders."""
    last = _step(checkpoint) if checkpoint else 0
    for name in ("metrics.jsonl", "validation.jsonl"):
        if (output_dir / name).exists():
            kept = [row for row in _rows(output_dir / name) if row["step"] <= last]
            lines = "".join(json.dumps(row) + "\n" for row in kept)
            run_folder.write(output_dir / name, partial(_write_text, lines))
    for folder in (output_dir / "checkpoints").glob("checkpoint-*"):
        if _step(folder) > last:
            shutil.rmtree(folder)


def _write_text(text: str, path: Path) -> None:
    path.write_text(text)


def _rows(path: Path) -> list[dict]:
    """The whole lines; the last one may have been cut off."""
    lines = path.read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def _is_complete(folder: Path) -> bool:
    try:
        return json.loads((folder / "trainer_state.json").read_text())["global_step"] == _step(folder)
    except (OSError, ValueError, KeyError):
        return False


def _step(folder: Path) -> int:
    digits = folder.name.removeprefix("checkpoint-")
    return int(digits) if digits.isdigit() else -1
