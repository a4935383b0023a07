"""What libraries raise when the disk or the numbers give out, said in one line with a remedy."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medloc.training.callbacks.finite import DivergedError

NO_PROBABILITIES = "probability tensor contains"  # torch.multinomial on NaN
NOT_WRITTEN = (
    "(os error ",
    "PytorchStreamWriter",
    "inline_container",
    "unexpected pos",
)  # safetensors, tokenizers, torch


@contextmanager
def failures_said(folder: Path) -> Iterator[None]:
    """Around everything that trains, or saves weights, below `folder`.

    Raises:
        OSError: weights, tokenizer or optimizer could not be written.
        DivergedError: the policy's probabilities are no numbers any more.
    """
    try:
        yield
    except (OSError, DivergedError):
        raise
    except Exception as error:  # tokenizers raises no other class than this
        if any(sign in str(error) for sign in NOT_WRITTEN):
            raise _not_written(folder, error) from error
        if NO_PROBABILITIES in str(error):
            raise DivergedError(
                "the policy's probabilities are not finite: its weights have run away; lower train.learning_rate."
            ) from error
        raise


def _not_written(folder: Path, error: Exception) -> OSError:
    reason = str(error).splitlines()[0][:200]
    return OSError(f"{folder} could not be written ({reason}); is the disk full? What was written before is kept.")
