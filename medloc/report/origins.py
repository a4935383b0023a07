"""Where the numbers of a page come from, as a reader asks for it: code, machines, data, time."""

from collections.abc import Iterable, Sequence
from typing import Any

from medloc.runs import Record

UNKNOWN = "not known"


def origins(records: Sequence[Record]) -> list[tuple[str, str]]:
    """Return name and content of each line about complete records; values that differ stand side by side."""
    if not records:
        return []
    sources = [record.provenance for record in records]
    prints = (f"{r.identity['dataset']} {r.fingerprints['data']} ({r.identity['origin']})" for r in records)
    models = (f"{r.identity['model']} {r.fingerprints['model']}" for r in records)
    lines = {
        "Complete runs": str(len(records)),
        "Code": _distinct(map(_commit, sources)),
        "Numerics": _distinct(str(record.numerics) for record in records),
        "Packages": _distinct(line for source in sources for line in _packages(source)),
        "Python": _distinct(str(source.get("python") or UNKNOWN) for source in sources),
        "Machines": _distinct(map(_machine, sources)),
        "Data sets and their fingerprints": _distinct(prints),
        "Base models and their fingerprints": _distinct(models),
        "Computing time": _hours(records),
        "Made": _days(records),
    }
    return list(lines.items())


def _distinct(values: Iterable[str]) -> str:
    return ", ".join(sorted(set(values))) or UNKNOWN


def _commit(source: dict[str, Any]) -> str:
    if not source.get("commit"):
        return "commit unknown"
    return f"commit {source['commit'][:7]}{' with changes' if source.get('dirty') else ''}"


def _packages(source: dict[str, Any]) -> list[str]:
    return [f"{name} {version}" for name, version in source.get("packages", {}).items() if version]


def _machine(source: dict[str, Any]) -> str:
    words = [f"{source[key]} {key}" for key in ("cpus", "threads") if source.get(key)]
    return " with ".join(filter(None, [source.get("platform"), " and ".join(words)])) or UNKNOWN


def _hours(records: Iterable[Record]) -> str:
    seconds = [record.timings.get("wall_s") for record in records]
    known = [value for value in seconds if value is not None]
    unknown = len(seconds) - len(known)
    said = f"{sum(known) / 3600:.1f} hours in {len(known)} runs" if known else UNKNOWN
    return f"{said}, not known of {unknown}" if known and unknown else said


def _days(records: Iterable[Record]) -> str:
    days = sorted({record.started[:10] for record in records})
    return days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
