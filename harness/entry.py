"""One name for all commands: `sharpening forecast ...` is `python -m llm.forecast ...`, loaded when it is asked for."""

import ast
import runpy
import sys
from pathlib import Path

from harness import startup

SIMULATIONS = [
    f"toysims.{name}"
    for name in "sharpening sweep heterogeneity instability length noise tokens trainers practice voting".split()
]
# By their short names; the simulations, and any command, by the name of their module as well.
COMMANDS = {
    "forecast": "llm.forecast",
    "evaluate": "llm.evaluate",
    "sample": "llm.sample",
    "score": "llm.score",
    "train": "llm.train",
    "compare": "llm.compare",
    "pretrain": "llm.pretrain",
    "lookalike": "llm.lookalike",
    "import-gguf": "llm.import_gguf",
    "atlas": "theory.atlas",
    "figures": "figures.all",
    "report": "figures.report",
    "published": "figures.published",
    **{name: name for name in SIMULATIONS},
}
ROOT = Path(__file__).resolve().parents[1]


def run(arguments: list[str]) -> None:
    """Run the command that the first argument names with the others. Exit code 2: there is none of that name."""
    startup.install()
    if not arguments or arguments[0] in ("-h", "--help"):
        print(overview())
        return
    name, *rest = arguments
    module = COMMANDS.get(name, name)
    if module not in COMMANDS.values():
        from harness.command import nearest

        near = nearest(name, COMMANDS)
        suggestion = f"; did you mean {near}?" if near else ""
        print(f"error: {name} is no command of sharpening{suggestion} (see sharpening --help)", file=sys.stderr)
        raise SystemExit(2)
    sys.argv = [name, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def overview() -> str:
    """Every command with a line of what it does: the first of its file's docstring, read without importing it."""
    width = max(map(len, COMMANDS)) + 2
    lines = [f"  {name:<{width}}{_purpose(module)}" for name, module in COMMANDS.items()]
    return "\n".join(["usage: sharpening COMMAND ...     (sharpening COMMAND --help: its options)", "", *lines])


def _purpose(module: str) -> str:
    docstring = (
        ast.get_docstring(ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))) or ""
    )
    return " ".join(docstring.partition("\n\n")[0].split()).partition(": ")[2].rstrip(".")
