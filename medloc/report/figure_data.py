"""The numbers behind a figure as CSV: every one that is drawn, and every seed's."""

import csv
import io
from collections.abc import Iterable, Iterator

from medloc.boxes import Box
from medloc.report.curves import Line, over_seeds
from medloc.report.figure_charts import Chart
from medloc.report.gallery import Gallery

CHART_HEADER = ("panel", "axis", "measure", "row", "seed", "x", "value", "low", "high", "n")
GALLERY_HEADER = ("dataset", "id", "why", "row", "iou", "x0", "y0", "x1", "y1", "text")


def chart_csv(chart: Chart) -> str:
    """Return a chart in long form; `seed` is "mean" in the lines of means, with their interval and N."""
    rows = []
    for panels in chart.rows:
        for column, panel in enumerate(panels):
            place = [chart.rows[0][column].title, chart.rows[-1][column].xlabel, panels[0].ylabel or panel.ylabel]
            rows += [[*place, line.name, *cells] for line in panel.lines for cells in _cells(line)]
    return _text(CHART_HEADER, rows)


def gallery_csv(gallery: Gallery) -> str:
    """Return what is shown: the true box and each answered one in pixels, empty fields where there is none."""
    rows = []
    for strip in gallery.strips:
        for one in strip.shown:
            start = [strip.dataset, one.id, one.why]
            rows.append([*start, "truth", "", *_corners(one.truth), ""])
            rows += [[*start, a.row, _number(a.iou), *_corners(a.box), a.text] for a in one.answers]
    return _text(GALLERY_HEADER, rows)


def _cells(line: Line) -> Iterator[list[str]]:
    for seed, values in line.seeds.items():
        yield from ([str(seed), _number(x), _number(value), "", "", ""] for x, value in values.items())
    if line.kind != "seeds":
        for point in over_seeds(line):
            yield ["mean", *map(_number, point[:4]), str(point.n)]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _corners(box: Box | None) -> list[str]:
    return [_number(value) for value in box.as_list()] if box else [""] * 4


def _text(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
