"""vLLM as far as it goes without a GPU: what TRL and the engine are told, and what is refused."""

import pytest

from medloc.spec import rollout as rollout_settings
from medloc.spec.compose import compose_job
from medloc.training.grpo.vllm import engine_like, own_engine, rollout_arguments

VLLM = "rollout=vllm_colocate"


@pytest.fixture
def _installed(monkeypatch):
    monkeypatch.setattr(rollout_settings, "find_spec", lambda name: object())


def told(*given):
    """What an engine is built with for the second process group of a run."""
    return engine_like(lambda *args, **kwargs: kwargs, compose_job(given).settings)("model", seed=1, max_model_len=9)


@pytest.mark.usefixtures("_installed")
def test_engines_of_other_seeds_sample_otherwise_and_see_the_images_as_training_does():
    one, other = told(VLLM, "seed=42", "model=qwen2_5_vl_3b"), told(VLLM, "seed=43", "model=qwen2_5_vl_3b")
    assert (one["seed"], other["seed"]) == (42001, 43001)
    assert one["mm_processor_kwargs"] == {"max_pixels": 1003520}
    assert one["max_model_len"] == 9
    assert "mm_processor_kwargs" not in told(VLLM)


@pytest.mark.usefixtures("_installed")
def test_trl_is_told_mode_and_correction():
    found = rollout_arguments(compose_job(["rollout=vllm_server", "rollout.importance_correction=false"]).settings)
    assert (found["use_vllm"], found["vllm_mode"]) == (True, "server")
    assert found["vllm_server_base_url"] == "http://localhost:8000"
    assert found["vllm_importance_sampling_correction"] is False
    from trl import GRPOConfig

    assert set(found) <= set(GRPOConfig.__dataclass_fields__)


def test_transformers_generate_is_told_nothing():
    settings = compose_job([]).settings
    assert rollout_arguments(settings) == {}
    with own_engine(settings):
        pass


@pytest.mark.usefixtures("_installed")
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([VLLM, "device=cpu"], r"rollout=vllm_colocate needs GPUs; drop device=cpu, or use rollout=transformers"),
        ([VLLM, "method=sft"], r"method\.trainer=sft samples no completions"),
        ([VLLM, "rollout.gpu_memory=1"], r"rollout\.gpu_memory=1\.0 must be above 0 and below 1"),
        (
            [VLLM, "rollout.tensor_parallel=2"],
            r"rollout\.tensor_parallel=2 must divide the 1 processes of launch=single",
        ),
        (["rollout=vllm_server", "rollout.server=null"], r"rollout\.server=null: give the address"),
        ([VLLM, "rollout.mode=magic"], r"rollout\.mode=magic is not known"),
    ],
)
def test_a_wrong_combination_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        compose_job(given)


def test_a_missing_vllm_is_named(monkeypatch):
    monkeypatch.setattr(rollout_settings, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"needs the package vllm; pip install 'medloc\[gpu\]', or use rollout=trans"):
        compose_job([VLLM])
