import math
import random
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from medloc.boxes import SPACES, AnswerGrid, Box, ParseFailure, giou, iou, parse_box
from tests.small import CHECKOUT
from tests.strategies import COORDINATES, any_floats, hostile_texts

BOXES = st.builds(Box, *[COORDINATES] * 4)

# --- Box and IoU


def test_a_box_knows_its_extent():
    box = Box(10, 20, 40, 60)
    assert (box.width, box.height, box.area) == (30, 40, 1200)
    assert box.as_list() == [10, 20, 40, 60]
    assert box.scaled(0.5, 2) == Box(5, 40, 20, 120)


@pytest.mark.parametrize("box", [Box(5, 0, 5, 9), Box(9, 0, 5, 9), Box(9, 9, 5, 5)])
def test_a_degenerate_or_unordered_box_covers_nothing(box):
    assert box.area == 0
    assert iou(box, box) == 0.0


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (Box(0, 0, 10, 10), Box(0, 0, 10, 10), 1.0),
        (Box(0, 0, 10, 10), Box(5, 0, 15, 10), 50 / 150),  # 5 x 10 shared, 100 + 100 - 50 covered
        (Box(0, 0, 10, 10), Box(2, 2, 4, 7), 10 / 100),  # inside
        (Box(0, 0, 10, 10), Box(10, 0, 20, 10), 0.0),  # half-open: touching is not sharing
        (Box(0, 0, 10, 10), Box(30, 30, 40, 40), 0.0),
        (Box(0, 0, 1, 1), Box(0.5, 0.5, 1.5, 1.5), 0.25 / 1.75),  # no +1 anywhere
    ],
)
def test_iou_by_hand(a, b, expected):
    assert iou(a, b) == expected
    assert iou(b, a) == expected


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("corner", range(4))
def test_iou_of_a_box_that_is_not_finite_is_zero(bad, corner):
    corners = [0.0, 0.0, 10.0, 10.0]
    corners[corner] = bad
    assert iou(Box(*corners), Box(0, 0, 10, 10)) == 0.0
    assert iou(Box(*corners), Box(*corners)) == 0.0


def test_a_broken_box_shares_nothing_with_a_larger_one():
    # without the check the overlap would be that of [-, 0, 10, 10]: max(0, nan) is 0
    assert iou(Box(0, 0, 20, 20), Box(math.nan, 0, 10, 10)) == 0.0


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_an_area_that_vanishes_or_overflows_shares_nothing(size):
    # 1e-200 squared is 0 and 1e200 squared is infinite: there is nothing to divide by
    assert iou(Box(0, 0, size, size), Box(0, 0, size, size)) == 0.0


@given(st.builds(Box, *[any_floats()] * 4), st.builds(Box, *[any_floats()] * 4))
def test_iou_is_symmetric_and_within_zero_and_one_for_any_floats(a, b):
    assert 0.0 <= iou(a, b) <= 1.0
    assert iou(a, b) == iou(b, a)


@given(BOXES)
def test_iou_with_itself_is_one_where_there_is_area(box):
    assert iou(box, box) == (1.0 if box.area > 0 else 0.0)


# --- generalised IoU


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (Box(0, 0, 10, 10), Box(0, 0, 10, 10), 1.0),
        (Box(0, 0, 10, 10), Box(5, 0, 15, 10), 50 / 150),  # the hull of 150 is covered
        (Box(0, 0, 2, 2), Box(1, 1, 3, 3), 1 / 7 - 2 / 9),  # 4 + 4 - 1 = 7 covered of a hull of 9
        (Box(0, 0, 2, 2), Box(2, 0, 4, 2), 0.0),  # side by side: no overlap, no gap
        (Box(0, 0, 1, 1), Box(3, 0, 4, 1), -0.5),  # 2 covered of a hull of 4
        (Box(0, 0, 1, 1), Box(99, 0, 100, 1), -0.98),  # 2 of 100: further is less
        (Box(1, 0, 1, 2), Box(0, 0, 2, 2), 0.0),  # a line inside: 4 covered of 4
        (Box(2, 2, 0, 0), Box(0, 0, 2, 2), 0.0),  # unordered: no area, its corners in the hull
        (Box(4, 0, 2, 2), Box(0, 0, 2, 2), -0.5),  # unordered beside: 4 covered of 8
        (Box(3, 3, 3, 3), Box(3, 3, 3, 3), -1.0),  # no hull
        (Box(0, 0, 0.5, 0.5), Box(0, 0, 0.5, 0.5), 1.0),  # a hull below one pixel
        (Box(0, 0, 1e200, 1e200), Box(0, 0, 1e200, 1e200), -1.0),  # a hull too large for a float
    ],
)
def test_giou_by_hand(a, b, expected):
    assert giou(a, b) == pytest.approx(expected, abs=1e-12)
    assert giou(b, a) == giou(a, b)


