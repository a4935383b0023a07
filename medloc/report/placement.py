"""How a planned run becomes one of a group: the overrides that give it the group's images and training."""

from medloc.experiments.rows import PartialIdentity, PlannedRun, planned_run
from medloc.report.groups import Group
from medloc.spec.compose import option_values
from medloc.spec.overrides import value_text

UNTRAINED = "zero_shot"
"""The method that trains nothing."""


def placed(run: PlannedRun, group: Group) -> PlannedRun:
    """Add to a run what puts it into this group and no other; nothing where it lands there anyway."""
    words = (*_data_words(run.identity["dataset"], group), *_training_words(run.identity, group))
    return planned_run((*run.overrides, *words)) if words else run


def _data_words(dataset: str, group: Group) -> list[str]:
    words = []
    if group.setting.kind == "real":
        words.append(f"dataset.root={_root(dataset, group)}")
    if group.setting.evaluated_on != "test":
        words.append(f"dataset.evaluate_on={group.setting.evaluated_on}")
    return words


def _root(dataset: str, group: Group) -> str:
    """Name the folder without saying where it lies on the machine that made the record."""
    origins = sorted({r.identity["origin"] for r in group.records if r.identity["dataset"] == dataset})
    return f"PATH_TO/{origins[0].partition(': ')[2] if origins else dataset}"


def _training_words(planned: PartialIdentity, group: Group) -> list[str]:
    if not group.train or planned["method"] == UNTRAINED:
        return []
    words = [] if group.train == planned["train"] else [f"train={group.train}"]
    preset = option_values("train", group.train)
    number, _, unit = group.length.partition(" ")
    wanted = {"steps": {"train.max_steps": number}, "epochs": {"train.max_steps": "null", "train.epochs": number}}
    for key, value in wanted.get(unit, {}).items():
        if value_text(preset[key.removeprefix("train.")]) != value:
            words.append(f"{key}={value}")
    return words
