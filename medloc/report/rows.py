"""Which run fills which row of Table 1."""

from dataclasses import dataclass

from medloc.records import Identity
from medloc.report.paper import table1
from medloc.settings.families import FAMILIES

DATASETS = {"ham10000": "HAM10000", "heel": "HEEL", "tn3k": "TN3K"}
"""Data set in a record -> its name in the paper, in the order of its columns."""

SEEDS = (42, 43, 44)
"""Table 1: "3 independent runs with different random seeds (42, 43 and 44)"."""

METHODS = {
    "Zero Shot": "zero_shot",
    "SFT": "sft",
    "VLM-R1": "vlm_r1",
    "V-Triune": "v_triune",
    "Raw-IoU": "raw_iou",
    "MedLoc-R1": "medloc",
}


@dataclass(frozen=True)
class Row:
    """A row of Table 1 that a run of ours can fill.

    Attributes:
        name: The row as the paper names it.
        method: Our name of the method.
        size: "3B", "7B" or "32B".
        schedule: Our name of the schedule; None for a method without one.
    """

    name: str
    method: str
    size: str
    schedule: str | None

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that fill the row: one where nothing is drawn, the paper's three elsewhere."""
        return SEEDS[:1] if self.method == "zero_shot" else SEEDS

    def holds(self, identity: Identity, family: str) -> bool:
        """Tell whether a run of this family belongs into the row."""
        wanted = (self.method, FAMILIES[family][self.size], "")
        if (identity["method"], identity["model"], identity["variant"]) != wanted:
            return False
        return self.schedule is None or identity["schedule"] == self.schedule


def _row(name: str) -> Row:
    """Read a row's name as the paper writes it: "MedLoc-R1-3B piecewise"."""
    system, _, schedule = name.partition(" ") if name.startswith("MedLoc") else (name, "", "")
    method, _, size = system.rpartition("-")
    return Row(name, METHODS[method], size, schedule or None)


ROWS = tuple(_row(name) for name in table1())