@given(st.builds(Box, *[any_floats()] * 4), st.builds(Box, *[any_floats()] * 4))
def test_giou_is_symmetric_and_never_above_iou_for_any_floats(a, b):
    assert -1.0 <= giou(a, b) <= iou(a, b)
    assert giou(a, b) == giou(b, a)


def test_giou_is_not_above_iou_where_rounding_makes_the_union_larger_than_the_hull():
    # side by side: 0.72 + 0.24 of a hull of 0.96, and the floats' ratio is 1 + 2e-16
    assert giou(Box(0.1, 0, 1.0, 0.8), Box(1.0, 0, 1.3, 0.8)) == 0.0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("corner", range(4))
def test_giou_of_a_box_that_is_not_finite_is_the_least(bad, corner):
    corners = [0.0, 0.0, 10.0, 10.0]
    corners[corner] = bad
    assert giou(Box(*corners), Box(0, 0, 10, 10)) == -1.0


@given(st.lists(st.tuples(*[st.integers(0, 500)] * 2, *[st.integers(1, 500)] * 2), min_size=2, max_size=2))
def test_giou_is_torchvision_s(rows):
    import torch
    from torchvision.ops import generalized_box_iou

    a, b = ([x, y, x + width, y + height] for x, y, width, height in rows)
    theirs = generalized_box_iou(torch.tensor([a], dtype=torch.float64), torch.tensor([b], dtype=torch.float64))
    assert giou(Box(*a), Box(*b)) == pytest.approx(theirs.item(), abs=1e-9)


