"""What the site has beside the files of docs/: README, notebooks, the reference, raised and lowered signs."""

import json
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).parent))
from notebook import markdown  # it lies beside this hook

ROOT = Path(__file__).parents[1]
ROOMS = {
    "theory": ("theory",),
    "theory.estimation": ("theory/estimation",),
    "From Python": ("llm/rollout_table.py", "llm/training/trainer.py", "llm/rewards/reward.py"),
}
FRONT = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
DOCUMENTS = {
    "Use it": ("quickstart", "forecast", "prompts", "rewards", "files", "grading", "samplers", "launch"),
    "What was found": ("real", "study", "log"),
    "Why it is so": ("theorems", "derivations", "architecture"),
}
TAGS = re.compile(r"(<[^>]*>)")
BRACES = r"\{((?:[^{}]|\{[^{}]*\})*)\}"
RAISED = re.compile(rf"\^(?:{BRACES}|(-?[\wαβτ*∘]+))")
WITHIN = r"\w\u0302\u0304∇∂"  # a hat or a bar over a letter is a sign of its own
LOWERED = re.compile(
    rf"(?<![{WITHIN}])([{WITHIN}]*[^\W\d_]|[{WITHIN}]*[\u0302\u0304∇∂])_(?:{BRACES}|([A-Za-z0-9α-ω]{{1,2}})(?![A-Za-z0-9_]))"
)
NAME = re.compile(r"(?!(?:argmax|max|min|sup)_)[a-z]\w+_[a-z0-9]+")  # log_p, pass_at_k: of the code, not of the maths


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """The order of the pages; documents that are not there are left out."""
    there = {path.stem for form in ("*.md", "*.ipynb") for path in (ROOT / "docs").glob(form)}
    groups = [{name: [f"{page}.md" for page in pages if page in there]} for name, pages in DOCUMENTS.items()]
    reference = [{room: [_address(module) for module in modules(room)]} for room in ROOMS]
    config.nav = [{"Start": "index.md"}, *groups, {"Reference": reference}, *list(FRONT.values())[1:]]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for source, page in FRONT.items():
        files.append(File.generated(config, page, content=_links((ROOT / source).read_text())))
    for notebook in sorted((ROOT / "docs").glob("*.ipynb")):
        content = markdown(json.loads(notebook.read_text()))
        files.append(File.generated(config, f"{notebook.stem}.md", content=content))
    for module in (module for room in ROOMS for module in modules(room)):
        files.append(File.generated(config, _address(module), content=f"---\ntitle: {module}\n---\n::: {module}\n"))
    return files


def modules(room: str) -> list[str]:
    """Dotted names of the modules of a room of the reference, a package before what is in it."""
    paths = [
        found
        for place in ROOMS[room]
        for found in ([ROOT / place] if place.endswith(".py") else (ROOT / place).glob("*.py"))
    ]
    paths.sort(key=lambda path: (path.stem != "__init__", path.stem))
    return [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths]


def _address(module: str) -> str:
    return f"reference/{module}.md"


def _links(text: str) -> str:
    """README's links as they are from within docs/; what is no page there is named without a link."""
    text = re.sub(r"\]\(docs/", "](", text)
    for source, page in FRONT.items():
        text = text.replace(f"]({source})", f"]({page})")
    return text


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links of the documents to files outside docs/ become plain names."""
    return re.sub(r"\[([^\]]+)\]\(\.\./[^)]*\)", r"\1", markdown)


def on_page_content(html: str, **_: Any) -> str:
    """p^α and q_{α,b} outside code with what is raised and lowered in its place."""
    inside, parts = 0, TAGS.split(html)
    for place, part in enumerate(parts):
        if part.startswith("<"):
            inside += len(re.findall(r"^<(?:code|pre|script|style)\b", part)) - len(
                re.findall(r"^</(?:code|pre|script|style)>", part)
            )
        elif not inside:
            parts[place] = _set(part)
    return "".join(parts)


def _set(text: str) -> str:
    """Each sign in its place, and those within it in theirs."""
    lowered = LOWERED.sub(_lowered, text)
    return RAISED.sub(lambda found: f"<sup>{_set(found[1] or found[2])}</sup>", lowered)


def _lowered(found: re.Match[str]) -> str:
    return found[0] if NAME.fullmatch(found[0]) else f"{found[1]}<sub>{_set(found[2] or found[3])}</sub>"
