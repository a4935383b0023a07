"""Every option composes into its own class, every key is explained, and the paper's values are the paper's."""

from itertools import pairwise

import pytest
import yaml

from medloc.data.prompts import prompt_for
from medloc.spec import rollout
from medloc.spec.compose import compose_job
from medloc.spec.machine import CONF

GROUPS = (
    "dataset",
    "model",
    "method",
    "schedule",
    "strategy",
    "criteria",
    "window",
    "train",
    "tracking",
    "launch",
    "rollout",
)
OPTIONS = [(group, path.stem) for group in GROUPS for path in sorted((CONF / group).glob("[!_]*.yaml"))]


NEEDS = {"launch": ["train.per_device_batch=8"], "multi_node": ["launch.address=first.machine"]}
"""What an option has to be told beside its name."""


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_composes_and_holds_its_own_values(group, option, monkeypatch):
    monkeypatch.setattr(rollout, "find_spec", lambda name: object())  # vllm need not be installed to be composed
    needed = [*NEEDS.get(group, []), *NEEDS.get(option, [])]
    job = compose_job([f"{group}={option}", *needed])
    written = yaml.safe_load((CONF / group / f"{option}.yaml").read_text())
    written.pop("defaults", None)
    written = written.get(group, written)  # a preset of `train` sets keys of `model`, too
    for key, value in written.items():
        composed = job.config[group][key]
        if isinstance(value, str) and "${" in value:
            continue  # another key's value, resolved
        if any(word.startswith(f"{group}.{key}=") for word in needed):
            continue
        assert composed == (float(value) if isinstance(composed, float) else value)


@pytest.mark.parametrize("path", sorted(CONF.rglob("*.yaml")), ids=lambda p: str(p.relative_to(CONF)))
def test_every_key_has_a_comment_above_it(path):
    lines = [line for line in path.read_text().splitlines() if line.strip()]
    body = lines[: next((i for i, line in enumerate(lines) if line.startswith("hydra:")), len(lines))]
    for above, line in pairwise(body):
        key = line.split(":")[0].strip()
        starts_group = line.rstrip().endswith(":")
        if line.lstrip().startswith(("#", "-")) or key in ("name", "defaults") or starts_group:
            continue
        assert above.lstrip().startswith("#"), f"{path.name}: {line}"


def test_the_paper_s_schedule_window_and_group():
    """Section 4.1, word for word."""
    config = compose_job([]).config
    assert config["schedule"] == {
        "name": "piecewise", "tau0": 0.3, "tau_target": 0.8, "deltas": [0.15, 0.10, 0.05], "boundaries": [0.55, 0.75],
    }  # fmt: skip
    assert (config["window"]["size"], config["window"]["refresh"]) == (30, "half")
    assert config["criteria"]["margin"] == 0.10
    assert (config["train"]["group_size"], config["train"]["temperature"]) == (8, 0.9)


@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_the_continuous_schedules(name):
    """Section 4.1: "we set tau0=0.2, tau_target=0.8, and delta0=0.2"."""
    schedule = compose_job([f"schedule={name}"]).config["schedule"]
    assert (schedule["tau0"], schedule["tau_target"], schedule["delta0"]) == (0.2, 0.8, 0.2)


def test_the_paper_s_training():
    train = compose_job(["train=paper"]).config["train"]
    assert (train["beta"], train["learning_rate"], train["epochs"], train["table_step"]) == (0.4, 1e-6, 5, 1000)
    assert train["prompts_per_step"] * train["group_size"] == 64


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("adaptive", ([0.60, 0.75], [0.80, 0.75, 0.55], [0.20, 0.35, 0.40])),
        ("fixed_aggressive", ([], [0.60], [0.40])),
        ("fixed_moderate", ([], [0.70], [0.25])),
        ("fixed_conservative", ([], [0.80], [0.15])),
    ],
)
def test_appendix_b(strategy, expected):
    found = compose_job([f"strategy={strategy}"]).config["strategy"]
    assert (found["boundaries"], found["P"], found["S"]) == expected


@pytest.mark.parametrize(
    ("overrides", "variant"),
    [
        ([], ""),
        (["seed=7", "schedule=cosine", "method=medloc", "dataset=tn3k", "train.max_steps=3", "threads=1"], ""),
        (["window.size=30", "criteria=full"], ""),  # the defaults, said aloud
        (["window.unit=group"], "window.unit=group"),
        (["criteria=no_reward", "schedule.tau0=0.2"], "criteria=no_reward schedule.tau0=0.2"),
        (["schedule=fixed", "schedule.tau=0.4"], "schedule.tau=0.4"),
    ],
)
def test_what_sets_a_run_apart_is_named(overrides, variant):
    assert compose_job(overrides).variant == variant


@pytest.mark.parametrize("preset", ["original", "matched"])
def test_v_triune_s_presets(preset):
    assert compose_job(["method=v_triune", f"method.preset={preset}"]).settings.method.preset == preset
    assert compose_job(["method=v_triune"]).settings.method.preset == "original"


def test_boxmed_rl_asks_its_own_question():
    method = compose_job(["method=boxmed_rl"]).settings.method
    assert (method.reward, method.prompt) == ("raw_iou", "boxmed_rl")
    assert prompt_for("heel", method.prompt) == "Provide the bounding box for calcaneus region."


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["method=v_triune", "method.preset=loose"], r"method\.preset=loose is not a preset .*original, matched\.$"),
        (["method=raw_giou", "method.preset=loose"], r"method\.preset=loose .*it has no presets; drop it\.$"),
        (["method.reward=nothing"], r"method\.reward=nothing is not known; choose one of threshold, "),
        (["train.dynamic_sampling=-1"], r"train\.dynamic_sampling=-1 must be at least 0, which turns it off\.$"),
    ],
)
def test_a_method_s_mistake_is_one_line_that_names_the_key(overrides, message):
    with pytest.raises(ValueError, match=message) as caught:
        compose_job(overrides)
    assert "\n" not in str(caught.value)
