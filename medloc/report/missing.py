"""What is missing from a table, and the command that would fill it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from medloc.records.provenance import CHECKOUT
from medloc.report.groups import Group
from medloc.report.rows import DATASETS, FAMILIES, ROWS, Row
from medloc.report.table1 import row_records

CONF = CHECKOUT / "conf"


@dataclass(frozen=True)
class Missing:
    """Runs of one row that have no complete record, and the command that makes them."""

    row: str
    datasets: tuple[str, ...]
    seeds: tuple[int, ...]
    command: str

    def __str__(self) -> str:
        """Return an item of a list: the runs in words, then the command on a line of its own."""
        seeds = f"seed{'s' if len(self.seeds) > 1 else ''} {', '.join(map(str, self.seeds))}"
        return f"- {self.row}, {', '.join(self.datasets)}, {seeds}:\n  `{self.command}`"


def missing_runs(group: Group | None, conf: Path = CONF) -> list[Missing]:
    """List the runs that the rows of Table 1 still need, as few commands as will do.

    Args:
        group: The table; None where there is no record at all.
        conf: The folder of the config groups: rows whose method or model it lacks are left to `unavailable`.
    """
    rows = [row for row in ROWS if _available(row, group, conf)]
    return [missing for row in rows for missing in _missing_of(row, group)]


def unavailable(group: Group | None, conf: Path = CONF) -> list[str]:
    """Name the rows whose method or model this checkout cannot run."""
    return [row.name for row in ROWS if not _available(row, group, conf)]


def _available(row: Row, group: Group | None, conf: Path) -> bool:
    model = FAMILIES[_family(group)][row.size]
    return all((conf / path).is_file() for path in (f"method/{row.method}.yaml", f"model/{model}.yaml"))


def _family(group: Group | None) -> str:
    return group.setting.family if group else "tiny"


def _missing_of(row: Row, group: Group | None) -> Iterable[Missing]:
    """Put data sets that lack the same seeds into one command, except real ones: each has its own folder."""
    lacking: dict[tuple[int, ...], list[str]] = {}
    for dataset in group.datasets if group else DATASETS:
        lacking.setdefault(_lacking_seeds(row, dataset, group), []).append(dataset)
    real = group is not None and group.setting.kind == "real"
    for seeds, datasets in lacking.items():
        for together in [[one] for one in datasets] if real else [datasets]:
            if seeds:
                yield Missing(row.name, tuple(together), seeds, _command(row, group, together, seeds))


def _lacking_seeds(row: Row, dataset: str, group: Group | None) -> tuple[int, ...]:
    members = row_records(row, group) if group else []
    members = [record for record in members if record.identity["dataset"] == dataset]
    if members and row.method == "zero_shot":
        return ()  # a greedy answer without training is the same under every seed
    seeds = {record.identity["seed"] for record in members}
    return tuple(seed for seed in row.seeds if seed not in seeds)


def _command(row: Row, group: Group | None, datasets: list[str], seeds: tuple[int, ...]) -> str:
    many = len(datasets) * len(seeds) > 1
    words = ["python -m medloc.run", "-m" if many else "", f"method={row.method}"]
    words.append(f"schedule={row.schedule}" if row.schedule else "")
    words.append(f"model={FAMILIES[_family(group)][row.size]}")
    words.append(f"dataset={','.join(datasets)}")
    words += _setting_words(row, group, datasets[0])
    words.append(f"seed={','.join(map(str, seeds))}")
    return " ".join(word for word in words if word)


def _setting_words(row: Row, group: Group | None, dataset: str) -> list[str]:
    """Return the overrides that put a run into this group and no other."""
    if group is None:
        return []
    words = []
    if group.setting.kind == "real":
        words.append(f"dataset.root={_root(group, dataset)}")
    if group.setting.evaluated_on != "test":
        words.append(f"dataset.evaluate_on={group.setting.evaluated_on}")
    if group.train and row.method != "zero_shot":
        words += [f"train={group.train}", *_length_word(group.length)]
    return words


def _root(group: Group, dataset: str) -> str:
    """Name the folder without saying where it lies on the machine that made the record."""
    origins = sorted({r.identity["origin"] for r in group.records if r.identity["dataset"] == dataset})
    return f"PATH_TO/{origins[0].partition(': ')[2]}" if origins else f"PATH_TO/{DATASETS[dataset]}"


def _length_word(length: str) -> list[str]:
    number, _, unit = length.partition(" ")
    return {"steps": [f"train.max_steps={number}"], "epochs": [f"train.epochs={number}"]}.get(unit, [])
