"""`python -m medloc.score`: score a samples.jsonl again from its texts alone."""

import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from medloc.boxes import AnswerGrid, ParseFailure
from medloc.cli import entry
from medloc.evaluation.metrics import scores_of
from medloc.evaluation.samples import read_samples
from medloc.rewards.base import judge
from medloc.runs import Scores

HELP = """\
python -m medloc.score SAMPLES

Scores a run again from its samples.jsonl alone: parses every answer's text, maps the box from the answer's
grid to pixels of the original image, recomputes the IoU, and prints the metrics as one line of JSON, as
fractions:

  {"n", "a50", "a80", "map", "mean_iou", "parse_rate"}

  a50, a80    share of images with IoU >= 0.5, >= 0.8
  map         mean share over the thresholds 0.50, 0.55 ... 0.95
  parse_rate  share of answers that hold a box

No GPU and no torch; any number of lines in the same memory.

Example:
  python -m medloc.score results/runs/0123456789abcdef/samples.jsonl

Exit status: 0 all agree, 1 a stored iou disagrees with its text (count and first few on standard error),
             2 the file is missing or a line of it is bad (named by its number).
"""

SHOWN = 5
TOLERANCE = 1e-9  # stored IoUs have 6 decimals: anything beyond the noise of a float is a disagreement


def rescore(path: Path) -> tuple[Scores, int, list[str]]:
    """Parse, map and measure every answer of a samples file again.

    Returns:
        The metrics; the number of stored IoUs that differ from those recomputed; a line on each of the first few.

    Raises:
        ValueError: A line is not a sample; the message names it.
        FileNotFoundError: There is no such file.
    """
    count, shown = 0, []

    def ious() -> Iterator[float | None]:
        nonlocal count
        for sample in read_samples(path):
            grid = AnswerGrid(sample.space, sample.answer_width, sample.answer_height)
            answer = judge(
                sample.text, sample.truth, partial(grid.to_original, width=sample.width, height=sample.height)
            )
            if abs(sample.iou - answer.iou) > TOLERANCE:
                count += 1
                if count <= SHOWN:
                    recomputed = f"{answer.iou} recomputed from {sample.text[:80]!r}"
                    shown.append(f"  {sample.id}: iou {sample.iou} is stored, {recomputed}")
            yield None if isinstance(answer.box, ParseFailure) else answer.iou

    return scores_of(ious()), count, shown


@entry("score")
def main(arguments: list[str]) -> int:
    """Run the command and return its exit status."""
    if len(arguments) != 1 or arguments[0] in ("-h", "--help"):
        asked = arguments[:1] in (["-h"], ["--help"])
        print(HELP, end="", file=sys.stdout if asked else sys.stderr)
        return 0 if asked else 2
    try:
        metrics, disagreeing, shown = rescore(Path(arguments[0]))
    except FileNotFoundError:
        raise ValueError(
            f"{arguments[0]}: no such file; a run leaves its samples.jsonl in results/runs/<key>/."
        ) from None
    print(json.dumps(metrics))
    if disagreeing:
        print(f"{disagreeing} of {metrics['n']} stored IoUs disagree:", *shown, sep="\n", file=sys.stderr)
    return 1 if disagreeing else 0


if __name__ == "__main__":
    sys.exit(main())
