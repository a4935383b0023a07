"""What a run leaves behind: its key, its record, where it came from. Standard library only.

`key` names a run by what it computes, `record` is the one documented class behind `record.json`, `store` reads and
writes it and says how much a file may ask of its reader, `claim` gives a run to one process, `provenance` says which
code and machine made it, and `atomic` makes sure that a file is there whole or not at all.
"""

from medloc.runs.atomic import atomic_path, atomic_writer, sweep, write_json, write_text
from medloc.runs.key import NUMERICS, run_key
from medloc.runs.provenance import provenance
from medloc.runs.record import SCHEMA, Identity, Record, RunMetrics, Scores, no_metrics
from medloc.runs.store import (
    Found,
    bounded_lines,
    bounded_text,
    find_records,
    parsed,
    read_record,
    write_record,
)

__all__ = [
    "NUMERICS",
    "SCHEMA",
    "Found",
    "Identity",
    "Record",
    "RunMetrics",
    "Scores",
    "atomic_path",
    "atomic_writer",
    "bounded_lines",
    "bounded_text",
    "find_records",
    "no_metrics",
    "parsed",
    "provenance",
    "read_record",
    "run_key",
    "sweep",
    "write_json",
    "write_record",
    "write_text",
]
