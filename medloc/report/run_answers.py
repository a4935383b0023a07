"""The answers that a run left beside its record."""

from collections.abc import Sequence
from pathlib import Path

from medloc.evaluation.samples import Sample, read_samples
from medloc.report.run_data import NotHereError
from medloc.runs import Record


def run_answers(record: Record, results: Path, ids: Sequence[str]) -> list[Sample]:
    """Return a run's answers to these images, in the order asked for.

    Raises:
        NotHereError: The run's samples.jsonl is not beside its record, or cannot be read, or lacks an image.
    """
    path = results / "runs" / record.key / "samples.jsonl"
    try:
        found = {sample.id: sample for sample in read_samples(path) if sample.id in ids}
        return [found[name] for name in ids]
    except FileNotFoundError:
        raise NotHereError(f"runs/{record.key}/samples.jsonl is not here") from None
    except KeyError as error:
        raise NotHereError(f"runs/{record.key}/samples.jsonl lacks {error}") from None
    except ValueError as error:
        raise NotHereError(str(error).replace(f"{results}/", "")) from None
