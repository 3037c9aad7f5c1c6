"""python proofs/check.py [FOLDER]: compile the proofs with Coq and print what each theorem rests on.

The sources are copied to FOLDER (build/proofs), so that no compiled file lies beside them. Every `Theorem` is asked for
its axioms; the yardstick is what Coq's own `ln` rests on. Ends with 1 if a file does not compile, leaves a proof
unfinished, or uses any other axiom. Needs Coq 8.16 and coquelicot: `make proofs` installs Debian's.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).parent
LIBRARY = ["-w", "none", "-Q", ".", "Sharpening"]
SECONDS_PER_FILE = 300
YARDSTICK = "ln"  # the real logarithm of Coq's standard library


def theorems() -> dict[str, str]:
    """Name of every theorem -> the file that it stands in, by the number of the statement."""
    found = {
        name: file.stem
        for file in sorted(SOURCES.glob("*.v"))
        for name in re.findall(r"^Theorem (T\d+_\w+)", file.read_text(), re.MULTILINE)
    }
    return dict(sorted(found.items(), key=lambda item: int(item[0].split("_")[0][1:])))


def _run(command: list[str], folder: Path) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS_PER_FILE)
    except subprocess.TimeoutExpired:
        raise SystemExit(f"{' '.join(command)}: stopped after {SECONDS_PER_FILE} s, it should take a few") from None
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")
    return done.stdout


def has_coquelicot() -> bool:
    if not shutil.which("coqc"):
        return False
    where = subprocess.run(["coqc", "-where"], capture_output=True, text=True, check=True).stdout.strip()
    return (Path(where) / "user-contrib" / "Coquelicot").is_dir()


def compile_into(folder: Path) -> None:
    """Compile every source, each after those that it needs."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in SOURCES.glob("*.v"):
        shutil.copy(file, folder)
    names = [file.name for file in sorted(SOURCES.glob("*.v"))]
    for file in _run(["coqdep", "-sort", "-Q", ".", "Sharpening", *names], folder).split():
        _run(["coqc", *LIBRARY, file], folder)


def axioms(folder: Path) -> dict[str, set[str]]:
    """Name of every theorem, and of the yardstick -> the axioms under it. An unfinished proof counts as an axiom."""
    names = [YARDSTICK, *theorems()]
    files = " ".join(sorted(set(theorems().values())))
    lines = ["From Coq Require Import Reals.", f"From Sharpening Require Import {files}."]
    lines += [f"Print Assumptions {name}." for name in names]
    (folder / "Assumptions.v").write_text("\n".join(lines) + "\n")
    answers = re.split(r"^(?:Axioms:|Closed under.*)$", _run(["coqc", *LIBRARY, "Assumptions.v"], folder), flags=re.M)
    # Each axiom begins a line; what follows of its type is set in.
    found = [{line.split()[0] for line in answer.splitlines() if line[:1].strip()} for answer in answers[1:]]
    return dict(zip(names, found, strict=True))


def main() -> None:
    if not has_coquelicot():
        raise SystemExit("Coq 8.16 with coquelicot is not installed: `make proofs` installs Debian's packages, as root")
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "build/proofs")
    compile_into(folder)
    found = axioms(folder)
    allowed = found.pop(YARDSTICK)
    width = max(map(len, found))
    for name, under in found.items():
        other = sorted(under - allowed)
        print(f"{name:{width}}  {', '.join(other) if other else 'no axiom beyond those of the reals'}")
    print(
        f"{len(found)} theorems. Axioms of the reals, as Coq's own `{YARDSTICK}` has them: {', '.join(sorted(allowed))}"
    )
    if any(under - allowed for under in found.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
