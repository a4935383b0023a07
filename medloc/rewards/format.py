"""VLM-R1's format reward, off by default: the answers in the paper's figures carry no tags."""

import re

from medloc.rewards.base import Answer, Moment

_OPENING, _CLOSING = "<think>", "</answer>"
_MIDDLE = re.compile(r"</think>\s*+<answer>")


def format_reward(answer: Answer, moment: Moment) -> float:
    r"""Return 1 if the whole text is `<think>...</think> <answer>...</answer>`, else 0.

    The same verdict as a full match of `<think>.*?</think>\s*<answer>.*?</answer>` over several lines, in
    linear time: the two ends are fixed, so only the middle has to be searched for, once.
    """
    text = answer.text
    if not (text.startswith(_OPENING) and text.endswith(_CLOSING)):
        return 0.0
    return 1.0 if _MIDDLE.search(text, len(_OPENING), len(text) - len(_CLOSING)) else 0.0
