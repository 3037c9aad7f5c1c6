"""Sharpening with and without its pull on length: accuracy against length where the runs ended.    [T17, T18, T20]"""

from collections.abc import Mapping

from figures.direct_labels import Label, beside
from figures.llm.arms import Look, spoken
from figures.study.frontier import run_ends
from figures.study.runs import LENGTH_CONTROLLED
from figures.style import PAGE, QUIET, figure

BESIDE = ("tempered", "sharpening", "task", "tilted")  # what the length-controlled arms are compared with


def finding(results, families: Mapping[str, str]) -> str:
    """How many arms that leave length alone end above the base model, and how many plain ones do."""
    base = results.loc[results["quantity"] == "accuracy", "base"].iloc[0]
    above, number = {}, {}
    for kind, named in (("without", (LENGTH_CONTROLLED,)), ("with", ("tempered", "sharpening"))):
        own = [end for end in run_ends(results, "length") if families[end.arm] in named]
        above[kind], number[kind] = sum(end.accuracy > base for end in own), len(own)
    return (
        f"{above['without']} of {number['without']} arms without the pull on length end above the base model, "
        f"{above['with']} of {number['with']} with it"
    )


def length_control_figure(results, families: Mapping[str, str], looks: Mapping[str, Look]):
    """The length-controlled arms, plain sharpening, the base model and the reward arms."""
    shown = [arm for arm, family in families.items() if family in (LENGTH_CONTROLLED, *BESIDE)]
    results = results[results["arm"].isin(shown)]
    with figure(PAGE, 3.6, finding(results, families)) as (canvas, ax):
        base, length = (results.loc[results["quantity"] == name, "base"].iloc[0] for name in ("accuracy", "length"))
        labels = [Label(length, base, "base model", QUIET)]
        for end in run_ends(results, "length"):
            look = looks[end.arm]
            bars = {"xerr": 2 * end.kl_error, "yerr": 2 * end.error, "elinewidth": 0.8}
            ax.errorbar(
                end.kl,
                end.accuracy,
                ls="",
                marker=look.marker,
                color=look.colour,
                label=spoken(end.arm),
                zorder=4,
                **bars,
            )
            labels.append(Label(end.kl, end.accuracy, spoken(end.arm), look.colour))
        ax.plot(length, base, "o", color="black", ms=6, label="base model", zorder=3)
        ax.axhline(base, color="0.6", lw=0.8, ls=":", zorder=0)
        ax.margins(0.12)
        ax.set(xlabel="length / tokens", ylabel="accuracy, ± 2 errors")
        beside(ax, labels)
    return canvas
