"""What a run measures of its model and data before training: answers, best constant box, ceiling of the answer grid.

None of it depends on method, schedule or seed. It is computed once per fingerprint (of model, images, question) and
kept under `cache`; at 3B the answers take hours. A file is checked when it is read, and computed anew where it is torn
or is not the answer to these images. `rerun=true` computes everything anew.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from medloc.data import LoadedDataset
from medloc.data.box_baselines import best_constant_box, constant_box_ious, median_box
from medloc.data.example import Example
from medloc.evaluation.metrics import scores_of
from medloc.evaluation.samples import Sample, read_samples, write_samples
from medloc.runs.atomic import write_json
from medloc.runs.key import NUMERICS
from medloc.runs.record import ConstantBox, Scores
from medloc.spec.run import RunSpec
from medloc.training.distributed.ranks import barrier, broadcast_from_rank0, is_main_process, map_across_ranks
from medloc.training.systems import System

FOLDER = "untrained"


class Untrained:
    """The measurements before training of one system on one data set.

    Args:
        settings: The run's settings.
        data: Its data set.
        system: Its system, untrained.
    """

    def __init__(self, settings: RunSpec, data: LoadedDataset, system: System):
        self.folder = Path(settings.cache).expanduser() / FOLDER
        self.data, self.system, self.anew = data, system, settings.rerun

    def answers(self, examples: Sequence[Example], path: Path | None = None) -> list[Sample]:
        """Return the system's answers to some images, from `path` (an earlier attempt), the cache, or new.

        Every process has to call it.

        Args:
            examples: The images.
            path: A samples file of the run in which they are kept as well; None for none.
        """
        kept = self.folder / f"answers-{self._digest(examples, self.system.untrained)}.jsonl"
        sources = [path] if path else []
        sources += [] if self.anew else [kept]
        found = broadcast_from_rank0(next(filter(None, (_read_answers(source, examples) for source in sources)), None))
        answers = found or map_across_ranks(self.system.answer, examples)
        if is_main_process():
            if path:
                write_samples(path, answers)
            if found is None or not kept.exists():
                with suppress(OSError):  # the run needs no cache
                    write_samples(kept, answers)
        barrier()
        return answers

    def constant_box(self, examples: Sequence[Example]) -> ConstantBox:
        """Return the scores of one box for all of `examples`: the best on the training images, and their median."""
        boxes = {"best": best_constant_box, "median": median_box}

        def compute() -> dict[str, Scores]:
            return {name: _scores(constant_box_ious(box(self.data.train), examples)) for name, box in boxes.items()}

        scores: ConstantBox = self._once("constant-box", self._digest(examples, {}), compute, tuple(boxes))
        return scores

    def answer_grid(self, examples: Sequence[Example]) -> Scores:
        """Return the scores of the best answers that the system's answer grid can express."""
        digest = self._digest(examples, self.system.untrained)
        found = self._once(
            "answer-grid", digest, lambda: {"ceiling": _scores(self.system.nearest(examples))}, ("ceiling",)
        )
        scores: Scores = found["ceiling"]
        return scores

    def _once(self, name: str, digest: str, compute: Callable[[], Any], keys: tuple[str, ...]) -> Any:
        """Return scores by name from the cache, or compute and keep them."""
        path = self.folder / f"{name}-{digest}.json"
        scores = None if self.anew else broadcast_from_rank0(_read_scores(path, keys))
        if scores is None:
            scores = compute()
            if is_main_process():
                with suppress(OSError):
                    write_json(path, scores)
        return scores

    def _digest(self, examples: Sequence[Example], system: dict[str, Any]) -> str:
        """Return 16 hex digits of everything that the numbers depend on."""
        ids = [example.id for example in examples]
        content = {"data": self.data.fingerprint, "ids": ids, "system": system, "numerics": NUMERICS}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _read_answers(path: Path, examples: Sequence[Example]) -> list[Sample] | None:
    """Return the samples of a file if they are whole and those of the examples, in their order."""
    try:
        samples = list(read_samples(path))
    except (OSError, ValueError):
        return None
    same = [(sample.id, sample.truth) for sample in samples] == [(example.id, example.box) for example in examples]
    return samples if same else None


def _read_scores(path: Path, keys: tuple[str, ...]) -> Any:
    """Return the scores of a file under exactly these names; None where it does not hold them."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        whole = set(values) == set(keys) and all(set(values[key]) == set(Scores.__annotations__) for key in keys)
        numbers = whole and all(v is None or type(v) in (int, float) for key in keys for v in values[key].values())
        return values if numbers else None
    except (OSError, ValueError, TypeError):
        return None


def _scores(ious: Any) -> Scores:
    return scores_of(ious, texts=False)
