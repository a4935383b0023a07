"""Nobody is let in: weights are safetensors, states are loaded as tensors only, code beside weights is never run."""

import ast
import json
import os
import pickle
import shutil
from pathlib import Path

import pytest
import torch

from medloc.models.load import BASES, load_model
from medloc.spec.compose import compose_job

PACKAGE = Path(__file__).resolve().parents[1] / "medloc"


class Bomb:
    """What a pickle can carry: unpickling it makes a folder."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def settings(path):
    return compose_job([f"model.path={path}"]).settings.model


@pytest.fixture
def base(tmp_path):
    return shutil.copytree(BASES / "tiny_s", tmp_path / "base")


def test_weights_in_a_pickle_are_refused(base, tmp_path):
    (base / "model.safetensors").unlink()
    with (base / "pytorch_model.bin").open("wb") as file:
        pickle.dump(Bomb(tmp_path / "exploded"), file)
    with pytest.raises(FileNotFoundError, match=r"model\.path=.*safetensors"):
        load_model(settings(base))
    assert not (tmp_path / "exploded").exists()


def test_code_beside_the_weights_is_not_run(base, tmp_path):
    (base / "modeling_theirs.py").write_text(f"import os; os.mkdir({str(tmp_path / 'exploded')!r})\n")
    for name in ("config.json", "processor_config.json", "tokenizer_config.json", "preprocessor_config.json"):
        path = base / name
        if path.exists():
            kinds = ("AutoConfig", "AutoModel", "AutoProcessor", "AutoImageProcessor")
            known = json.loads(path.read_text())
            known["auto_map"] = dict.fromkeys(kinds, "modeling_theirs.Theirs")
            path.write_text(json.dumps(known))
    assert load_model(settings(base)).model.training is False
    assert not (tmp_path / "exploded").exists()


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run that ended after its first checkpoint, as one does whose KL is too large, and how to go on with it."""
    from medloc.training.runner.runner import run_job
    from tests.small import overrides

    root = tmp_path_factory.mktemp("stopped")
    given = overrides(root / "results", root / "cache", "train.max_steps=3", "train.checkpoints=3")
    with pytest.raises(ValueError, match=r"guard\.most_kl"):
        run_job(compose_job([*given, "guard.most_kl=1e-12"]))
    return root, lambda: run_job(compose_job(given))


@pytest.mark.parametrize("name", ["optimizer.pt", "scheduler.pt", "rng_state.pth"])
def test_a_pickle_in_a_checkpoint_is_refused(name, stopped, tmp_path):
    """The trainer of the very run, resuming from its own checkpoint in which one file was exchanged."""
    root, go_on = stopped
    (checkpoint,) = root.glob("results/runs/*/checkpoints/checkpoint-1")
    bomb = Bomb(tmp_path / "exploded")
    whole = {path: path.read_bytes() for path in (checkpoint / name, checkpoint / "curriculum.json")}
    torch.save({"state": bomb, "python": bomb, "base_lrs": bomb}, checkpoint / name)
    state = json.loads((checkpoint / "curriculum.json").read_text())
    state["files"][name] = (checkpoint / name).stat().st_size
    (checkpoint / "curriculum.json").write_text(json.dumps(state))
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        go_on()
    assert not (tmp_path / "exploded").exists()
    for path, content in whole.items():
        path.write_bytes(content)


def test_a_checkpoint_holds_no_pickle_that_nothing_needs(stopped):
    root, _ = stopped
    (checkpoint,) = root.glob("results/runs/*/checkpoints/checkpoint-1")
    assert not (checkpoint / "training_args.bin").exists()


def calls(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {word.arg: ast.unparse(word.value) for word in node.keywords}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_file_of_ours_unpickles_trusts_or_reads_yaml_unsafely(path):
    text = path.read_text(encoding="utf-8")
    assert "import pickle" not in text
    assert "trust_remote_code=True" not in text
    for name, words in calls(path):
        assert name not in ("eval", "exec", "yaml.full_load", "yaml.unsafe_load", "yaml.load_all"), name
        if name == "torch.load":
            assert words.get("weights_only") == "True"
        if name == "yaml.load":
            assert "SafeLoader" in words["Loader"]
        if name.endswith(".from_pretrained") and "Config" not in name:
            assert None in words, f"{name} without TRUSTED"  # **TRUSTED


def test_templates_escape():
    from medloc.report import page

    assert "autoescape=True" in Path(page.__file__).read_text()
    for path in sorted((PACKAGE / "report" / "templates").iterdir()):
        unsafe = [line for line in path.read_text().splitlines() if "|safe" in line.replace(" ", "")]
        assert not unsafe, f"{path.name} prints something unescaped"
