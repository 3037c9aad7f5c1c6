"""Going on with a run that was cut off: the same run, bit for bit, and never another one."""

import json
import os
import shutil
import signal
import sys

import pytest
import torch
from datasets import Dataset
from safetensors.numpy import load_file
from transformers import TrainerCallback
from trl import RLOOConfig

from llm.models.loading import load
from llm.problems import BUNDLED, load_problems
from llm.train import main
from llm.training.collapse import PATIENCE
from llm.training.resume import check_same_run, latest_checkpoint
from llm.training.rewards import log_prob_term
from llm.training.trainer import LogProbRewardTrainer
from theory.estimation.band import LowerEdges
from theory.objectives import regime

ARGUMENTS = ["--dataset", "addition", "--steps", "4", "--eval-prompts", "4", "--eval-samples", "2"]
ARGUMENTS += ["--forecast-samples", "4", "--per_device_train_batch_size", "16", "--max_completion_length", "8"]
ARGUMENTS += ["--regime", "tempered", "--alpha", "2", "--save_steps", "2"]


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["llm.train", *map(str, arguments)])
    main()


def weights(folder):
    return load_file(folder / "model" / "model.safetensors")


def same_weights(one, other):
    return all((one[name] == other[name]).all() for name in one.keys() | other.keys())


def metrics(folder):
    """Lines of metrics.jsonl without the clock's part."""
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name not in ("seconds", "step_time")} for row in rows]


