"""A model in shards, asked and saved whole: FSDP2 itself, two processes on processor cores."""

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import distributed, multiprocessing
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method

from medloc.boxes import Box
from medloc.data.example import Example
from medloc.data.prompts import PROMPTS
from medloc.evaluation.answer import answer_all
from medloc.models.base import save_base
from medloc.models.load import load_model
from medloc.spec.compose import compose_job
from medloc.training.systems.vlm import save_whole

RANKS = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What two processes leave of a model between them: `said-RANK`, two answers each, and `whole`, its weights."""
    made = tmp_path_factory.mktemp("sharded")
    noise = np.random.default_rng(0).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    Image.fromarray(noise).save(made / "noise.png")
    method = "spawn" if torch.cuda.is_available() else "fork"  # a fork has imported everything already
    multiprocessing.start_processes(_on_rank, (made,), nprocs=RANKS, start_method=method)
    return made


def _on_rank(rank, folder):
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=RANKS)
    settings = compose_job(["launch=fsdp2", f"launch.processes={RANKS}", "train.per_device_batch=8"]).settings
    loaded = load_model(settings.model)
    mesh = init_device_mesh("cpu", (RANKS,))
    for layer in loaded.model.model.language_model.layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(loaded.model, mesh=mesh)
    register_fsdp_forward_method(loaded.model, "generate")
    # Twice, before any training step: the first pass makes the buffers that later ones fill (torch 2.11 on a GPU fails
    # there in inference mode; 2.15 on processor cores does not).
    (folder / f"said-{rank}").write_text(_answer(loaded, folder) + _answer(loaded, folder))
    save_whole(loaded.model, loaded.processor, folder / "whole", settings)
    distributed.destroy_process_group()


def _answer(loaded, folder):
    example = Example("noise", folder / "noise.png", 128, 96, Box(1, 1, 9, 9), "noise", "")
    return answer_all(loaded, [example], PROMPTS["tn3k"], batch_size=1, max_new_tokens=12)[0].text


def test_a_sharded_model_answers_as_an_ordinary_one(folder):
    answer = _answer(load_model(compose_job([]).settings.model), folder)
    assert answer
    assert [(folder / f"said-{rank}").read_text() for rank in range(RANKS)] == [answer * 2] * RANKS


def test_it_is_saved_as_an_ordinary_one_with_tied_weights_once(folder):
    """The tiny model's head is its embedding: a file with both would not be the base's layout."""
    loaded = load_model(compose_job([]).settings.model)
    save_base(loaded.model, loaded.processor, folder / "plain")
    plain, whole = (load_file(folder / name / "model.safetensors") for name in ("plain", "whole"))
    assert plain.keys() == whole.keys()
    assert all(torch.equal(plain[name], whole[name]) for name in plain)
