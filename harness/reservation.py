"""The one door to a run folder: checked, locked, and replaced only when the new run is ready to write.

    with reserved("llm.forecast", config.output_dir, config, config.overwrite) as place:
        ...                            # read and check; nothing is written, but no other command gets the folder
        folder = place.begin(config)   # from here on the folder is this run's
        ...                            # write

A run that ends in the ordinary way is marked as finished. One that was refused or cut off is not: the next command
goes on with it or replaces it. What is no run of ours, is an input, or holds one, is never replaced.
"""

import contextlib
import dataclasses
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness import ownership, run_folder, startup
from harness.environment import environment

NAME_PATHS = ("model", "dataset", "eval_dataset")  # texts that may be the name of a file or folder
WRITTEN_TO = ("output_dir", "logging_dir")


@contextlib.contextmanager
def reserved(
    command: str,
    output_dir: Path,
    config: Any,
    overwrite: bool = False,
    *,
    goes_on: str | None = None,
    writes: bool = True,
) -> Iterator["Place"]:
    """The folder for `command`, to begin or to go on with. ValueError: not ours to write, or in use.

    config: what the command was asked; the files and folders that it names are inputs, and are kept.
    goes_on: how a run that was cut off is gone on with ("the same command"); None where it begins again.
    writes: False in all processes of a run but one.
    """
    with contextlib.ExitStack() as stack:
        place = Place(command, Path(output_dir), paths_in(config), overwrite, goes_on, writes, stack)
        if writes:
            place.look()
        yield place
        place.finish()


