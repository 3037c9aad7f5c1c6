"""The report: one verdict and one picture first, the responses themselves, whether runs arrived, all else folded."""

from collections.abc import Iterator, Sequence
from importlib import resources
from string import Template

from figures.gallery import drawings
from figures.page.arrived import arrived
from figures.page.details import numbers, of_model, simulation
from figures.page.lead import TITLE, Model, lead, model_of
from figures.page.markup import element, fold, picture
from figures.page.prompts import prompts
from figures.page.rerun import rerun
from figures.study.forecasts import forecast_of, read_forecast
from figures.study.runs import read_study
from harness.run_kind import Folder, read_json

OTHERS = ("llm.sample", "llm.evaluate", "benchmarks.samplers")


def page(folders: Sequence[Folder]) -> str:
    """The whole page: a part for each model, then samples, evaluations and simulations, then how to repeat it."""
    pictures: dict[str, list[str]] = {folder.name: [] for folder in folders}
    for drawing in drawings(folders):
        if drawing.name != "frontier":  # it stands at the top, alive
            pictures[drawing.folder].append(picture(drawing.figure(), drawing.caption, drawing.alt))
    by_name = {folder.name: folder for folder in folders}
    content: list[str] = []
    for place, model in enumerate(models(folders)):
        content += _model(model, "h1" if place == 0 else "h2", by_name, pictures)
    if not content:
        content.append(element("h1", TITLE))
    for folder in folders:
        if folder.kind in OTHERS:
            content.append(fold(f"Samples and evaluations: {folder.name}", *numbers(folder), *pictures[folder.name]))
        elif folder.kind.startswith("toysims"):
            title = f"The same on small policies, where theory is exact: {folder.name}"
            content.append(fold(title, *simulation(folder), *pictures[folder.name]))
    content.append(fold("How to run it again", *(rerun(folder) for folder in folders)))
    assets = {name: _asset(file) for name, file in (("style", "page.css"), ("script", "page.js"))}
    return Template(_asset("page.html")).substitute(assets, content="\n".join(content))


def models(folders: Sequence[Folder]) -> list[Model]:
    """Each study with the forecast of its model, then the forecasts that are of no study."""
    forecasts = [read_forecast(folder) for folder in folders if folder.kind == "llm.forecast"]
    studies = [read_study(folder) for folder in folders if folder.kind in ("llm.compare", "llm.train")]
    found = [model_of(study, forecast_of(study, forecasts)) for study in studies]
    used = [model.forecast.name for model in found if model.forecast]
    return found + [model_of(None, forecast) for forecast in forecasts if forecast.name not in used]


def _model(model: Model, level: str, folders: dict[str, Folder], pictures: dict[str, list[str]]) -> Iterator[str]:
    names = [own.name for own in (model.study, model.forecast) if own is not None]
    pieces = [lead(model, level, _meta(model, [folders[name] for name in names])), prompts(model), arrived(model)]
    pieces += of_model(model)
    drawn = [figure for name in names for figure in pictures[name]]
    if drawn:
        pieces.append(fold("All figures", *drawn))
    yield element("article", *pieces)


def _meta(model: Model, folders: Sequence[Folder]) -> str:
    """The model, what it was judged on, when, and with which commit."""
    facts, said = model.told.get("rollouts") or {}, [model.panel.title]
    if "prompts" in facts:
        each = f"{facts['rows'] / facts['prompts']:.0f} base samples to each of " if "rows" in facts else ""
        said.append(f"{each}{facts['prompts']} prompts")
    for folder in folders[:1]:
        file = folder.path / "environment.json"
        made = read_json(file) if file.exists() else {}
        said += [f"commit {str(made['commit'])[:7]}"] if made.get("commit") else []
        said += [str(made[key])[:10] for key in ("date", "time", "started") if made.get(key)][:1]
    return " · ".join(said)


def _asset(file: str) -> str:
    """A text that lies beside this module, in the tree as in a wheel."""
    return (resources.files("figures.page") / file).read_text(encoding="utf-8")
