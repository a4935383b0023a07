"""A figure's file as an element of the page."""

import re
from typing import NamedTuple

from markupsafe import Markup

from medloc.report.style import GRID, INK, PAPER, QUIET

COLORS = {INK: "currentColor", QUIET: "var(--quiet)", GRID: "var(--line)", PAPER: "var(--card)"}
"""Colour in a figure's file -> the page's own, which follows the reader's light or dark."""

PIXELS = 96 / 72  # CSS pixels in a point


class Picture(NamedTuple):
    """An SVG element, and its natural width in CSS pixels."""

    element: Markup
    width: int


def inline_svg(text: str, name: str, title: str) -> Picture:
    """Return a figure as wide as its place, with the page's colours, and with ids that no other figure has.

    Args:
        text: The content of an SVG file that matplotlib wrote.
        name: Distinguishes its ids.
        title: What a reader who cannot see it hears.
    """
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    head, close, body = text.partition(">")
    width = re.search(r' width="([\d.]+)pt"', head)
    if width is None:
        raise ValueError(f"{name}: not an SVG of matplotlib, which says its width in points.")
    head = re.sub(r' (width|height)="[^"]*"', "", head)
    used = set(re.findall(r'(?:url\(|href=")#([^)"]+)', body))
    body = re.sub(r' id="([^"]*)"', lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "", body)
    body = re.sub(r'(url\(|href=")#', rf"\1#{name}-", body)
    for color, own in COLORS.items():
        body = body.replace(color, own)
    label = f' role="img" aria-label="{Markup.escape(title)}"'
    return Picture(Markup(f"{head}{label}{close}{body}".rstrip()), round(float(width[1]) * PIXELS))
