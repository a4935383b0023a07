"""Which tables there are: their rows are an experiment's, their other numbers the paper's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from medloc.report.table_differences import Pair

MEDLOC, ALL = "MedLoc-R1-3B piecewise", ("a50", "a80", "map")


def _every(row: str) -> bool:
    return True


@dataclass(frozen=True)
class Description:
    """What sets one table apart from the others.

    Attributes:
        name: Of its files and of its experiment.
        part: What stands behind the experiment's title where it fills several tables.
        holds: Tells by its name whether a row is in this part.
        metrics: The columns, for every data set.
        settings: Setting as `paper_numbers.yaml` names it -> heading of its column.
        path: Whether each row's reachable thresholds are printed.
        pairs: The differences; () for the first row minus every other.
        notes: What its reader must know.
    """

    name: str
    metrics: tuple[str, ...] = ("a50",)
    part: str = ""
    holds: Callable[[str], bool] = _every
    settings: Mapping[str, str] = field(default_factory=dict)
    path: bool = False
    minuends: tuple[str, ...] = ()
    pairs: tuple[Pair, ...] = ()
    notes: tuple[str, ...] = ()


TABLE1_PAIRS = (
    Pair("Δ (MedLoc-VLM)", MEDLOC, "VLM-R1-3B", "MedLoc-VLM"),
    Pair("Δ (MedLoc-VTriune)", MEDLOC, "V-Triune-3B", "MedLoc-VTriune"),
    Pair("Δ (MedLoc-VTriune matched, ours)", MEDLOC, "V-Triune-3B matched"),
    Pair("Δ (MedLoc-RawIoU)", MEDLOC, "Raw-IoU-3B", "MedLoc-RawIoU"),
    Pair("Δ (MedLoc-SFT, ours)", MEDLOC, "SFT-3B"),
)

PATH_NOTE = (
    "τ path: the thresholds that the schedule can reach, raised whenever it is asked to. Rows with equal paths are the "
    "same curriculum, whatever their parameters say."
)

DESCRIPTIONS = (
    Description(
        "table1",
        ALL,
        pairs=TABLE1_PAIRS,
        notes=(
            "V-Triune-3B has its own code's thresholds (0.85, 0.95, 0.99), V-Triune-3B matched (ours) 0.3, 0.5, 0.8; "
            "the paper prints none.",
        ),
    ),
    Description("table2", settings={"reward": "r̄ ≥ P", "margin": "m̄ ≥ Δ", "stability": "σ ≤ S"}),
    Description("table3", settings={"step": "δ", "P": "P", "S": "S"}, path=True, notes=(PATH_NOTE,)),
    Description("table4", path=True, notes=(PATH_NOTE,)),
    Description(
        "table6",
        settings={"delta1": "δ1", "delta2": "δ2", "beta1": "β1", "beta2": "β2"},
        path=True,
        minuends=("0.15 0.10 0.55 0.75", "0.15 0.10 0.50 0.75"),
        notes=(PATH_NOTE, "δ3 is not printed in the paper's table; it is 0.05 in every row."),
    ),
    Description(
        "table7",
        part="left, more baselines",
        holds=lambda row: not row.startswith("Group size"),
        minuends=("MedLoc-R1 (Ours)",),
    ),
    Description(
        "table7",
        part="right, group size G",
        holds=lambda row: row.startswith("Group size"),
        minuends=("Group size 8",),
    ),
    Description("table8", ALL, minuends=("MedLoc-3B (Qwen)",)),
    Description("rewards", ALL, minuends=("MedLoc-R1 piecewise",)),
)
"""Every table of accuracies; Table 5 counts images and is built by `table_counts`."""
