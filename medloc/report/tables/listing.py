"""Which tables of accuracies there are: their rows are an experiment's, their other numbers the paper's."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from medloc.experiments.catalog import Row
from medloc.report.paper import METRICS, PaperTable, paper_table
from medloc.report.tables.table import Line, Pair
from medloc.report.tau_path import path_text, schedule_of, tau_path

ALL = tuple(METRICS)
MEDLOC = "MedLoc-R1-3B piecewise"

TABLE1_PAIRS = (
    Pair("Δ (MedLoc-VLM)", MEDLOC, "VLM-R1-3B", "MedLoc-VLM"),
    Pair("Δ (MedLoc-VTriune)", MEDLOC, "V-Triune-3B", "MedLoc-VTriune"),
    Pair("Δ (MedLoc-VTriune matched, ours)", MEDLOC, "V-Triune-3B matched"),
    Pair("Δ (MedLoc-RawIoU)", MEDLOC, "Raw-IoU-3B", "MedLoc-RawIoU"),
    Pair("Δ (MedLoc-SFT, ours)", MEDLOC, "SFT-3B"),
)

RIVALS_OF_A_MEDIAN = ("MedLoc-R1 piecewise", "Raw IoU", "Raw GIoU")

MEDIAN_PAIRS = tuple(
    Pair(f"Δ {first} minus {second}", first, second)
    for quality in ("IoU", "GIoU")
    for first, against in (
        (f"Median of {quality}", (f"Median of {quality}, may fall", *RIVALS_OF_A_MEDIAN)),
        (f"Median of {quality}, may fall", RIVALS_OF_A_MEDIAN),
    )
    for second in against
)
"""Each median minus what it is held against, and minus the one that may fall."""

PRESETS = (
    "V-Triune-3B has its own code's thresholds 0.85, 0.95, 0.99; V-Triune-3B matched (ours) has 0.3, 0.5, 0.8. "
    "The paper prints none."
)
PATHS = (
    "τ path: the thresholds that a row's schedule can reach, raised whenever it is asked. Schedules with equal paths "
    "differ in their parameters alone, not in what they do."
)


@dataclass(frozen=True)
class Description:
    """What sets one table apart from the others.

    Attributes:
        name: Of its files and of its experiment.
        metrics: The columns, for every data set.
        part: What stands behind the experiment's title where it fills several tables.
        holds: Tells by its name whether a row is in this part.
        settings: Setting as `paper_numbers.yaml` names it -> heading of its column.
        path: Whether each row's reachable thresholds are printed.
        pairs: The differences; () for those of `minuends`.
        minuends: Rows from which every other trained row is subtracted; () for the first trained row.
        notes: What the reader must know.
    """

    name: str
    metrics: tuple[str, ...] = ("a50",)
    part: str = ""
    holds: Callable[[str], bool] = lambda row: True
    settings: Mapping[str, str] = field(default_factory=dict)
    path: bool = False
    pairs: tuple[Pair, ...] = ()
    minuends: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def paper(self) -> PaperTable | None:
        """The table as the paper prints it; None for one of ours."""
        number = self.name.removeprefix("table")
        return paper_table(int(number)) if number.isdecimal() else None


def _is_group_size(row: str) -> bool:
    return row.startswith("Group size")


OURS = ("thesis", "median", "open", "why", "rewards")
"""Tables that the paper does not have, in the order of printing."""

DESCRIPTIONS = (
    Description("table1", ALL, pairs=TABLE1_PAIRS, notes=(PRESETS,)),
    Description("table2", settings={"reward": "r̄ ≥ P", "margin": "m̄ ≥ Δ", "stability": "σ ≤ S"}),
    Description("table3", settings={"step": "δ", "P": "P", "S": "S"}, path=True, notes=(PATHS,)),
    Description("table4", path=True, notes=(PATHS,)),
    Description(
        "table6",
        settings={"delta1": "δ1", "delta2": "δ2", "beta1": "β1", "beta2": "β2"},
        path=True,
        minuends=("0.15 0.10 0.55 0.75", "0.15 0.10 0.50 0.75"),
        notes=(PATHS, "The paper does not print δ3; it is 0.05 in every row."),
    ),
    Description(
        "table7",
        part="left: more baselines",
        holds=lambda row: not _is_group_size(row),
        minuends=("MedLoc-R1 (Ours)",),
    ),
    Description("table7", part="right: group size G", holds=_is_group_size, minuends=("Group size 8",)),
    Description("table8", ALL, minuends=("MedLoc-3B (Qwen)",)),
    Description("thesis", ALL, minuends=("MedLoc-R1 piecewise",)),
    Description("median", ALL, pairs=MEDIAN_PAIRS),
    Description("open", ALL, minuends=("MedLoc-R1 piecewise",)),
    Description("why", ALL, minuends=("MedLoc-R1 piecewise",)),
    Description("rewards", ALL, minuends=("MedLoc-R1 piecewise",)),
)
"""Table 5 counts images and is not among them: `build.counts_table`."""

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
