"""Pieces of HTML from plain values. Everything that came from a file is escaped here, and nowhere else."""

import base64
import html
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

DPI = 110  # of an inlined figure: sharp enough on a phone
SHADES = 64  # of its palette: the page stays below 2 MB with fifteen figures
WIDE = 10  # columns: such a table becomes a list of blocks below the width of a tablet, others on a phone
LONG = 40  # characters: a column with such a cell is read as text, from its left edge


def text(value: Any) -> str:
    return html.escape(str(value), quote=True)


def element(tag: str, *content: str, **attributes: str) -> str:
    """<tag attribute="...">content</tag>; content is markup already, attributes are not."""
    given = "".join(f' {name.rstrip("_").replace("_", "-")}="{text(value)}"' for name, value in attributes.items())
    return f"<{tag}{given}>{''.join(content)}</{tag}>"


def bullets(sentences: Iterable[str]) -> str:
    return element("ul", *(element("li", text(sentence)) for sentence in sentences))


class Share(float):
    """A cell of a table that is drawn as a bar behind its number of percent."""


def _cell(cell: Any, is_text: bool) -> str:
    if isinstance(cell, Share):
        return element("td", f"{100 * cell:.0f} %", class_="share", style=f"--share:{100 * cell:.0f}%")
    return element("td", text(cell), **_look(is_text))


def _look(is_text: bool) -> dict[str, str]:
    return {"class_": "text"} if is_text else {}


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Where it has no room each row becomes a block of names and values, so that nothing is cut off.

    page.js gives each cell its name then: written here, the names of all cells would be half of the page.
    """
    every = [list(row) for row in rows]
    texts = {place for row in every for place, cell in enumerate(row) if len(str(cell)) > LONG}
    names = enumerate(columns)
    head = element("tr", *(element("th", text(name), scope="col", **_look(place in texts)) for place, name in names))
    body = (element("tr", *(_cell(cell, place in texts) for place, cell in enumerate(row))) for row in every)
    kind = "wide" if len(columns) >= WIDE else "narrow"
    return element("table", element("thead", head), element("tbody", *body), class_=kind)


def fold(title: str, *content: str) -> str:
    """Closed at first; page.js opens it for print."""
    return element("details", element("summary", text(title)), *content, class_="fold")


def picture(canvas, caption: str, alt: str) -> str:
    """A matplotlib figure inside the page, with few enough shades to be small."""
    from PIL import Image

    with io.BytesIO() as buffer, io.BytesIO() as small:
        canvas.savefig(buffer, format="png", dpi=DPI)
        flat = Image.open(buffer).convert("RGB")
        flat.quantize(SHADES, dither=Image.Dither.NONE).save(small, format="png", optimize=True)
        data = base64.b64encode(small.getvalue()).decode()
    width = round(canvas.get_figwidth() * 96)
    image = f'<img alt="{text(alt)}" width="{width}" loading="lazy" src="data:image/png;base64,{data}">'
    return element("figure", image, element("figcaption", text(caption)))


def script_data(value: Any, **attributes: str) -> str:
    """JSON that a script reads. No < is left in it: text from a file cannot end the element."""
    content = json.dumps(value, allow_nan=False).replace("<", "\\u003c")
    return element("script", content, type="application/json", **attributes)
