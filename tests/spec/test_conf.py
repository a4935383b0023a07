"""Every option composes into its own class, every key is explained, and the paper's values are the paper's."""

from itertools import pairwise

import pytest
import yaml

from medloc.data.prompts import prompt_for
from medloc.spec import rollout
from medloc.spec.machine import CONF
from tests.spec.composed import composed

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
TOGETHER = [  # groups whose options go with any option of the others
    ("model", "method"),
    ("schedule", "strategy", "criteria", "window", "tracking", "launch", "rollout"),
    ("dataset", "train"),  # a preset of `train` sets `model`, too
]
NEEDS = {"launch=": "train.per_device_batch=8", "multi_node": "launch.address=first", "vllm": "launch=single"}
"""What an option has to be told beside its name."""


def rounds():
    """Compositions of one option a group, until every option was in one."""
    for groups in TOGETHER:
        options = {group: [option for one, option in OPTIONS if one == group] for group in groups}
        for place in range(max(map(len, options.values()))):
            yield {group: names[place % len(names)] for group, names in options.items()}


@pytest.mark.parametrize("chosen", [*rounds()], ids=lambda chosen: "-".join(chosen.values()))
def test_every_option_composes_and_holds_its_own_values(chosen, monkeypatch):
    monkeypatch.setattr(rollout, "find_spec", lambda name: object())  # vllm need not be installed to be composed
    words = [f"{group}={option}" for group, option in chosen.items()]
    needed = [need for part, need in NEEDS.items() if part in " ".join(words) and need.partition("=")[0] not in chosen]
    config = composed(*words, *needed).config
    for group, option in chosen.items():
        written = yaml.safe_load((CONF / group / f"{option}.yaml").read_text())
        written = written.get(group, written)  # a preset of `train` sets keys of `model`, too
        for key, value in written.items():
            resolved = isinstance(value, str) and "${" in value  # another key's value
            if key == "defaults" or resolved or any(word.startswith(f"{group}.{key}=") for word in needed):
                continue
            found = config[group][key]
            assert found == (float(value) if isinstance(found, float) else value)


def test_every_option_is_in_a_composition():
    assert {pair for chosen in rounds() for pair in chosen.items()} == set(OPTIONS)
    assert len(OPTIONS) > 70


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
    config = composed().config
    assert config["schedule"] == {
        "name": "piecewise", "tau0": 0.3, "tau_target": 0.8, "deltas": [0.15, 0.10, 0.05], "boundaries": [0.55, 0.75],
    }  # fmt: skip
    assert (config["window"]["size"], config["window"]["refresh"]) == (30, "half")
    assert config["criteria"]["margin"] == 0.10
    assert (config["train"]["group_size"], config["train"]["temperature"]) == (8, 0.9)


def test_the_paper_s_training():
    train = composed("train=paper").config["train"]
    assert (train["beta"], train["learning_rate"], train["epochs"], train["table_step"]) == (0.4, 1e-6, 5, 1000)
    assert train["prompts_per_step"] * train["group_size"] == 64


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
    assert composed(*overrides).variant == variant


@pytest.mark.parametrize("preset", ["original", "matched"])
def test_v_triune_s_presets(preset):
    assert composed("method=v_triune", f"method.preset={preset}").settings.method.preset == preset
    assert composed("method=v_triune").settings.method.preset == "original"


def test_boxmed_rl_asks_its_own_question():
    method = composed("method=boxmed_rl").settings.method
    assert (method.reward, method.prompt) == ("raw_iou", "boxmed_rl")
    assert prompt_for("heel", method.prompt) == "Provide the bounding box for calcaneus region."


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["method=v_triune", "method.preset=loose"], r"method\.preset=loose is not a preset .*original, matched\.$"),
        (["method=raw_giou", "method.preset=loose"], r"method\.preset=loose .*it has no presets; drop it\.$"),
        (["method.reward=nothing"], r"method\.reward=nothing is not known; choose one of threshold, "),
        (["train.dynamic_sampling=-1"], r"train\.dynamic_sampling=-1 must be at least 0; 0 turns it off\.$"),
    ],
)
def test_a_method_s_mistake_is_one_line_that_names_the_key(overrides, message):
    with pytest.raises(ValueError, match=message) as caught:
        composed(*overrides)
    assert "\n" not in str(caught.value)
