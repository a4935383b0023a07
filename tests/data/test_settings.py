from pathlib import Path

import pytest
from omegaconf import OmegaConf

from medloc.spec.dataset import DatasetSettings, PhantomSettings, check_dataset
from tests.data.helpers import dataset_settings

CONF = Path(__file__).parents[2] / "conf" / "dataset"


@pytest.mark.parametrize("path", sorted(CONF.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_yaml_fills_the_schema_and_passes_its_checks(path):
    values = OmegaConf.load(path)
    settings = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(DatasetSettings), values))
    assert isinstance(settings, DatasetSettings)
    if settings.name == "manifest":
        settings.manifest = "manifest.jsonl"
    check_dataset(settings)
    assert settings.name == path.stem
    assert settings.phantom == PhantomSettings(2000, 500, 300, 7)


@pytest.mark.parametrize("path", sorted(CONF.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_key_has_a_comment_above_it(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    keys = [i for i, line in enumerate(lines) if ":" in line and not line.lstrip().startswith(("#", "defaults"))]
    assert all(lines[i - 1].lstrip().startswith("#") for i in keys)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "manifest", "split": "manifest"}, r"dataset=manifest needs dataset\.manifest=PATH"),
        ({"manifest": "m.jsonl"}, r"dataset\.manifest=m\.jsonl has no meaning with dataset=ham10000"),
        ({"target": "nodule"}, r"dataset\.target=nodule has no meaning with dataset=ham10000"),
        ({"validation_fraction": 1.0}, r"dataset\.validation_fraction=1\.0 must be at least 0 and below 1"),
        (
            {"boxes": "biggest"},
            r"dataset\.boxes=biggest is not known; use one of union, largest, single, all",
        ),
        ({"evaluate_on": "train"}, r"dataset\.evaluate_on=train is not known; use one of test, calibration"),
        ({"root": "x", "evaluate_on": "calibration"}, r"dataset\.evaluate_on=calibration needs phantoms"),
        ({"phantom": PhantomSettings(0, 1, 1, 7)}, r"dataset\.phantom\.train=0 must be at least 1"),
        ({"phantom": PhantomSettings(1, 1, 1, -1)}, r"dataset\.phantom\.seed=-1 must be at least 0"),
    ],
)
def test_a_bad_value_names_its_key(changes, message):
    with pytest.raises(ValueError, match=message):
        check_dataset(dataset_settings("ham10000", **changes))
