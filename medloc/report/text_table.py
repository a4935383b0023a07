"""A table as text, before it has a format."""

from typing import NamedTuple


class TextTable(NamedTuple):
    """What the writers of Markdown and HTML print; nothing in it is escaped.

    Attributes:
        heading: Says what the rows stand for, the label of the data among it.
        header: One title per column.
        rows: As many texts each.
    """

    heading: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