# --- parsing


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("[148, 65, 237, 120]", Box(148, 65, 237, 120)),
        ("The nodule is here: [148, 65, 237, 120]. This box covers it.", Box(148, 65, 237, 120)),
        ("<think>[1,2,3,4]</think><answer>[5,6,7,8]</answer>", Box(5, 6, 7, 8)),
        ("[1,2,3,4] or rather [5,6]", Box(1, 2, 3, 4)),  # the last *complete* one
        ("[1,2,3,4] and [5,6,7,8", Box(1, 2, 3, 4)),
        ("[[1, 2, 3, 4]]", Box(1, 2, 3, 4)),
        ("[1, 2, 3, [5, 6, 7, 8]]", Box(5, 6, 7, 8)),
        ("[1, 2, 3, 4[", None),
        ('{"bbox_2d": [1, 2, 3, 4], "label": "x"}', Box(1, 2, 3, 4)),
        ("[-1.5, +2, 3.25, 4.123456789]", Box(-1.5, 2, 3.25, 4.123456789)),
        ("[\n 1\t,\r\n2 ,\u00a03\u2003, 4 ]", Box(1, 2, 3, 4)),
        ("[007,0,3,4]", Box(7, 0, 3, 4)),
        ("[9,9,1,1]", Box(9, 9, 1, 1)),  # unordered, but an answer
        ("[0,0,0,0]", Box(0, 0, 0, 0)),
        ("[123456789,0,1,2]", Box(123456789, 0, 1, 2)),
        ("(9, 9, 9, 9) then [[1, 2], [3, 4]]", Box(1, 2, 3, 4)),  # the last, whatever its form
        ("[1, 2, 3, 4], of which [5, 6] and [7%, 8%, 9%, 9%] and [.1, .2, .3, .4]", Box(1, 2, 3, 4)),
        ("[1, 2], [3, 4, 5, 6]", Box(3, 4, 5, 6)),
        ("<think>[9, 9, 9, 9]</think>[1, 2, 3, 4]<think>[8, 8, 8, 8]</think>", Box(1, 2, 3, 4)),
        ("[9, 9, 9, 9]</think>[1, 2, 3, 4]", Box(1, 2, 3, 4)),  # the template opened the thinking
        ("<answer>[9, 9, 9, 9]</answer><answer>[1, 2, 3, 4]", Box(1, 2, 3, 4)),
    ],
)
def test_the_last_complete_bracket_wins(text, box):
    assert (parse_box(text) or None) == box


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no bracket"),
        ("1, 2, 3, 4]", "no bracket"),
        ("[1, 2, 3, 4", "bracket not closed"),
        ("] [1, 2", "bracket not closed"),
        ("[]", "not four numbers"),
        ("[1, 2, 3]", "not four numbers"),
        ("[1, 2, 3, 4, 5]", "not four numbers"),
        ("[1 2 3 4]", "not four numbers"),
        ("[1;2;3;4]", "not four numbers"),
        ("[a, b, c, d]", "not four numbers"),
        ("[1e3, 2, 3, 4]", "not four numbers"),
        ("[- 1, 2, 3, 4]", "not four numbers"),
        ("[--1, 2, 3, 4]", "not four numbers"),
        ("[1234567890, 2, 3, 4]", "not four numbers"),
        ("[nan, inf, 3, 4]", "not four numbers"),
        ("[٣, 2, 3, 4]", "not four numbers"),  # Arabic-Indic digit
        ("[1, 2, 3, 4,,]", "not four numbers"),
        ("[., 2, 3, 4]", "not four numbers"),
        ("[1, 2, 3, 4)", "bracket not closed"),
        ("[1, 2], [3, 4], [5, 6]", "not four numbers"),  # a polygon is no box
        ("[1, 2] to [3, 4]", "not four numbers"),
        ("xmin=1, ymin=2, width=3, height=4", "no bracket"),
        ("148, 65, 237, 120 or so", "no bracket"),
        ("<think>[1, 2, 3, 4]", "no bracket"),  # cut off while thinking
        ("[1%, 2%, 3%, 4%]", "percent"),
        ("[0.1, 0.2, 0.3, 1]", "shares of the image"),
    ],
)
def test_a_failure_is_falsy_and_says_why(text, reason):
    assert parse_box(text) == ParseFailure(reason)
    assert not parse_box(text)


def test_a_box_is_truthy_even_at_zero():
    assert parse_box("[0,0,0,0]")


