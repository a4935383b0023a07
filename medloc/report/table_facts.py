"""What a table says of a row besides its numbers: settings as the paper prints them, thresholds within reach."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from medloc.experiments.catalog import Row
from medloc.report.table_list import Description
from medloc.report.tables import Line
from medloc.report.tau_path import path_text, schedule_of, tau_path

PATH_HEADINGS = ("τ path", "equal path")


def fact_headings(described: Description) -> tuple[str, ...]:
    """Return the heading of every fact of a table."""
    return (*described.settings.values(), *(PATH_HEADINGS if described.path else ()))


def with_facts(lines: Iterable[Line], rows: Sequence[Row], described: Description) -> tuple[Line, ...]:
    """Give every line its facts; a line that is no row has none to say."""
    printed = described.paper.settings if described.paper else {}
    paths = {row.name: tau_path(schedule_of(row)) for row in rows} if described.path else {}
    finished = []
    for line in lines:
        settings = printed.get(line.name, {})
        facts = [_text(settings.get(key)) for key in described.settings]
        facts += _path_facts(line.name, paths) if described.path else []
        finished.append(replace(line, facts=tuple(facts)))
    return tuple(finished)


def _path_facts(name: str, paths: dict[str, tuple[float, ...]]) -> list[str]:
    """Return the path of a row, and the rows of the table that have the same."""
    if name not in paths:
        return ["", ""]
    equal = [other for other, path in paths.items() if path == paths[name] and other != name]
    return [path_text(paths[name]), f"= {', '.join(equal)}" if equal else ""]


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "✓" if value else "✗"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