@pytest.fixture(scope="module")
def whole_run(tiny_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    with pytest.MonkeyPatch.context() as monkeypatch:
        run(monkeypatch, "--model", tiny_model, *ARGUMENTS, "--output-dir", folder)
    return folder


@pytest.fixture
def cut_off(whole_run, tmp_path):
    """What a kill between steps 3 and 4 leaves behind."""
    folder = tmp_path / "run"
    shutil.copytree(whole_run, folder)
    for name in ("summary.json", "final.parquet", "training.png"):
        (folder / name).unlink()
    for name in ("model", "checkpoints/checkpoint-4"):
        shutil.rmtree(folder / name)
    lines = (folder / "metrics.jsonl").read_text().splitlines(keepends=True)
    (folder / "metrics.jsonl").write_text("".join(lines[:3]) + lines[3][:20])
    return folder


def test_a_resumed_run_is_the_uninterrupted_one_bit_for_bit(whole_run, cut_off, tiny_model, monkeypatch):
    run(monkeypatch, "--model", tiny_model, *ARGUMENTS, "--output-dir", cut_off, "--resume")
    assert same_weights(weights(whole_run), weights(cut_off))
    assert metrics(cut_off) == metrics(whole_run)
    assert (cut_off / "final.parquet").read_bytes() == (whole_run / "final.parquet").read_bytes()
    assert json.loads((cut_off / "summary.json").read_text())["steps"] == 4


def test_a_checkpoint_cut_off_while_it_was_written_is_passed_over(whole_run, cut_off, tiny_model, monkeypatch):
    half = cut_off / "checkpoints" / "checkpoint-3"
    shutil.copytree(cut_off / "checkpoints" / "checkpoint-2", half)
    (half / "trainer_state.json").write_text('{"global_step": 3, "ep')
    assert latest_checkpoint(cut_off / "checkpoints").name == "checkpoint-2"
    run(monkeypatch, "--model", tiny_model, *ARGUMENTS, "--output-dir", cut_off, "--resume")
    assert same_weights(weights(whole_run), weights(cut_off))


def test_sigterm_saves_the_step_and_exits_cleanly(whole_run, tiny_model, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "run"

    class Cluster(TrainerCallback):
        def on_step_begin(self, args, state, control, **kwargs):
            if state.global_step == 2:
                os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        original = LogProbRewardTrainer.__init__

        def with_cluster(self, *args, callbacks, **kwargs):
            original(self, *args, callbacks=[*callbacks, Cluster()], **kwargs)

        patch.setattr(LogProbRewardTrainer, "__init__", with_cluster)
        run(patch, "--model", tiny_model, *ARGUMENTS, "--output-dir", folder)
    assert "stopped after step 3 of 4; the same command with --resume goes on" in capsys.readouterr().out
    assert latest_checkpoint(folder / "checkpoints").name == "checkpoint-3"
    assert not (folder / "summary.json").exists()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    run(monkeypatch, "--model", tiny_model, *ARGUMENTS, "--output-dir", folder, "--resume")
    assert same_weights(weights(whole_run), weights(folder))
    assert metrics(folder) == metrics(whole_run)


def test_a_run_killed_in_its_final_evaluation_trains_no_further(whole_run, tiny_model, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    shutil.copytree(whole_run, folder)
    (folder / "summary.json").unlink()
    shutil.rmtree(folder / "model")
    run(monkeypatch, "--model", tiny_model, *ARGUMENTS, "--output-dir", folder, "--resume")
    assert same_weights(weights(whole_run), weights(folder))
    assert metrics(folder) == metrics(whole_run)


def test_a_run_that_its_collapse_ended_stays_ended(tiny_model, tmp_path, monkeypatch):
    """Cut off one step before the watch has seen enough, and cut off after: the same steps and weights both times."""
    monkeypatch.setattr("llm.training.run.lower_edges", lambda *_: LowerEdges(length=1e9, entropy=-1e9))
    arguments = ["--model", tiny_model, *ARGUMENTS, "--save_steps", "1", "--stop-on-collapse"]
    run(monkeypatch, *arguments, "--output-dir", tmp_path / "whole")
    assert len(metrics(tmp_path / "whole")) == PATIENCE < 4
    for kept in (PATIENCE - 1, PATIENCE):
        folder = tmp_path / f"cut-{kept}"
        shutil.copytree(tmp_path / "whole", folder)
        (folder / "summary.json").unlink()
        shutil.rmtree(folder / "model")
        for checkpoint in (folder / "checkpoints").glob("checkpoint-*"):
            if int(checkpoint.name.split("-")[1]) > kept:
                shutil.rmtree(checkpoint)
        run(monkeypatch, *arguments, "--output-dir", folder, "--resume")
        assert metrics(folder) == metrics(tmp_path / "whole")
        assert same_weights(weights(folder), weights(tmp_path / "whole"))


def test_resume_of_a_finished_run_does_nothing_and_of_no_run_starts_one(whole_run, tiny_model, tmp_path, monkeypatch):
    before = (whole_run / "summary.json").stat().st_mtime_ns
    run(monkeypatch, "--model", tiny_model, *ARGUMENTS, "--output-dir", whole_run, "--resume")
    assert (whole_run / "summary.json").stat().st_mtime_ns == before
    with pytest.raises(SystemExit):
        run(monkeypatch, "--model", tiny_model, *ARGUMENTS, "--output-dir", tmp_path / "no", "--resume", "--steps", "0")


def test_a_finished_run_goes_on_for_more_steps_and_not_for_fewer(whole_run, tiny_model, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "run"
    shutil.copytree(whole_run, folder)
    more = ["--model", tiny_model, *ARGUMENTS, "--output-dir", folder, "--resume", "--steps"]
    run(monkeypatch, *more, "6")
    assert [row["step"] for row in metrics(folder)] == [1, 2, 3, 4, 5, 6]
    assert metrics(folder)[:4] == metrics(whole_run) and not same_weights(weights(whole_run), weights(folder))
    assert json.loads((folder / "summary.json").read_text())["steps"] == 6
    assert json.loads((folder / "config.json").read_text())["trl"]["max_steps"] == 6
    assert "--resume --steps 12" in " ".join(capsys.readouterr().out.split())  # six steps do not arrive
    with pytest.raises(SystemExit):
        run(monkeypatch, *more, "5")
    assert "steps = 6, this command 5" in capsys.readouterr().err
    shutil.rmtree(folder / "checkpoints")
    with pytest.raises(SystemExit):
        run(monkeypatch, *more, "8")
    assert "is finished and its checkpoints are gone" in capsys.readouterr().err
    assert (folder / "summary.json").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--alpha", "3"], "alpha = 2.0, this command 3.0"),
        (["--regime", "sharpening", "--alpha", "None"], "regime = tempered, this command sharpening"),
        (["--model", "aligned"], "model = "),
        (["--seed", "1"], "seed = 0, this command 1"),
        (["--learning_rate", "0.5"], "trl learning_rate = 0.0003, this command 0.5"),
        (["--overwrite"], "give one of them"),
    ],
)
def test_another_run_is_not_resumed(arguments, said, cut_off, tiny_model, monkeypatch, capsys):
    before = (cut_off / "metrics.jsonl").read_bytes()
    with pytest.raises(SystemExit) as stop:
        run(monkeypatch, "--model", tiny_model, *ARGUMENTS, "--output-dir", cut_off, "--resume", *arguments)
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert stop.value.code == 2 and said in error
    assert (cut_off / "metrics.jsonl").read_bytes() == before


def test_where_a_run_reports_may_change(tmp_path):
    saved = {"regime": "task", "output_dir": "a", "trl": {"report_to": "none", "seed": 0}}
    (tmp_path / "config.json").write_text(json.dumps(saved))
    check_same_run(tmp_path, {**saved, "output_dir": "b", "trl": {"report_to": "wandb", "seed": 0}})
    with pytest.raises(ValueError, match="trl seed = 0, this command 1"):
        check_same_run(tmp_path, {**saved, "trl": {"seed": 1}})


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_order_of_prompts_goes_on_in_a_later_epoch(tiny_model, tmp_path):
    """Three steps are an epoch here; TRL alone would begin the second epoch of a resumed run with the first's order."""
    problems = load_problems(BUNDLED)[:12]
    seen = {}

    def trained(name, checkpoint=None):
        model, tokenizer = load(str(tiny_model))
        prompts = seen[name] = []

        def note(completions, prompts, **_):
            seen[name].append(prompts)
            return [float(len(c) < 6) for c in completions]

        trainer = LogProbRewardTrainer(
            model=model,
            reward_funcs=[note, log_prob_term(regime("task"))],
            args=RLOOConfig(
                output_dir=str(tmp_path / name),
                beta=1.0,
                per_device_train_batch_size=16,
                num_generations=4,
                max_completion_length=6,
                max_steps=8,
                save_steps=1,
                learning_rate=1e-3,
                report_to="none",
                bf16=False,
                disable_tqdm=True,
                dataloader_pin_memory=False,
            ),
            train_dataset=Dataset.from_list([{"prompt": p.text, "answer": p.answer} for p in problems]),
            processing_class=tokenizer,
        )
        trainer.train(resume_from_checkpoint=checkpoint)
        return prompts, torch.cat([p.detach().flatten() for p in model.parameters()])

    prompts, whole = trained("whole")
    assert prompts[0:3] != prompts[3:6], "epochs differ, or this test shows nothing"
    for step in (5, 6):
        resumed_prompts, resumed = trained(f"from{step}", str(tmp_path / "whole" / f"checkpoint-{step}"))
        assert resumed_prompts == prompts[step:]
        assert torch.equal(resumed, whole)
