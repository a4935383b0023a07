"""Tables as CSV in long form, to compute with: every number of every line, with more digits than are printed."""

import csv
import io
from collections.abc import Iterator, Sequence

from medloc.report.paper import PaperCell
from medloc.report.table_differences import Comparison
from medloc.report.tables import Entry, Line, Place, Table

HEADER = (
    *("table", "part", "group", "setting", "row", "kind", "dataset", "metric"),
    *("mean", "sd", "n", "mark", "paper_mean", "paper_sd", "paper_mark"),
    *("stars", "paper_stars", "t_low", "t_high", "p", "p_holm", "p_sign_flip"),
    *("image_difference", "image_low", "image_high", "images", "image_groups"),
)


def csv_text(tables: Sequence[Table]) -> str:
    """Return every number of the tables; `group` is the place of the setting among those of the tables.

    Percent, differences in percentage points, Table 5 in images; an empty field is a missing number.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, HEADER, restval="", lineterminator="\n")
    writer.writeheader()
    settings = list(dict.fromkeys(table.heading for table in tables))
    for table in tables:
        start = {"table": table.name, "part": table.title, "group": settings.index(table.heading) + 1}
        for line in table.lines:
            for found in _rows(table, line):
                writer.writerow({**start, "setting": table.heading, **found})
    return text.getvalue()


def _rows(table: Table, line: Line) -> Iterator[dict[str, str]]:
    compared = {Place(one.dataset, one.metric): one for one in table.comparisons if one.name == line.name}
    for place, entry in line.entries.items():
        row = {"row": line.name, "kind": line.kind, **place._asdict(), **_entry(entry)}
        yield row | (_comparison(compared[place]) if line.kind == "difference" else {})


def _entry(entry: Entry) -> dict[str, str]:
    ours = entry.ours
    return {
        "mean": _number(ours.mean),
        "sd": _number(ours.sd),
        "n": str(ours.n if ours.mean is not None else 0),
        "mark": entry.mark,
        "paper_mean": _number(entry.paper_mean),
        "paper_sd": _number(entry.paper.sd if isinstance(entry.paper, PaperCell) else None),
        "paper_mark": entry.paper_mark,
    }


def _comparison(one: Comparison) -> dict[str, str]:
    images, interval = one.over_images, one.interval
    bootstrap = images.interval if images else None
    return {
        "stars": one.delta.stars,
        "paper_stars": one.paper.stars if one.paper else "",
        "t_low": _number(interval.low if interval else None),
        "t_high": _number(interval.high if interval else None),
        "p": _p(one.p),
        "p_holm": _p(one.holm_p),
        "p_sign_flip": _p(one.flip_p),
        "image_difference": _number(images.difference if images else None),
        "image_low": _number(bootstrap.low if bootstrap else None),
        "image_high": _number(bootstrap.high if bootstrap else None),
        "images": str(images.images) if images else "",
        "image_groups": str(images.groups) if images else "",
    }


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.4f}"


def _p(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