def rows_of_the_documents():
    """The table of forms in docs/formats.md: an answer, and what it says or why it is refused."""
    page = (CHECKOUT / "docs" / "formats.md").read_text(encoding="utf-8")
    table = page.partition("## Answers")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(.*)` \| (.*) \|$", table, re.MULTILINE)
    return [(answer.replace("\\|", "|"), said) for answer, said in rows]


def test_the_documents_list_what_is_read_and_what_is_refused():
    rows = rows_of_the_documents()
    assert len(rows) > 20
    for answer, said in rows:
        found = parse_box(answer)
        written = f"{[round(value, 4) for value in found.as_list()]}".replace(".0", "") if found else found.reason
        assert said.removeprefix("refused: ") == written, answer


def test_shares_are_read_where_they_are_asked_for():
    assert parse_box("[0.1, 0.2, 0.3, 1]", shares=True) == Box(0.1, 0.2, 0.3, 1)
    assert parse_box("[0, 0, 1, 1]") == Box(0, 0, 1, 1)  # whole numbers: a pixel


WAYS = ["[{}, {}, {}, {}]", "({},{},{},{})", "{}, {}, {}, {}", "[[{}, {}], [{}, {}]]", "({},{}),({},{})",
        "[{}px, {} px, {} pixels, {}PX,]", '["{}", "{}", "{}", "{}"]', "［{}，{}，{}，{}］",
        '{{"x1": {}, "y1": {}, "x2": {}, "y2": {}}}', "left={} top={} right={} bottom={}",
        "top-left ({}, {}), bottom-right ({}, {})", "<|box_start|>({},{}),({},{})<|box_end|>"]  # fmt: skip
NUMBERS = st.integers(2, 10**9 - 1).map(str) | st.decimals(2, 10**6, allow_nan=False).map("{:f}".format)
PROSE = st.text(alphabet="abc ,.\n<>\u00e4")


@given(st.lists(NUMBERS, min_size=4, max_size=4), st.sampled_from(WAYS), PROSE, PROSE, st.booleans())
def test_every_form_is_read_back_among_prose_and_thoughts(numbers, way, before, after, tagged):
    box = Box(*map(float, numbers))
    written = way.format(*numbers)
    if way == WAYS[2]:
        before = after = ""  # bare numbers are the whole answer
    text = f"{before} {written} {after}"
    assert parse_box(text) == box
    assert parse_box(f"<think>[7, 7, 8, 8]</think>{text}<think>[7, 7, 8, 8]") == box
    assert parse_box(f"[7, 7, 8, 8]<answer>{text}</answer>[7, 7, 8, 8]") == box
    assert parse_box(f"<think>{text}</think>") == ParseFailure("no bracket")


# --- against a slow literal parser

DIGITS = "0123456789"


def is_number(token):
    whole, dot, rest = token.removeprefix(token[:1] if token[:1] in ("+", "-") else "").partition(".")
    digits = all(c in DIGITS for c in whole + rest)
    return digits and (1 <= len(whole) <= 9 or (not whole and bool(dot) and bool(rest)))


def numbers_of(inner):
    """The numbers between two brackets, one comma too many at the end allowed; none where something else is there."""
    tokens = [token.strip() for token in inner.split(",")]
    if len(tokens) > 1 and not tokens[-1]:
        tokens.pop()
    return tokens if all(map(is_number, tokens)) else []


def innermost(text):
    """Begin and end of every pair of square brackets that holds no other, in order."""
    for start, character in enumerate(text):
        if character == "[":
            end = next((i for i in range(start + 1, len(text)) if text[i] in "[]"), start)
            if text[end] == "]":
                yield start, end + 1


def slow_parse(text):
    """Look at every innermost pair of brackets and every run of points, and keep the last that is a box."""
    text = text.split("<answer>")[-1]
    for i, digit in enumerate(DIGITS):
        text = text.replace(chr(0xFF10 + i), digit)
    candidates = [numbers_of(text)]
    if len(candidates[0]) != 4:
        run, last = [], None
        for start, end in innermost(text):
            numbers = numbers_of(text[start + 1 : end - 1])
            if not (run and len(numbers) == 2 and text[last:start].strip() in ("", ",")):
                candidates.append(run)
                run = []
            if len(numbers) == 2:
                run, last = [*run, *numbers], end
            else:
                candidates.append(numbers)
        candidates.append(run)
    found = None
    for numbers in candidates:
        values = [float(number) for number in numbers]
        share = "." in "".join(numbers) and all(0 <= v <= 1 for v in values) and any(v not in (0, 1) for v in values)
        if len(values) == 4 and not share:
            found = Box(*values)
    return found


PIECES = [
    *"[[[]]],,,,..  +-\n\t\u00a0",
    *DIGITS,
    *DIGITS,
    "[",
    "]",
    "１",
    "²",
    "x",
    "[12, 7, 90, 41]",
    ", 5",
    "[1,2,3,",
    "123456789",
    "-0.5",
]


def hostile_stream(seed, count):
    """Half pure noise, half a well-formed answer with a few characters changed."""
    draw = random.Random(seed)
    for k in range(count):
        if k % 2:
            yield "".join(draw.choices(PIECES, k=draw.randrange(24)))
        else:
            text = list(str([draw.randrange(-20, 1200) for _ in range(4)]))
            for _ in range(draw.randrange(4)):
                text[draw.randrange(len(text))] = draw.choice(PIECES)
            yield "".join(text)


def compare(seed, count):
    parsed = 0
    for text in hostile_stream(seed, count):
        found = parse_box(text)
        assert (found or None) == slow_parse(text), repr(text)
        parsed += bool(found)
    return parsed


def test_thirty_thousand_hostile_strings_agree_with_the_slow_parser():
    assert 6_000 < compare(seed=1, count=30_000) < 24_000


@pytest.mark.slow
def test_a_million_hostile_strings_agree_with_the_slow_parser():
    assert 200_000 < compare(seed=2, count=1_000_000) < 800_000


@given(hostile_texts())
def test_parsing_any_text_agrees_with_the_slow_parser(text):
    assume(not set(text) & set("()（）［］，、．－＋\"'“”‘’＂＇%％"))  # what the slow parser does not know
    assert (parse_box(text) or None) == slow_parse(text)


@given(
    st.lists(st.integers(-(10**9) + 1, 10**9 - 1), min_size=4, max_size=4),
    st.text(alphabet=st.characters(exclude_characters="[(［（")),
)
def test_what_was_written_is_read_back_before_any_prose(numbers, prose):
    assert parse_box(f"[9,9,9,9] {numbers} {prose}") == Box(*numbers)


N = 200_000


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5 * N,
        "]" * 5 * N,
        "[" * N + "]" * N,
        "[]" * N,
        "[1" * N,
        "[1,2,3,4" * (N // 4),
        "[" + " " * 5 * N,
        "[1" + " " * 5 * N,
        "[ 1 , 2 , 3 ," + " " * 5 * N + "x",
        ("[" + " " * 1000) * (N // 500),
        "[" + "1" * 5 * N + "]",
        "[" + "1," * 2 * N + "]",
        "[" + "1.1" * N + "]",
        "[" + "１" * 5 * N + "]",
        "(1,2)," * N,
        "x1=1,y1=1,y2=1," * (N // 3),
        "x1 = " + " " * 5 * N,
        "top-left (1,2) bottom" * (N // 4),
        "<think>" * N,
        "</think>" * N,
        "[1" + "\u2003" * 5 * N + ",",
    ],
    ids=lambda text: f"{text[:12]!r}...",
)
def test_a_million_hostile_characters_are_answered(text):
    # A quadratic parser would need hours for any of these; the suite would never end.
    assert not parse_box(text)
    assert parse_box(text + "</think>x[1,2,3,4]") == Box(1, 2, 3, 4)


# --- coordinate spaces


def test_spaces_are_the_three_grids():
    assert SPACES == ("pixels", "resized", "thousand")


def test_to_original_by_hand():
    # answered on a 1000 x 1000 grid, image of 600 x 450: x * .6, y * .45
    grid = AnswerGrid("thousand", 1000, 1000)
    assert grid.to_original(Box(100, 200, 500, 1000), 600, 450) == Box(60, 90, 300, 450)
    assert grid.to_answer(Box(60, 90, 300, 450), 600, 450).as_list() == pytest.approx([100, 200, 500, 1000])
    assert grid.text(Box(60, 90, 300, 450), 600, 450) == "[100, 200, 500, 1000]"


def test_an_answer_is_written_in_steps_of_its_grid():
    # 10/4 = 2.5 -> 2, 11/4 -> 3, 50/4 = 12.5 -> 12, 99/4 -> 25; times 4
    assert AnswerGrid("resized", 100, 100, step=4).text(Box(10, 11, 50, 99), 100, 100) == "[8, 12, 48, 100]"


@given(BOXES, *[st.integers(1, 5000)] * 4)
def test_there_and_back(box, width, height, answer_width, answer_height):
    grid = AnswerGrid("resized", answer_width, answer_height)
    back = grid.to_original(grid.to_answer(box, width, height), width, height)
    assert back.as_list() == pytest.approx(box.as_list(), rel=1e-12)


@given(BOXES, BOXES, st.integers(1, 5000), st.integers(1, 5000))
def test_iou_does_not_depend_on_the_grid(a, b, width, height):
    grid = AnswerGrid("thousand", 1000, 1000)
    if min(a.area, b.area) > 1:
        on_grid = [grid.to_answer(box, width, height) for box in (a, b)]
        assert iou(*on_grid) == pytest.approx(iou(a, b), abs=1e-6)
