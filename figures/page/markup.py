"""Pieces of HTML from plain values. Everything that came from a file is escaped here, and nowhere else."""

import base64
import html
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

DPI = 160  # of an inlined figure: sharp on a phone, and thirty of them stay below 5 MB


def text(value: Any) -> str:
    return html.escape(str(value), quote=True)


def element(tag: str, *content: str, **attributes: str) -> str:
    """<tag attribute="...">content</tag>; content is markup already, attributes are not."""
    given = "".join(f' {name.rstrip("_").replace("_", "-")}="{text(value)}"' for name, value in attributes.items())
    return f"<{tag}{given}>{''.join(content)}</{tag}>"


def bullets(sentences: Iterable[str]) -> str:
    return element("ul", *(element("li", text(sentence)) for sentence in sentences))


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """In a box of its own that scrolls sideways, so that a phone need not."""
    head = element("tr", *(element("th", text(name), scope="col") for name in columns))
    body = (element("tr", *(element("td", text(cell)) for cell in row)) for row in rows)
    return element("div", element("table", element("thead", head), element("tbody", *body)), class_="scroll")


def picture(canvas, caption: str) -> str:
    """A matplotlib figure inside the page."""
    with io.BytesIO() as buffer:
        canvas.savefig(buffer, format="png", dpi=DPI)
        data = base64.b64encode(buffer.getvalue()).decode()
    width = round(canvas.get_figwidth() * 96)
    image = f'<img alt="{text(caption)}" width="{width}" src="data:image/png;base64,{data}">'
    return element("figure", image, element("figcaption", text(caption)))


def script_data(value: Any, **attributes: str) -> str:
    """JSON that a script reads. No < is left in it: text from a file cannot end the element."""
    content = json.dumps(value, allow_nan=False).replace("<", "\\u003c")
    return element("script", content, type="application/json", **attributes)
