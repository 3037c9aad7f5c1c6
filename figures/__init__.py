"""Figures and one page from run folders, and the numbers behind them.

python -m figures.all and python -m figures.report are the commands. From Python, every figure that some folders allow:

    from figures import drawings, folders
    for drawing in drawings(folders([Path("runs/compare"), Path("runs/forecast")])):
        drawing.figure().savefig(f"{drawing.name}.png")

and what the runs of a study say: `cells` holds forecast against run, `answers` and `verdict` say it in sentences.

>>> import pandas as pd
>>> from figures import cells
>>> run = {"arm": "tempered-2", "quantity": "accuracy", "base": 0.7, "forecast": 0.6, "low": 0.5, "high": 0.65}
>>> run |= {"reliable": True, "run_se": 0.01}
>>> table = cells(pd.DataFrame([run | {"seed": 0, "run": 0.62}, run | {"seed": 1, "run": 0.60}]))
>>> round(float(table["run"].iloc[0]), 2), bool(table["inside"].iloc[0])
(0.61, True)

figures.study reads run folders and computes; figures.llm, figures.toysims and figures.plane only draw; figures.page
writes the page. Nothing is loaded before it is named, matplotlib least of all.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from figures.all import draw_all
    from figures.gallery import Drawing, drawings
    from figures.study.answers import Answer, answers
    from figures.study.forecasts import forecast_of, read_forecast
    from figures.study.runs import Study, TrainedRun, read_study
    from figures.study.verdict import cells, verdict
    from harness.run_kind import folders

_MODULE = {
    "draw_all": "figures.all",
    "Drawing": "figures.gallery",
    "drawings": "figures.gallery",
    "Answer": "figures.study.answers",
    "answers": "figures.study.answers",
    "forecast_of": "figures.study.forecasts",
    "read_forecast": "figures.study.forecasts",
    "Study": "figures.study.runs",
    "TrainedRun": "figures.study.runs",
    "read_study": "figures.study.runs",
    "cells": "figures.study.verdict",
    "verdict": "figures.study.verdict",
    "folders": "harness.run_kind",
}

__all__ = [
    "Answer",
    "Drawing",
    "Study",
    "TrainedRun",
    "answers",
    "cells",
    "draw_all",
    "drawings",
    "folders",
    "forecast_of",
    "read_forecast",
    "read_study",
    "verdict",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE:
        raise AttributeError(f"figures has no {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(_MODULE[name]), name)


def __dir__() -> list[str]:
    return sorted(_MODULE)
