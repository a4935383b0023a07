import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medloc.boxes import Box, ParseFailure
from medloc.rewards import REWARDS, Answer, Moment, format_reward, raw_iou, reward_for, threshold

HALF = Answer("[0,0,1,2]", Box(0, 0, 1, 2), Box(0, 0, 2, 2), 0.5)
NO_TAU = Moment(tau=None, progress=0.25)


@pytest.mark.parametrize(("tau", "reward"), [(0.499999, 1.0), (0.5, 1.0), (0.500001, 0.0), (0.8, 0.0), (0.0, 1.0)])
def test_threshold_is_inclusive(tau, reward):
    assert threshold(HALF, Moment(tau, progress=0.0)) == reward


def test_no_box_is_a_miss_even_at_zero():
    assert threshold(replace(HALF, box=ParseFailure("none"), iou=0.0), Moment(0.0, progress=0.0)) == 0.0


def test_threshold_without_a_tau_says_what_to_do():
    with pytest.raises(ValueError, match="reward=threshold needs a tau"):
        threshold(HALF, NO_TAU)


def test_raw_iou_is_the_iou():
    assert raw_iou(HALF, NO_TAU) == 0.5


FORMAT = re.compile(r"<think>.*?</think>\s*<answer>.*?</answer>", re.DOTALL)


@pytest.mark.parametrize(
    ("text", "reward"),
    [
        ("<think>a</think><answer>[1,2,3,4]</answer>", 1.0),
        ("<think>a\nb</think>\n \n<answer></answer>", 1.0),
        ("<think></think><answer></answer>", 1.0),
        ("<think></think> x <answer></answer>", 0.0),
        ("<think>a</think><answer>b</answer> and more", 0.0),
        (" <think>a</think><answer>b</answer>", 0.0),
        ("<think>a</think>", 0.0),
        ("<think></answer>", 0.0),
        ("<answer>b</answer><think>a</think>", 0.0),
        ("[1,2,3,4]", 0.0),
        ("", 0.0),
    ],
)
def test_format(text, reward):
    assert format_reward(replace(HALF, text=text), NO_TAU) == reward


TAGS = st.sampled_from(["<think>", "</think>", "<answer>", "</answer>", " ", "\n", "x"])


@given(st.lists(TAGS, max_size=12).map("".join), st.booleans())
def test_format_agrees_with_vlm_r1s_expression(text, framed):
    text = f"<think>{text}</answer>" if framed else text
    assert format_reward(replace(HALF, text=text), NO_TAU) == bool(FORMAT.fullmatch(text))


@pytest.mark.parametrize("filling", ["</think><answer", "</think> ", "</think>" + " " * 1000, "<answer>", "<think>"])
def test_format_is_linear_in_hostile_text(filling):
    text = "<think>" + filling * (2_000_000 // len(filling)) + "</answer>"
    assert format_reward(replace(HALF, text=text), NO_TAU) == 0.0


@pytest.mark.parametrize("name", ["threshold", "raw_iou", "format", "raw_giou", "vision_r1", "gui_g2"])
def test_rewards_are_found_by_name(name):
    reward = reward_for(name, None)
    assert reward.__name__ in (name, f"{name}_reward")


def test_a_preset_is_found_by_name():
    assert reward_for("v_triune", "matched") == REWARDS["v_triune"]["matched"]
    assert reward_for("v_triune", "matched") != reward_for("v_triune", "original")


def test_boxmed_rl_s_reward_is_the_iou():
    """Appendix D: "defined as IoU when IoU > 0 and 0 otherwise", "effectively equivalent to our Raw-IoU baseline"."""
    for hundredth in range(101):
        iou = hundredth / 100
        assert raw_iou(replace(HALF, iou=iou), NO_TAU) == (iou if iou > 0 else 0)


@pytest.mark.parametrize(
    ("name", "preset", "message"),
    [
        ("nothing", None, r"method\.reward=nothing is not known; choose one of threshold, raw_iou, format, v_triune"),
        (
            "v_triune",
            "loose",
            r"method\.preset=loose is not a preset of method\.reward=v_triune; choose one of original",
        ),
        ("v_triune", None, r"method\.preset=None is not a preset of method\.reward=v_triune; .* original, matched\.$"),
        ("raw_iou", "loose", r"method\.preset=loose is not a preset of method\.reward=raw_iou; it has no presets"),
    ],
)
def test_an_unknown_reward_or_preset_names_the_known_ones(name, preset, message):
    with pytest.raises(ValueError, match=message):
        reward_for(name, preset)
