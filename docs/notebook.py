"""The notebooks of docs/, without Jupyter: run cell by cell, with what each cell says kept beside it; and as Markdown.

python docs/notebook.py docs/quickstart.ipynb    # run it here, and write its outputs into it
"""

import ast
import base64
import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any

Notebook = dict[str, Any]


def run(notebook: Notebook) -> Notebook:
    """The same with fresh outputs. An exception ends it, as it would end a reader."""
    names: dict[str, Any] = {}
    cells = [{**cell, "outputs": outputs(cell["source"], names)} if is_code(cell) else cell for cell in read(notebook)]
    return {**notebook, "cells": cells}


def read(notebook: Notebook) -> list[dict[str, Any]]:
    """Its cells, each source as one text (the format allows a list of lines)."""
    return [{**cell, "source": "".join(cell["source"])} for cell in notebook["cells"]]


def is_code(cell: dict[str, Any]) -> bool:
    return cell["cell_type"] == "code"


def outputs(source: str, names: dict[str, Any]) -> list[dict[str, Any]]:
    """What a cell prints, and the value or the figure that its last line is."""
    body = ast.parse(source).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(ast.Module(body, []), "<cell>", "exec"), names)
        value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names) if last else None
    text = printed.getvalue()
    found = [{"name": "stdout", "output_type": "stream", "text": text}] if text else []
    if value is not None:
        found.append({"data": shown(value), "execution_count": None, "metadata": {}, "output_type": "execute_result"})
    return found


def shown(value: Any) -> dict[str, str]:
    """A value as Jupyter keeps it: its text, and of a figure the picture."""
    if not hasattr(value, "savefig"):
        return {"text/plain": repr(value)}
    with io.BytesIO() as picture:
        value.savefig(picture, format="png", dpi=110)
        return {"text/plain": "figure", "image/png": base64.b64encode(picture.getvalue()).decode()}


def markdown(notebook: Notebook) -> str:
    """As a page of the site."""
    parts = []
    for cell in read(notebook):
        if not is_code(cell):
            parts.append(cell["source"])
            continue
        parts.append(f"```python\n{cell['source']}\n```")
        alt = "figure"  # what a cell prints beside its figure is what the figure shows
        for output in cell["outputs"]:
            if "text" in output:
                printed = "".join(output["text"]).rstrip()
                alt = " ".join(printed.split())
                parts.append(f"```text\n{printed}\n```")
            elif "image/png" in output["data"]:
                parts.append(f"![{alt}](data:image/png;base64,{output['data']['image/png']})")
            else:
                parts.append(f"```text\n{output['data']['text/plain']}\n```")
    return "\n\n".join(parts) + "\n"


def write(path: Path) -> None:
    notebook = json.dumps(run(json.loads(path.read_text())), indent=1, ensure_ascii=False)
    path.write_text(notebook + "\n")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        write(Path(name))
