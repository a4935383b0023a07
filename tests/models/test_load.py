import json
import math

import pytest
from safetensors import safe_open

from medloc.models.base import BASES, model_fingerprint
from medloc.models.load import load_model
from medloc.spec.model import ModelSettings


def settings(**changes):
    values = {
        "name": "tiny_s", "family": "qwen2_5_vl", "path": None, "dtype": "float32",
        "min_pixels": None, "max_pixels": None, "answer_step": 2,
    }  # fmt: skip
    return ModelSettings(**{**values, **changes})


def test_the_shipped_base_is_the_genuine_class_and_small():
    loaded = load_model(settings())
    assert type(loaded.model).__name__ == "Qwen2_5_VLForConditionalGeneration"
    assert sum(p.numel() for p in loaded.model.parameters()) == COUNTS["tiny_s"]
    assert sum(f.stat().st_size for f in (BASES / "tiny_s").iterdir()) < 5e6


COUNTS = {  # parameters, each tied one once: the documents round these
    "tiny_s": 565_952, "tiny_m": 1_318_656, "tiny_l": 2_735_424, "internvl_tiny": 603_136,
    "grounding_dino_tiny": 750_458, "clip_tiny": 208_385,
}  # fmt: skip


def test_every_shipped_base_has_the_stated_number_of_parameters():
    found = {}
    for folder in BASES.iterdir():
        with safe_open(folder / "model.safetensors", "np") as weights:
            found[folder.name] = sum(math.prod(weights.get_slice(key).get_shape()) for key in weights.keys())  # noqa: SIM118
    assert found == COUNTS


def test_the_shipped_base_saves_with_its_cache_on():
    assert json.loads((BASES / "tiny_s" / "config.json").read_text())["text_config"]["use_cache"] is True


def test_two_bases_have_two_fingerprints(tmp_path):
    for file in (BASES / "tiny_s").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    same = model_fingerprint(str(tmp_path), None)
    assert same == load_model(settings()).fingerprint
    changed = bytearray((tmp_path / "model.safetensors").read_bytes())
    changed[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(changed)
    assert model_fingerprint(str(tmp_path), None) != same


def test_an_unknown_family_names_the_known_ones():
    with pytest.raises(ValueError, match=r"model\.family=llava is unknown; known: qwen2_5_vl"):
        load_model(settings(family="llava"))


def test_a_path_that_leads_nowhere_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"model\.path=/no/such/folder is not a folder; give one"):
        load_model(settings(path="/no/such/folder"))
    with pytest.raises(FileNotFoundError, match=f"model.path={tmp_path}: "):
        load_model(settings(path=str(tmp_path)))


def test_a_missing_base_says_how_to_make_it():
    with pytest.raises(FileNotFoundError, match=r"model\.path=null.*medloc\.pretrain model=tiny_x"):
        load_model(settings(name="tiny_x"))
