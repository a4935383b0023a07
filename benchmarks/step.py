"""One GRPO optimizer step: medloc's against plain TRL's, alternating in one process.

Both run a whole `train()` loop with the same model, images, completions per step, KL term and sampling seeds. They take
turns, step by step. A step's time includes everything from fetching the batch to logging.

    python -m benchmarks.step                                    tiny_s on the CPU
    python -m benchmarks.step --pairs 40 --threads 1
    python -m benchmarks.step --overrides model.path=/models/Qwen2.5-VL-3B-Instruct model.family=qwen2_5_vl
"""

import argparse
import copy
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from transformers import TrainerCallback
from transformers.trainer_callback import PrinterCallback
from transformers.utils import logging as transformers_logging
from trl import GRPOTrainer

from benchmarks.floor import floor_seconds
from benchmarks.output import show, write
from medloc.boxes import Box
from medloc.data import load_dataset
from medloc.data.prompts import prompt_for
from medloc.models.base import LoadedModel
from medloc.models.load import load_run_model
from medloc.rewards import judge, raw_iou
from medloc.spec.compose import compose_job
from medloc.spec.run import RunSpec
from medloc.training.grpo.rule import Rule
from medloc.training.grpo.train import grpo_config, training_rows
from medloc.training.grpo.trainer import CurriculumGRPOTrainer
from medloc.training.runner.machine import set_threads

WARM_UP = 3
PARTS = {  # method of the trainer -> name of its time, which excludes the parts that it calls
    "_tokenize_prompts": "image processing",
    "_generate_single_turn": "generation",
    "_calculate_rewards": "scoring",
    "_get_per_token_logps_and_entropies": "log-probabilities",
    "training_step": "loss and backward",
    "_generate_and_score_completions": "bookkeeping",
}


class Turnstile(TrainerCallback):
    """Makes the trainers of one process step in turn, and times each turn."""

    def __init__(self, mine: threading.Semaphore, next_one: threading.Semaphore):
        self.mine, self.next_one, self.seconds, self._begin = mine, next_one, [], 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Wait for the first turn."""
        self._enter(state)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """End this turn and waits for the next one."""
        self.seconds.append(time.perf_counter() - self._begin)
        self.next_one.release()
        if state.global_step < state.max_steps:
            self._enter(state)

    def _enter(self, state: Any) -> None:
        self.mine.acquire()
        torch.manual_seed(state.global_step)  # both trainers sample from the same random numbers
        self._begin = time.perf_counter()


class Parts:
    """Measures the time spent in a trainer's methods, each without the others it calls."""

    def __init__(self, trainer: Any):
        self.seconds: dict[str, float] = defaultdict(float)
        self._stack: list[float] = []
        for method, name in PARTS.items():
            setattr(trainer, method, self._timed(getattr(trainer, method), name))

    def _timed(self, plain: Callable[..., Any], name: str) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            begin = time.perf_counter()
            self._stack.append(0.0)
            try:
                return plain(*args, **kwargs)
            finally:
                whole = time.perf_counter() - begin
                self.seconds[name] += whole - self._stack.pop()
                if self._stack:
                    self._stack[-1] += whole

        return timed


def plain_trainer(loaded: LoadedModel, settings: RunSpec, rows: Any, steps: int, folder: Path) -> Any:
    """Return TRL's own trainer with the raw IoU as its reward."""

    def reward(completions: list, truth: list, width: list, height: list, **_: Any) -> list[float]:
        return [
            raw_iou(
                judge(one[0]["content"], Box(*box), lambda b, w=w, h=h: loaded.grid(w, h).to_original(b, w, h)), None
            )  # type: ignore[arg-type]
            for one, box, w, h in zip(completions, truth, width, height, strict=True)
        ]

    return GRPOTrainer(
        model=loaded.model,
        reward_funcs=[reward],
        processing_class=loaded.processor,
        args=grpo_config(settings, steps, folder),
        train_dataset=rows,
    )


