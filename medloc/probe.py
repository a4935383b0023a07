"""`python -m medloc.probe`: before training, what the model answers and how many groups would teach nothing."""

import sys
from collections.abc import Iterator

from medloc.cli import entry
from medloc.curriculum import curriculum_from
from medloc.evaluation.probe import (
    BINS,
    IOU,
    Begin,
    Scale,
    Start,
    advise,
    begin_of,
    failures,
    histogram,
    sample_start,
    scale_of,
    shares_at,
)
from medloc.evaluation.spaces import LEAST, Reading, readings
from medloc.spec.compose import compose_job
from medloc.spec.machine import cores

MEMORY = "--memory"
IMAGES = 256
BAR = 40  # characters of the longest bar

HELP = """\
python -m medloc.probe [images=256] [OVERRIDE ...]
python -m medloc.probe --memory [OVERRIDE ...]

Samples a group of answers for training images, as a training step would, and prints
  - how many answers hold a box, and why the others do not;
  - how good they are: a histogram of their IoU;
  - per threshold the share of groups that are all-miss, mixed and all-hit: all-miss and all-hit groups are dead, their
    advantages are 0 (Eq. 5);
  - where tau should begin, and why;
  - whether the boxes look as if they were written in another coordinate space than the model's family is said to use
    (pixels, resized, thousand, unit).
Overrides are those of medloc.run; nothing is trained, nothing is written but phantoms.

--memory estimates instead what a run would hold on each GPU, from the model's configuration and the size of the data
set's largest image, and says which settings would fit a card. It loads no weights and needs no network.

  python -m medloc.probe dataset=heel
  python -m medloc.probe dataset=tn3k dataset.root=/data/tn3k images=32
  python -m medloc.probe --memory model=qwen2_5_vl_3b train=paper_24gb
  python -m medloc.probe --memory model=qwen2_5_vl_7b train=paper launch=zero3
"""


@entry("probe")
def main(arguments: list[str]) -> int:
    """Run the command line; return 0, or 2 with one line on what is wrong."""
    if arguments and arguments[0] in ("-h", "--help"):
        print(HELP, end="")
        return 0
    images = image_count(arguments)
    job = compose_job([a for a in arguments if not a.startswith("images=") and a != MEMORY])
    if MEMORY in arguments:
        from medloc.models.memory import estimate_text

        print(estimate_text(job.settings))
        return 0
    begin = begin_of(curriculum_from(job.config).params.schedule, job.settings.method)
    scale = scale_of(job.settings.method.reward)
    from medloc.training.runner.machine import set_threads  # torch is imported here, not for --help

    set_threads(job.settings.threads or cores())
    print("\n".join(report(sample_start(job.settings, images), begin, scale)))
    return 0


def image_count(arguments: list[str]) -> int:
    """Return the number of images asked for.

    Raises:
        ValueError: it is no whole number, or below 1.
    """
    given = [argument.partition("=")[2] for argument in arguments if argument.startswith("images=")] or [str(IMAGES)]
    if not (given[-1].isascii() and given[-1].isdigit() and int(given[-1]) >= 1):
        raise ValueError(f"images={given[-1]} must be a whole number of at least 1; the default is {IMAGES}.")
    return int(given[-1])


def report(start: Start, begin: Begin, scale: Scale = IOU) -> Iterator[str]:
    """Yield what is printed, line by line.

    Args:
        start: the sampled answers.
        begin: where tau begins under the job's settings.
        scale: what the method compares with tau.
    """
    answers = [answer for group in start.answers for answer in group]
    why = failures(answers)
    reasons = "".join(f"; {reason}: {count}" for reason, count in why.most_common())
    yield f"{start.title}, percent"
    yield ""
    yield f"a box in {100 * (1 - why.total() / len(answers)):.1f} of {len(answers)} answers{reasons}"
    yield ""
    yield from _histogram([answer.iou for answer in answers])
    yield ""
    groups = start.groups(scale)
    yield "tau   all-miss  mixed  all-hit" + ("" if scale == IOU else f"   (tau is on the scale of {scale.name})")
    for tau in scale.thresholds:
        miss, mixed, hit = (100 * share for share in shares_at(groups, tau))
        yield f"{tau:.2f} {miss:9.1f} {mixed:6.1f} {hit:8.1f}"
    yield ""
    yield _advice(groups, begin, scale)
    yield ""
    yield from _spaces(readings(start.spoken, start.space), start.space)


def _advice(groups: list[list[float]], begin: Begin, scale: Scale) -> str:
    if begin.tau is None or begin.key is None:
        return f"no tau0 to advise: {begin.reason}."
    advice = advise(groups, begin.tau, scale.starts)
    return f"{'no tau0 to advise' if advice.tau0 is None else f'{begin.key}={advice.tau0:g}'}: {advice.reason}"


def _histogram(ious: list[float]) -> Iterator[str]:
    counts = histogram(ious)
    for low, count in zip(BINS, counts, strict=True):
        bar = "#" * round(BAR * count / max(counts))
        yield f"IoU {low:.1f}-{low + 0.1:.1f} {100 * count / len(ious):5.1f} {bar}".rstrip()


def _spaces(found: list[Reading], declared: str) -> Iterator[str]:
    own = next(reading for reading in found if reading.space == declared)
    if own.images < LEAST:
        yield f"coordinate space: {own.images} images with a box are too few to tell; {LEAST} are needed."
        return
    yield f"mean IoU of the answers read as {declared} (the model's family) {own.mean_iou:.3f}, N = {own.images} images"
    for reading in found:
        if reading.space != declared and reading.gain is not None and reading.error is not None:
            yield f"{f'as {reading.space}':>12} {reading.mean_iou:.3f}, gain {reading.gain:+.3f} ± {reading.error:.3f}"
    best = found[0]
    if best.convincing:
        yield (
            f"WARNING: the answers look as if they were written in {best.space}, not in {declared}: choose the family "
            "that the model belongs to (model.family, model.min_pixels, model.max_pixels) before training."
        )
    else:
        yield "no other reading is convincingly better."


if __name__ == "__main__":
    sys.exit(main())
