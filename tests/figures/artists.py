"""What stands on an axis, as numbers: a test hands a drawing a small table and compares these with it."""

import numpy as np


def points(line) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in np.column_stack(line.get_data())]


def is_mark(line) -> bool:
    return line.get_marker() not in ("None", "", None)


def curves(ax) -> list[list[tuple[float, float]]]:
    """The lines without marks, straight lines across the whole axis left out."""
    return [points(line) for line in ax.lines if not is_mark(line) and not _across(ax, line)]


def marks(ax) -> dict[str, list[tuple[float, float]]]:
    """label -> its marks; error bars among them. Those without a label of their own are under their colour."""
    found = {}
    labels = {id(box[0]): box.get_label() for box in ax.containers}
    caps = {id(cap) for box in ax.containers for cap in box[1]}
    for line in (line for line in ax.lines if is_mark(line) and id(line) not in caps):
        label = labels.get(id(line), line.get_label())
        found.setdefault(str(line.get_color()) if label.startswith("_") else label, []).extend(points(line))
    return found


def hollow(ax) -> list[tuple[float, float]]:
    """The marks that are white or empty inside."""
    from matplotlib.colors import to_rgba

    faces = {to_rgba("white"), to_rgba("none")}
    found = [line for line in ax.lines if is_mark(line) and to_rgba(line.get_markerfacecolor()) in faces]
    return [point for line in found for point in points(line)]


def faded(ax) -> list[tuple[float, float]]:
    """The marks that say that a number cannot be told."""
    found = [line for line in ax.lines if is_mark(line) and (line.get_alpha() or 1) < 0.5]
    return [point for line in found for point in points(line)]


def dashed(ax) -> list[list[tuple[float, float]]]:
    """The lines that say it: dashed and faded both; one that is only one of the two would be a mistake."""
    unsure = [line for line in ax.lines if not is_mark(line) and (line.get_alpha() or 1) < 0.5]
    assert all(line.get_linestyle() == "--" for line in unsure)
    return [points(line) for line in unsure]


def levels(ax) -> list[float]:
    """Where horizontal lines cross the whole axis."""
    across = [line for line in ax.lines if _across(ax, line) and not is_mark(line)]
    return [float(line.get_ydata()[0]) for line in across if len(set(line.get_ydata())) == 1]


def error_bars(ax, label: str, which: str = "y") -> list[tuple[float, float]]:
    """The two ends of each bar of the error bars with this label, upright ones or those across."""
    found = []
    for box in ax.containers:
        if box.get_label() == label:
            for bars in box[2]:
                segments = np.array(bars.get_segments())
                upright = np.allclose(segments[:, 0, 0], segments[:, 1, 0])
                if upright == (which == "y"):
                    found += [tuple(float(end) for end in segment[:, int(which == "y")]) for segment in segments]
    return found


def bands(ax) -> list[dict[float, tuple[float, float]]]:
    """Each filled band as x -> its lower and upper edge."""
    found = []
    for band in ax.collections:
        if hasattr(band, "get_hatch") and type(band).__name__.endswith("PolyCollection"):
            (path,) = band.get_paths()
            edge: dict[float, list[float]] = {}
            for x, y in path.vertices:
                edge.setdefault(float(x), []).append(float(y))
            found.append({x: (min(ys), max(ys)) for x, ys in edge.items()})
    return found


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


def _across(ax, line) -> bool:
    return line.get_transform() != ax.transData
