"""One disagreement of the paper with itself."""

from typing import NamedTuple


class Finding(NamedTuple):
    """What the audit found at one place.

    Attributes:
        kind: One of `medloc.report.audit.KINDS`.
        place: Table or section.
        printed: What stands there.
        follows: What the paper's other numbers say.
    """

    kind: str
    place: str
    printed: str
    follows: str
