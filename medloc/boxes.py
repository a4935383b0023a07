"""Boxes: area, overlap, reading one from an answer, and the grid of coordinates that an answer is written in.

Training, evaluation and scoring all judge answers with this file. Standard library only.
"""

import math
import re
from dataclasses import dataclass

SPACES = ("pixels", "resized", "thousand")
"""Coordinate spaces of the model families' answers: original pixels, the processor's resized pixels, 0 to 1000."""

IOU_DECIMALS = 6
"""An IoU is rounded to this many decimals once, before a reward, the window or a file uses it."""


@dataclass(frozen=True, slots=True)
class Box:
    """A half-open rectangle [x0, x1) x [y0, y1), in pixels of the original image unless said otherwise.

    The box of an answer may be unordered or degenerate; its area is then 0.
    """

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        """Horizontal extent x1 - x0; negative where the corners are swapped."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """Vertical extent y1 - y0; negative where the corners are swapped."""
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        """Covered area, 0 for a degenerate or unordered box."""
        return max(0.0, self.width) * max(0.0, self.height)

    def as_list(self) -> list[float]:
        """Return [x0, y0, x1, y1]."""
        return [self.x0, self.y0, self.x1, self.y1]

    def scaled(self, sx: float, sy: float) -> "Box":
        """Return the box with x multiplied by `sx` and y by `sy`."""
        return Box(self.x0 * sx, self.y0 * sy, self.x1 * sx, self.y1 * sy)


def iou(a: Box, b: Box) -> float:
    """Return intersection over union in [0, 1]; 0 if either box is degenerate, unordered or non-finite."""
    if not (_has_area(a) and _has_area(b)):
        return 0.0
    overlap = _overlap(a, b)
    union = a.area + b.area - overlap
    # The area of a finite box can still overflow to infinity or vanish to 0.
    return overlap / union if 0.0 < union < math.inf else 0.0


def giou(a: Box, b: Box) -> float:
    """Return generalised IoU in [-1, 1]: IoU - (|C| - |union|) / |C|, with C the smallest box around both.

    Rezatofighi et al., CVPR 2019 (arXiv:1902.09630v2), Algorithm 1. A degenerate or unordered box has area 0, but C
    still encloses its corners. Never above IoU; -1 for a non-finite coordinate or where C has no area.
    """
    if not all(map(math.isfinite, (*a.as_list(), *b.as_list()))):
        return -1.0
    xs, ys = (a.x0, a.x1, b.x0, b.x1), (a.y0, a.y1, b.y0, b.y1)
    hull = (max(xs) - min(xs)) * (max(ys) - min(ys))
    if not 0.0 < hull < math.inf:
        return -1.0
    union = a.area + b.area - _overlap(a, b)
    return iou(a, b) - (1.0 - min(1.0, union / hull))


def _overlap(a: Box, b: Box) -> float:
    return Box(max(a.x0, b.x0), max(a.y0, b.y0), min(a.x1, b.x1), min(a.y1, b.y1)).area


def _has_area(box: Box) -> bool:
    return 0.0 < box.width < math.inf and 0.0 < box.height < math.inf


NO_BRACKET = "no bracket"
NOT_CLOSED = "bracket not closed"
NOT_FOUR_NUMBERS = "not four numbers"
PERCENT = "percent"
SHARES = "shares of the image"


@dataclass(frozen=True, slots=True)
class ParseFailure:
    """Why an answer holds no box. Falsy, so that `if box:` asks whether there is one.

    Attributes:
        reason: `NO_BRACKET`, `NOT_CLOSED`, `NOT_FOUR_NUMBERS`, `PERCENT` or `SHARES`.
    """

    reason: str

    def __bool__(self) -> bool:
        return False


# Linear in the length of the text: `*+`, `++`, `?+` and `{1,9}+` never backtrack, all other repetitions are bounded.
# One match takes a run of points. Every other attempt ends within four numbers, so few attempts read one character.
_NUMBER = r"[+-]?+(?:[0-9]{1,9}+(?:\.[0-9]*+)?+|\.[0-9]++)"
_ITEM = rf"""\s*+["']?+\s*+{_NUMBER}\s*+(?:pixels|px|%)?+\s*+["']?+\s*+"""
_FOUR = ",".join([_ITEM] * 4) + r"(?:,\s*+)?+"
_TWO = rf"{_ITEM},{_ITEM}(?:,\s*+)?+"
_POINT = rf"(?:\[{_TWO}\]|\({_TWO}\))"
_KEYS = ("x_?(?:0|1|min)|left", "y_?(?:0|1|min)|top", "x_?(?:1|2|max)|right", "y_?(?:1|2|max)|bottom")
_NAMED = r"\s*+[,;]?+\s*+".join(rf"""["']?+(?:{key})["']?+\s*+[:=]{_ITEM}""" for key in _KEYS)
_AWAY = r"[^0-9()\[\]]"
_CORNERS = rf"top[-_ ]?left{_AWAY}{{0,20}}+{_POINT}{_AWAY}{{0,20}}?bottom[-_ ]?right{_AWAY}{{0,20}}+{_POINT}"
_BOX = re.compile(
    rf"\[{_FOUR}\]|\({_FOUR}\)|{_POINT}(?:\s*+,?+\s*+{_POINT})*+|(?<![a-z0-9_])(?:{_NAMED}|{_CORNERS})", re.IGNORECASE
)
_BARE = re.compile(rf"{_FOUR}", re.IGNORECASE)
_VALUES = re.compile(rf"(?<![A-Za-z0-9_]){_NUMBER}")
_CLOSED = re.compile(r"\[[^\[\]]*+\]")
_ASCII = str.maketrans("０１２３４５６７８９，、．：；＝＋－−％（）［］“”‘’＂＇", "0123456789,,.:;=+--%()[]\"\"''\"'")


def parse_box(text: str, shares: bool = False) -> Box | ParseFailure:
    """Return the last box that an answer writes, on the grid that it was written in.

    A box is four numbers `x0, y0, x1, y1` in square or round brackets, two points in a row (`(x0, y0), (x1, y1)`), four
    named numbers (`xmin=`, `top:` ...) or two named corners; or it is four numbers that are the whole answer.
    docs/formats.md lists the forms. Any text and tags may be around it, but thinking does not count: what stands in
    `<think>` is cut, and where there is an `<answer>`, only the last one is read.

    Takes linear time and never raises, whatever the string.

    Args:
        text: the answer as generated.
        shares: whether to read four shares of the image (0 to 1, with a fraction) and not to refuse them.
    """
    text = _answer(text).translate(_ASCII)
    failure: ParseFailure | None = None
    last: Box | None = None
    found = _BARE.fullmatch(text)
    for match in [found] if found else _BOX.finditer(text):
        values = [float(value) for value in _VALUES.findall(match[0])]
        if len(values) != 4:  # a run of points that are no two corners
            continue
        if "%" in match[0]:
            failure = ParseFailure(PERCENT)
        elif (
            not shares and "." in match[0] and max(values) <= 1.0 and min(values) >= 0.0 and any(v % 1 for v in values)
        ):
            failure = ParseFailure(SHARES)
        else:
            last = Box(*values)
    if last is not None:
        return last
    if failure is not None:
        return failure
    if "[" not in text:
        return ParseFailure(NO_BRACKET)
    return ParseFailure(NOT_FOUR_NUMBERS if _CLOSED.search(text) else NOT_CLOSED)


def _answer(text: str) -> str:
    """Return what was answered: without what was thought, and of tagged answers the last."""
    if "think>" in text:
        *thoughts, rest = text.split("</think>")
        before = [opened for opened, tag, _ in (part.partition("<think>") for part in thoughts) if tag]
        text = " ".join([*before, rest.partition("<think>")[0]])
    _, tag, answered = text.rpartition("<answer>")
    return answered.partition("</answer>")[0] if tag else text


@dataclass(frozen=True, slots=True)
class AnswerGrid:
    """The coordinates in which one image is answered.

    Attributes:
        space: one of `SPACES`.
        width: width of the grid: pixels of the original image, of the resized image, or 1000.
        height: its height.
        step: answers are rounded to multiples of this, as the base was taught (1 for published checkpoints).
    """

    space: str
    width: int
    height: int
    step: int = 1

    def to_original(self, box: Box, width: int, height: int) -> Box:
        """Map a box from this grid to pixels of the original `width` x `height` image."""
        return box.scaled(width / self.width, height / self.height)

    def to_answer(self, box: Box, width: int, height: int) -> Box:
        """Map a box from pixels of the original `width` x `height` image to this grid; inverse of `to_original`."""
        return box.scaled(self.width / width, self.height / height)

    def text(self, box: Box, width: int, height: int) -> str:
        """Write a box in pixels of the original `width` x `height` image as an answer: `[x0, y0, x1, y1]`."""
        answer = self.to_answer(box, width, height)
        return "[" + ", ".join(str(self.step * round(value / self.step)) for value in answer.as_list()) + "]"