def our_trainer(loaded: LoadedModel, settings: RunSpec, rows: Any, steps: int, folder: Path) -> Any:
    """Return medloc's trainer with the same reward and all of its optimizations."""
    trainer: Any = CurriculumGRPOTrainer(
        rule=Rule(raw_iou, None, None),
        grid=loaded.grid,
        on_observation=lambda _: None,
        model=loaded.model,
        processing_class=loaded.processor,
        args=grpo_config(settings, steps, folder),
        train_dataset=rows,
    )
    trainer.share(whole=True)
    trainer.decodes = True
    return trainer


def measure(overrides: list[str], pairs: int, threads: int) -> dict[str, Any]:
    """Run both trainers in turn and return the seconds of every pair after the warm-up, and ours by parts."""
    steps = pairs + WARM_UP
    job = compose_job(["method=raw_iou", f"threads={threads}", f"train.max_steps={steps}", *overrides])
    set_threads(threads)
    transformers_logging.set_verbosity_error()
    data = load_dataset(job.settings.dataset, Path(job.settings.cache))
    loaded = load_run_model(job.settings)
    rows = training_rows(data.train, prompt_for(job.settings.dataset.name, job.settings.dataset.prompt))
    turns = [threading.Semaphore(1), threading.Semaphore(0)]
    with TemporaryDirectory() as folder:
        trainers, stiles, parts = {}, {}, {}
        for i, (name, make) in enumerate({"plain": plain_trainer, "ours": our_trainer}.items()):
            own = LoadedModel(
                copy.deepcopy(loaded.model), copy.deepcopy(loaded.processor), loaded.grid, loaded.fingerprint
            )
            trainer = make(own, job.settings, rows, steps, Path(folder) / name)
            trainer.args.save_strategy = "no"
            trainer.remove_callback(PrinterCallback)
            stiles[name] = Turnstile(turns[i], turns[1 - i])
            trainer.add_callback(stiles[name])
            parts[name] = Parts(trainer)
            trainers[name] = trainer
        workers = [threading.Thread(target=_train, args=(trainer, threads)) for trainer in trainers.values()]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        floor = floor_seconds(loaded, data.train, job.settings)
    return {
        "plain": stiles["plain"].seconds[WARM_UP:],
        "ours": stiles["ours"].seconds[WARM_UP:],
        "parts": {name: {k: v / steps for k, v in part.seconds.items()} for name, part in parts.items()},
        "floor": floor,
    }


def _train(trainer: Any, threads: int) -> None:
    set_threads(threads)  # each thread has its own setting of denormal numbers
    trainer.train()


def main() -> None:
    """Measure, prints a table and the ratio, writes JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.step", description=__doc__)
    parser.add_argument("--pairs", type=int, default=20, help="pairs of steps after the warm-up")
    parser.add_argument("--threads", type=int, default=2, help="processor threads")
    parser.add_argument("--overrides", nargs="*", default=[], help="settings of medloc.run")
    options = parser.parse_args()
    found = measure(options.overrides, options.pairs, options.threads)
    ratios = [ours / plain for ours, plain in zip(found["ours"], found["plain"], strict=True)]
    names = sorted({name for part in found["parts"].values() for name in part})
    show(
        ["part", "plain TRL [s]", "medloc [s]"],
        [[n, found["parts"]["plain"].get(n), found["parts"]["ours"].get(n)] for n in names]
        + [["whole step (median)", statistics.median(found["plain"]), statistics.median(found["ours"])]]
        + [["floor: counted operations at the measured matrix rate", None, found["floor"]]],
    )
    write("step", {"options": vars(options), **found, "ratios": ratios})
    print(
        f"ratio {statistics.median(ratios):.3f} (min {min(ratios):.3f}, max {max(ratios):.3f}) over {len(ratios)} pairs"
    )


if __name__ == "__main__":
    main()
