import json

import pytest

from medloc.models.load import BASES, load_model, model_fingerprint
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
    assert 3e5 < sum(p.numel() for p in loaded.model.parameters()) < 3e6
    assert sum(f.stat().st_size for f in (BASES / "tiny_s").iterdir()) < 5e6


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
