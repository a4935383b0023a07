"""The registry of data sets. A new one is a file in this folder, its line in `SETS`, its YAML and a test."""

from medloc.data.example import DataSet
from medloc.data.sets import ham10000, heel, tn3k
from medloc.data.splits import fold_of
from medloc.spec.dataset import DatasetSettings

MANIFEST = DataSet("manifest", "own data", ("manifest", "grouped"), folds=True)

SETS: dict[str, DataSet] = {one.name: one for one in (ham10000.DATASET, heel.DATASET, tn3k.DATASET, MANIFEST)}
"""Name, as in `dataset=name` -> data set."""


def check_set(settings: DatasetSettings) -> None:
    """Check that the data set is known and offers the split.

    Raises:
        ValueError: Names the key and the values that it may have.
    """
    known = SETS.get(settings.name)
    if known is None:
        raise ValueError(f"dataset.name={settings.name} is not known; use one of {', '.join(SETS)}.")
    if settings.split in known.splits or (known.folds and fold_of(settings.split)):
        return
    splits = ", ".join([*known.splits, *(["foldKofN"] if known.folds else [])])
    raise ValueError(f"dataset.split={settings.split} is not known for {settings.name}; use one of {splits}.")
