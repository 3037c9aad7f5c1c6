"""The door to a run folder: what it replaces, what it refuses, and that one command at a time is inside."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import ownership, reservation
from harness.environment import environment
from harness.reservation import locked, paths_in, reserved

COMMAND = "llm.forecast"


@dataclass(frozen=True)
class Config:
    k: int = 1
    rollouts: Path | None = None
    model: str = "aligned"


def run(folder, config=Config(), overwrite=False, command=COMMAND, **options):
    """One whole run that leaves result.txt; returns its folder."""
    with reserved(command, folder, config, overwrite, **options) as place:
        place.begin(config)
        (folder / "result.txt").write_text(str(config.k))
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]  # another may hold it
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def refused(folder: Path, said: str, **options) -> None:
    before = tree(folder)
    with pytest.raises(ValueError, match=said):
        run(folder, **options)
    assert tree(folder) == before, "what was refused must be as it was"


def older_than_the_mark(folder: Path, **files: str) -> Path:
    """A run folder as it was before environment.json named the command."""
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    old = {name: value for name, value in environment().items() if name != "dirty"}
    (folder / "environment.json").write_text(json.dumps(old))
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def test_a_run_says_whose_it_is_and_when_it_ended(tmp_path):
    with reserved(COMMAND, tmp_path / "run", Config()) as place:
        assert not (tmp_path / "run").exists(), "nothing is written before it begins"
        place.begin(Config(3))
        mark = json.loads((tmp_path / "run" / "environment.json").read_text())
        assert (mark["command"], mark["finished"]) == (COMMAND, None)
        (tmp_path / "run" / "result.txt").write_text("")
    mark = json.loads((tmp_path / "run" / "environment.json").read_text())
    assert mark["finished"] and mark["files"] == ["config.json", "environment.json", "result.txt"]
    assert json.loads((tmp_path / "run" / "config.json").read_text())["k"] == 3


def test_overwrite_replaces_a_finished_run_and_only_when_the_new_one_begins(tmp_path):
    folder = run(tmp_path / "run", Config(1))
    refused(folder, "already holds a run; name another folder, or pass --overwrite", config=Config(2))
    with pytest.raises(ValueError, match="bad input"), reserved(COMMAND, folder, Config(2), overwrite=True):
        raise ValueError("bad input")
    assert (folder / "result.txt").read_text() == "1"
    with reserved(COMMAND, folder, Config(2), overwrite=True) as place:
        assert (folder / "result.txt").exists()
        place.begin(Config(2))
        assert ownership.visible(folder) == ["config.json", "environment.json"]
    assert not (folder / ".replaced").exists()


def model_folder(folder: Path) -> Path:
    """As save_pretrained leaves it."""
    folder.mkdir()
    for name in ("config.json", "generation_config.json", "tokenizer.json", "model.safetensors"):
        (folder / name).write_text("{}")
    return folder


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_model_folder_is_never_replaced(tmp_path, overwrite):
    """Every Hugging Face model has a config.json; that makes it no run of ours."""
    refused(model_folder(tmp_path / "model"), "no run of this project", overwrite=overwrite)


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("mark", [None, "{}", "[1]", "\udcff", '{"command": "llm.forecast"}'])
def test_somebodys_files_are_neither_written_into_nor_replaced(tmp_path, overwrite, mark):
    (tmp_path / "report.txt").write_text("years of work")
    (tmp_path / "config.json").write_text("{}")
    if mark is not None:
        (tmp_path / "environment.json").write_bytes(os.fsencode(mark))
    refused(tmp_path, "holds files that are no run of this project", overwrite=overwrite)


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / ".DS_Store").write_text("")
    assert (run(tmp_path) / "result.txt").exists()


def test_a_file_in_place_of_a_folder_is_refused(tmp_path):
    file = tmp_path / "thesis.tex"
    file.write_text("")
    for place, said in ((file, "is a file; name a folder"), (file / "run", "cannot be made: .* is a file")):
        with pytest.raises(ValueError, match=said):
            run(place, overwrite=True)


def test_overwrite_keeps_what_somebody_added_to_a_run(tmp_path):
    folder = run(tmp_path / "run")
    (folder / "notes.txt").write_text("mine")
    refused(folder, r"other files as well \(notes.txt\)", overwrite=True)
    (folder / "notes.txt").unlink()
    run(folder, overwrite=True)


@pytest.mark.parametrize("overwrite", [False, True])
def test_another_commands_run_is_not_replaced(tmp_path, overwrite):
    refused(run(tmp_path / "run", command="llm.train"), "a run", overwrite=overwrite)


@pytest.mark.parametrize("which", ["itself", "a file in it", "a folder in it", "by a link"])
def test_an_input_is_never_replaced(tmp_path, which):
    folder = run(tmp_path / "run")
    (folder / "model").mkdir()
    mark = json.loads((folder / "environment.json").read_text())
    (folder / "environment.json").write_text(json.dumps(mark | {"files": [*mark["files"], "model"]}))
    (tmp_path / "link").symlink_to(folder / "model")
    named = {
        "itself": Config(rollouts=folder),
        "a file in it": Config(rollouts=folder / "result.txt"),
        "a folder in it": Config(model=str(folder / "model")),
        "by a link": Config(model=str(tmp_path / "link")),
    }[which]
    refused(folder, "an input of this command", config=named, overwrite=True)


@pytest.mark.parametrize("where", ["", "parts"])
def test_the_working_directory_and_home_are_never_replaced(tmp_path, monkeypatch, where):
    folder = run(tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.chdir(folder)
        refused(Path("."), "the working directory", overwrite=True)
    monkeypatch.setenv("HOME", str(folder / where))
    refused(folder, "your home", overwrite=True)


def test_a_link_to_a_run_is_followed_and_stays(tmp_path):
    folder = run(tmp_path / "run", Config(1))
    (tmp_path / "latest").symlink_to(folder)
    run(tmp_path / "latest", Config(2), overwrite=True)
    assert (tmp_path / "latest").is_symlink() and (folder / "result.txt").read_text() == "2"


def test_what_a_link_in_a_run_points_to_stays(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "weights").write_text("kept")
    with reserved(COMMAND, tmp_path / "run", Config()) as place:
        (place.begin(Config()) / "model").symlink_to(tmp_path / "models")
    run(tmp_path / "run", overwrite=True)
    assert (tmp_path / "models" / "weights").read_text() == "kept"


def cut_off(folder: Path, command: str = COMMAND, *files: str) -> Path:
    with pytest.raises(RuntimeError), reserved(command, folder, Config(), goes_on="the same command") as place:
        place.begin(Config())
        for name in files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("")
        raise RuntimeError
    return folder


@pytest.mark.parametrize("begun_by", [COMMAND, "llm.train"])
def test_an_attempt_that_got_nowhere_is_replaced_without_asking(tmp_path, begun_by):
    run(cut_off(tmp_path / "run", begun_by, "metrics.jsonl"), Config(5))
    assert (tmp_path / "run" / "result.txt").read_text() == "5"
    assert not (tmp_path / "run" / "metrics.jsonl").exists()


def test_an_attempt_that_got_nowhere_keeps_what_somebody_added(tmp_path):
    refused(cut_off(tmp_path / "run", COMMAND, "notes.txt"), r"other files as well \(notes.txt\)")


@pytest.mark.parametrize("work", ["checkpoints/checkpoint-5/trainer_state.json", "parts/000000.parquet"])
def test_work_that_can_be_gone_on_with_is_replaced_on_request_only(tmp_path, work):
    folder = cut_off(tmp_path / "run", "llm.train", work)
    refused(folder, "holds an unfinished run of llm.train; name another folder")
    options = {"command": "llm.train", "goes_on": "--resume"}
    refused(folder, "holds an unfinished run; --resume goes on with it, --overwrite replaces it", **options)
    assert (run(folder, overwrite=True, **options) / "result.txt").exists()


def test_a_kill_while_the_old_run_is_moved_leaves_a_folder_of_ours(tmp_path, monkeypatch):
    """Wherever the kill falls, the same command with --overwrite then runs."""
    folder = run(tmp_path / "run", Config(1))
    for survived in range(4):
        moves = iter(range(survived))
        replace = os.replace

        def killed(old, new, moves=moves, replace=replace):
            next(moves)
            replace(old, new)

        with monkeypatch.context() as patch:
            patch.setattr(reservation.os, "replace", killed)
            with pytest.raises(StopIteration), reserved(COMMAND, folder, Config(), overwrite=True) as place:
                place.begin(Config())
        assert (run(folder, Config(survived), overwrite=True) / "result.txt").read_text() == str(survived)
        assert not (folder / ".replaced").exists()


def test_runs_older_than_the_mark_are_told_by_what_they_hold(tmp_path):
    forecast = older_than_the_mark(tmp_path / "forecast", forecast__json="{}")
    trained = older_than_the_mark(tmp_path / "train", metrics__jsonl="", final__parquet="", summary__json="{}")
    attempt = older_than_the_mark(tmp_path / "attempt", metrics__jsonl="")
    assert ownership.held(forecast) == ("llm.forecast", True, ())
    assert ownership.held(trained) == ("llm.train", True, ())
    assert ownership.held(attempt) == (None, False, ())
    refused(forecast, "already holds a run")
    refused(trained, "holds a run of llm.train", overwrite=True)
    assert (run(forecast, overwrite=True) / "result.txt").exists()
    assert (run(attempt) / "result.txt").exists()


def test_the_same_config_goes_on_and_another_is_refused(tmp_path):
    folder = tmp_path / "run"

    def sample(config, overwrite=False, may_change=()):
        with reserved("llm.sample", folder, config, overwrite, goes_on="the same command") as place:
            place.begin_or_go_on(config, may_change)
            (folder / "parts").mkdir(exist_ok=True)
            (folder / "parts" / f"{config.k}.parquet").write_text("")

    sample(Config(1))
    began = json.loads((folder / "environment.json").read_text())
    sample(Config(1))
    assert ownership.visible(folder / "parts") == ["1.parquet"]
    assert json.loads((folder / "environment.json").read_text())["finished"] >= began["finished"]
    with pytest.raises(ValueError, match=r"was begun with another --k \(1, now 2\)"):
        sample(Config(2))
    sample(Config(2), may_change=("k",))
    assert ownership.visible(folder / "parts") == ["1.parquet", "2.parquet"]
    sample(Config(3), overwrite=True)
    assert ownership.visible(folder / "parts") == ["3.parquet"]


def test_going_on_never_makes_somebodys_file_ours(tmp_path):
    folder = run(tmp_path / "run", command="llm.sample")
    (folder / "notes.txt").write_text("mine")
    with reserved("llm.sample", folder, Config(), goes_on="the same command") as place:
        place.begin_or_go_on(Config())
    refused(folder, "notes.txt", command="llm.sample", overwrite=True)


def test_going_on_needs_a_run_of_the_same_command(tmp_path):
    folder = run(tmp_path / "run", command="llm.forecast")
    with (
        pytest.raises(ValueError, match=r"a run of llm\.forecast, nothing that llm.train could go on with"),
        reserved("llm.train", folder, Config(), goes_on="--resume") as place,
    ):
        place.go_on()


def test_a_second_command_in_the_folder_is_refused_before_anything_is_removed(tmp_path):
    folder = run(tmp_path / "run", Config(1))
    with reserved(COMMAND, folder, Config(2), overwrite=True):
        refused(folder, "is in use by another process", overwrite=True)
    with reserved(COMMAND, tmp_path / "new", Config()) as place:
        place.begin(Config())
        refused(tmp_path / "new", "is in use by another process")
    run(folder, Config(3), overwrite=True)


def test_two_commands_that_begin_one_new_folder_at_once(tmp_path):
    """The second finds what the first has made since it looked."""
    with reserved(COMMAND, tmp_path / "run", Config()) as late:
        run(tmp_path / "run", Config(1))
        with pytest.raises(ValueError, match="already holds a run"):
            late.begin(Config(2))
    assert (tmp_path / "run" / "result.txt").read_text() == "1"


def test_a_killed_command_leaves_no_lock(tmp_path):
    (tmp_path / "run").mkdir()
    code = (
        "import sys, time; from pathlib import Path; from harness.reservation import locked\n"
        "with locked(Path(sys.argv[1])): print('locked', flush=True); time.sleep(60)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "run")], stdout=subprocess.PIPE, env=environment
    )
    assert holder.stdout is not None and holder.stdout.readline() == b"locked\n"
    with pytest.raises(ValueError, match="is in use by another process"), locked(tmp_path / "run"):
        pass
    holder.kill()
    holder.communicate()
    with locked(tmp_path / "run"):
        pass


def test_a_lock_file_that_was_removed_since_it_was_opened_locks_nothing(tmp_path, monkeypatch):
    """Its holder ended between the two steps of another command: open the file, lock it."""
    import fcntl

    flock, opened = fcntl.flock, []

    def late(file, how):
        if not opened:
            (tmp_path / ".lock").unlink()
        opened.append(file.fileno())
        flock(file, how)

    monkeypatch.setattr("fcntl.flock", late)
    with locked(tmp_path):
        assert len(opened) == 2 and (tmp_path / ".lock").exists()
        with pytest.raises(ValueError, match="is in use by another process"), locked(tmp_path):
            pass
    assert not (tmp_path / ".lock").exists()


def test_a_file_system_without_locks_is_worked_in_with_a_warning(tmp_path, monkeypatch, capsys):
    def no_locks(file, how):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", no_locks)
    run(tmp_path / "run")
    assert "cannot be locked (Function not implemented)" in capsys.readouterr().err


def test_only_the_process_that_writes_locks_and_writes(tmp_path):
    with reserved("llm.train", tmp_path / "run", Config(), writes=True) as main:
        main.begin(Config(7))
        with reserved("llm.train", tmp_path / "run", Config(), writes=False) as other:
            assert other.begin(Config(8)) == other.go_on() == tmp_path / "run"
        assert json.loads((tmp_path / "run" / "config.json").read_text())["k"] == 7
        assert json.loads((tmp_path / "run" / "environment.json").read_text())["finished"] is None


def test_the_paths_in_a_config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("task", "base.parquet", "model"):
        Path(name).mkdir()
    config = {
        "regime": "task",  # a word, although a folder of that name is there
        "base": Path("base.parquet"),
        "model": "model",
        "runs": (Path("base.parquet"), Path("nowhere")),
        "output_dir": Path("task"),
        "trl": {"deepspeed": "./task", "long": "/" + "x" * 5000},
    }
    assert paths_in(config) == [Path("base.parquet"), Path("model"), Path("base.parquet"), Path("task")]