@dataclasses.dataclass
class Place:
    """A run folder that one command holds."""

    command: str
    path: Path
    inputs: Sequence[Path]
    overwrite: bool
    goes_on: str | None
    writes: bool
    until: contextlib.ExitStack
    """when it closes, the folder is free again"""
    _locked: bool = False
    _begun: bool = False
    _finished: bool = False
    _strangers: tuple[str, ...] = ()

    def look(self) -> ownership.Held | None:
        """What the folder holds, None for nothing; from here on no other command gets it. ValueError: not for us."""
        held = ownership.held(self.path)
        if held is None:
            check_can_be_made(self.path)
        else:
            self._lock()
            held = ownership.held(self.path)  # what another command may just have left
        if held is not None and (self.overwrite or self.goes_on is None):
            self.check_replaceable(held)
        return held

    def check(self) -> None:
        """ValueError: what begin() would refuse."""
        held = ownership.held(self.path) if self.writes else None
        if held is not None:
            self.check_replaceable(held)

    def _lock(self) -> None:
        if not self._locked:
            self.until.enter_context(locked(self.path))
            self._locked = True

    def begin(self, config: Any, config_file: str = "config.json") -> Path:
        """A new run: an old one is replaced if --overwrite says so, or if it ended before it had anything to keep."""
        if not self.writes:
            return self.path
        startup.work_begins(self.what_is_kept)
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock()
        self.check()
        self._move_aside()
        self._mark({"command": self.command, "finished": None, "files": None} | environment())
        run_folder.write_json(self.path / config_file, config)
        self._remove_what_was_moved()
        self._begun = True
        return self.path

    def go_on(self, config: Any = None) -> Path:
        """Go on with the run of this command that the folder holds, with config in place of its config."""
        if not self.writes:
            return self.path
        startup.work_begins(self.what_is_kept)
        self._lock()
        held = ownership.held(self.path)
        if held is None or held.command not in (None, self.command):
            whose = f"a run of {held.command}" if held else "no run"
            raise ValueError(f"--output-dir {self.path} holds {whose}, nothing that {self.command} could go on with")
        self._strangers = held.strangers
        mark = ownership.read_mark(self.path) or environment()
        self._mark({"command": self.command} | mark | {"finished": None, "files": None})
        if config is not None:
            run_folder.write_json(self.path / "config.json", config)
        self._begun = True
        return self.path

    def note(self, facts: Mapping[str, Any]) -> None:
        """Keep further facts of the run that has begun beside what environment.json says of it."""
        if self.writes:
            self._mark({**(ownership.read_mark(self.path) or {}), **facts})

    def begin_or_go_on(self, config: Any, may_change: Sequence[str] = ()) -> Path:
        """begin(), but a run of this command with the same config is gone on with, finished or not.

        may_change names the settings that may differ from what the folder was begun with; the folder's name always may.
        """
        held = None if self.overwrite else self.look()
        if held is None or held.command not in (None, self.command):
            return self.begin(config)
        wanted = run_folder.plain(config)
        found = read_config(self.path)
        free = {"overwrite", "output_dir", *may_change}
        changed = [name for name, value in wanted.items() if name not in free and found.get(name) != value]
        if not changed:
            return self.go_on(wanted)
        if not held.finished and not ownership.has_work(self.path):
            return self.begin(config)
        first, *more = (f"--{name.replace('_', '-')}" for name in changed)
        values = f"({found.get(changed[0])}, now {wanted[changed[0]]})"
        raise ValueError(
            f"--output-dir {self.path} was begun with another {', '.join([f'{first} {values}', *more])}; name another "
            "folder, or pass --overwrite to replace it"
        )

    def finish(self) -> None:
        """Mark the run as finished, with the names of its files."""
        if not self._begun:
            return
        files = [name for name in ownership.visible(self.path) if name not in self._strangers]
        mark = ownership.read_mark(self.path) or {"command": self.command} | environment()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._mark(mark | {"finished": now, "files": files})
        self._finished = True

    def what_is_kept(self) -> str:
        """What somebody who stopped the command wants to know."""
        if not self._begun:
            return "nothing was written"
        if self._finished:
            return f"the run in {self.path} is finished"
        if self.goes_on and ownership.has_work(self.path):
            return f"what was finished is kept in {self.path}; {self.goes_on} goes on from there"
        return f"what was finished is in {self.path}; {self.goes_on or 'the same command'} begins it again"

    def check_replaceable(self, held: ownership.Held) -> None:
        """ValueError unless --overwrite may remove what the folder holds, or it is an attempt that got nowhere."""
        foreign = held.command not in (None, self.command)
        if self.overwrite and foreign:
            raise ValueError(
                f"--overwrite: {self.path} holds a run of {held.command}, and {self.command} replaces only its own; "
                "name another folder"
            )
        if not self.overwrite and held.finished:
            raise ValueError(
                f"--output-dir {self.path} already holds a run; name another folder, or pass --overwrite to replace it"
            )
        if not self.overwrite and ownership.has_work(self.path):
            whose = f" of {held.command}" if foreign else ""
            how = f"{self.goes_on} goes on with it, --overwrite replaces it" if self.goes_on and not foreign else ""
            raise ValueError(f"--output-dir {self.path} holds an unfinished run{whose}; {how or 'name another folder'}")
        self._check_nothing_else_goes(held)

    def _check_nothing_else_goes(self, held: ownership.Held) -> None:
        if held.strangers:
            shown = ", ".join(held.strangers[:3]) + (", ..." if len(held.strangers) > 3 else "")
            raise ValueError(
                f"--output-dir {self.path} holds a run and other files as well ({shown}); move them away, or name "
                "another folder"
            )
        here = self.path.resolve()
        kept = [("the working directory", Path.cwd()), ("your home", Path.home())]
        for name, path in [*kept, *(("an input of this command", path) for path in self.inputs)]:
            if path.resolve().is_relative_to(here):
                raise ValueError(
                    f"--output-dir {self.path} would be replaced, and {name} ({path}) is in it; name another folder"
                )

    def _move_aside(self) -> None:
        """The old run out of the way. The lock stays; the mark goes last, so that a kill leaves a run of ours."""
        old = [name for name in ownership.visible(self.path) if name != ownership.MARK]
        old += [ownership.MARK] if (self.path / ownership.MARK).exists() else []
        self._remove_what_was_moved()
        if old:
            aside = self.path / ".replaced"
            aside.mkdir()
            for name in old:
                os.replace(self.path / name, aside / name)

    def _remove_what_was_moved(self) -> None:
        if (self.path / ".replaced").exists():
            shutil.rmtree(self.path / ".replaced")

    def _mark(self, content: Mapping[str, Any]) -> None:
        run_folder.write_json(self.path / ownership.MARK, content)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """While inside, no other command that asks for the lock works in the folder; a killed one frees it."""
    try:
        import fcntl
    except ImportError:  # Windows: two commands in one folder are the user's to avoid
        yield
        return
    lock = folder / ".lock"
    while True:
        with lock.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ValueError(
                    f"--output-dir {folder} is in use by another process; wait for it, or name another folder"
                ) from None
            except OSError as error:  # a network file system without locks
                about = f"{folder} cannot be locked ({error.strerror}); run one command in it only"
                print(f"warning: {about}", file=sys.stderr)
            if not _is_open_at(file.fileno(), lock):
                continue  # its last holder has removed this file since it was opened here
            try:
                yield
            finally:
                lock.unlink(missing_ok=True)
            return


def _is_open_at(number: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(number), path.stat())
    except FileNotFoundError:
        return False


def check_can_be_made(folder: Path) -> None:
    """ValueError unless a folder of this name could be made, or is there and can be written."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        raise ValueError(f"--output-dir {folder} cannot be made: {there} is a file")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ValueError(f"--output-dir {folder} cannot be written: {there} is not open to you")


def fresh(name: str) -> Path:
    """A folder under runs/ that no earlier run has."""
    return Path("runs") / f"{name}-{datetime.now():%Y%m%d-%H%M%S-%f}"


def read_config(folder: Path) -> dict[str, Any]:
    """The settings that the run in a folder was begun with."""
    try:
        content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:  # no JSON, or no text at all
        raise ValueError(
            f"--output-dir {folder}: its config.json cannot be read ({error}); name another folder"
        ) from None
    return content if isinstance(content, dict) else {}


def paths_in(config: Any) -> list[Path]:
    """The files and folders that a config names; where it writes is left out."""
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        config = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    found = []
    for name, value in config.items():
        if isinstance(value, Mapping):
            found += paths_in(value)
        for item in value if isinstance(value, list | tuple) else (value,):
            named = isinstance(item, Path) or (isinstance(item, str) and (name in NAME_PATHS or os.sep in item))
            if named and name not in WRITTEN_TO and _exists(Path(item)):
                found.append(Path(item))
    return found


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a text that is too long for a name
        return False
