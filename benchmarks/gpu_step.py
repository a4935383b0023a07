"""GRPO steps of a full-size model on one GPU, several settings in one call: time by part, memory, utilization.

Weights are random in the shape of a published checkpoint, so nothing is downloaded. The time of a step depends on the
weights only through the length of the answers; random weights end one early in one of 150,000 tokens. Images are noise
of 600 x 450 px. Plain TRL's trainer runs beside with the same optimizer and reference precision.

    python -m benchmarks.gpu_step                        the presets for 80, 48 and 24 GB, 7B with adapters, plain TRL
    python -m benchmarks.gpu_step --settings 80gb --plain none --overrides train.passes=2
    python -m benchmarks.gpu_step --losses --run         also packed against plain losses, and a whole run, resumed once
    python -m benchmarks.gpu_step --shrunk FOLDER --device cpu       the same on a small checkpoint, to see that it runs

A setting that runs out of memory is reported as that, and the next one is tried. Model operations are 2 per parameter
and token in a forward pass and 4 in a backward pass, over the tokens that plain TRL computes: 2 for generation, 2 for
the reference, 6 for the policy. They are printed as a share of the measured rate of a bfloat16 matrix product.
"""

import argparse
import gc
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from transformers.trainer_callback import PrinterCallback, TrainerCallback
from transformers.utils import logging as transformers_logging

from benchmarks.output import show, write
from benchmarks.random_model import noise_examples, random_model
from benchmarks.step import plain_trainer
from medloc.data.prompts import prompt_for
from medloc.models.base import LoadedModel
from medloc.models.load import resolve_device
from medloc.models.memory import estimate
from medloc.rewards import raw_iou
from medloc.spec.compose import compose_job
from medloc.spec.run import RunSpec
from medloc.training.callbacks.trace import TraceWriter
from medloc.training.grpo import train
from medloc.training.grpo.rule import Rule

SETTINGS = {  # name -> overrides
    "80gb": ("model=qwen2_5_vl_3b", "train=paper_80gb"),
    "48gb": ("model=qwen2_5_vl_3b", "train=paper_48gb"),
    "24gb": ("model=qwen2_5_vl_3b", "train=paper_24gb"),
    "7b": ("model=qwen2_5_vl_7b", "train=paper_24gb"),
}
PARTS = ("prefill", "decode", "reference", "update", "optimizer", "rest")
WARM_UP = 2


class Watch(TrainerCallback):
    """Measures a trainer's steps and their parts; waits for the GPU at both ends of each.

    Args:
        trainer: a GRPOTrainer before `train()`.
    """

    def __init__(self, trainer: Any):
        self.steps: list[float] = []
        self.seconds: dict[str, float] = defaultdict(float)
        self._inner: list[float] = []
        self._began = self._generating = self._optimizing = 0.0
        self.prompt_tokens = 0
        self._time(trainer, "_generate_single_turn", lambda: "decode")
        self._time(trainer, "_get_per_token_logps_and_entropies", self._which)
        self._time(trainer, "training_step", lambda: "update")
        self._time(trainer, "_generate_and_score_completions", lambda: "rest")
        language = next(part for name, part in trainer.model.named_modules() if name.endswith("language_model"))
        language.register_forward_hook(self._first_pass)

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the clock; the warm-up does not count."""
        if state.global_step == WARM_UP:
            self.steps, self.seconds = [], defaultdict(float)
            if torch.cuda.is_available():
                torch.cuda.reset_peak_memory_stats()
        self._began = _now()

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Note when the optimizer begins."""
        self._optimizing = _now()

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Note when it ends."""
        self.seconds["optimizer"] += _now() - self._optimizing

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Stop the clock."""
        self.steps.append(_now() - self._began)

    def split(self) -> dict[str, float]:
        """Return the mean seconds of every part of a step."""
        return {part: self.seconds[part] / max(1, len(self.steps)) for part in PARTS}

    @staticmethod
    def _which() -> str:
        return "update" if torch.is_grad_enabled() else "reference"

    def _first_pass(self, *_: Any) -> None:
        """The first forward pass of a generation is the prefill; what follows is decoding."""
        if self._generating:
            self.seconds["prefill"] += _now() - self._generating
            self._inner[-1] += _now() - self._generating
            self._generating = 0.0

    def _time(self, trainer: Any, method: str, part: Callable[[], str]) -> None:
        """Time a method without the timed ones that it calls."""
        plain = getattr(trainer, method)

        def timed(*args: Any, **kwargs: Any) -> Any:
            begin = _now()
            self._inner.append(0.0)
            if method == "_generate_single_turn":
                self._generating = begin
            try:
                return plain(*args, **kwargs)
            finally:
                whole = _now() - begin
                self._generating = 0.0
                self.seconds[part()] += whole - self._inner.pop()
                if self._inner:
                    self._inner[-1] += whole

        setattr(trainer, method, timed)


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def matrix_rate(device: torch.device, size: int, repeats: int = 20) -> float:
    """Return operations per second of a bfloat16 product of two square matrices."""
    a, b = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    seconds = []
    for _ in range(repeats):
        begin = _now()
        torch.mm(a, b)
        seconds.append(_now() - begin)
    return 2 * size**3 / statistics.median(seconds)


def step_settings(options: argparse.Namespace, name: str, steps: int, *more: str) -> RunSpec:
    """Return the settings of `name` for so many steps; a small checkpoint has the presets' precision all the same."""
    path = [f"model.path={options.shrunk}", f"model.max_pixels={options.max_pixels}"] if options.shrunk else []
    return compose_job(
        [
            *(*SETTINGS[name], *path, "method=raw_iou", f"train.max_steps={steps}", "train.epochs=null"),
            *("train.table_step=null", f"train.max_completion_length={options.tokens}", f"device={options.device}"),
            *options.overrides,
            *more,
        ]
    ).settings


def run_steps(plain: bool, settings: RunSpec, device: torch.device, base: Path) -> tuple[Any, Watch]:
    """Train for the settings' steps with plain TRL or as `medloc run` does; return the trainer and its watch."""
    torch.manual_seed(0)
    steps = settings.train.max_steps or 0
    loaded = random_model(settings, device, base)
    prompt = prompt_for("ham10000", None)
    found: list[Any] = []

    def watched(trainer: Any, *_: Any) -> None:
        trainer.args.save_strategy = "no"
        trainer.generation_config.min_new_tokens = settings.train.max_completion_length
        trainer.remove_callback(PrinterCallback)
        found.extend((trainer, Watch(trainer)))
        trainer.add_callback(found[1])
        trainer.train()

    with TemporaryDirectory() as name:
        folder = Path(name)
        examples = noise_examples(folder, settings.train.prompts_per_step * steps)
        if plain:
            watched(plain_trainer(loaded, settings, train.training_rows(examples, prompt), steps, folder))
        else:
            with _replaced(train, "fit", watched):  # everything up to the training loop is the product's own
                rule, trace = Rule(raw_iou, None, None), TraceWriter(folder, 0)
                train.train_grpo(loaded, rule, examples, prompt, settings, folder, trace, [trace])
        found[1].prompt_tokens = _prompt_tokens(loaded, train.training_rows(examples[:1], prompt)[0])
    return found[0], found[1]


@contextmanager
def _replaced(place: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(place, name)
    setattr(place, name, value)
    try:
        yield
    finally:
        setattr(place, name, before)


def measure(plain: bool, name: str, options: argparse.Namespace, device: torch.device, base: Path) -> dict[str, Any]:
    """Measure one setting over the warm-up and the measured steps, in one trainer.

    Raises:
        torch.OutOfMemoryError: it does not fit.
    """
    settings = step_settings(options, name, options.steps + WARM_UP)
    trainer, watch = run_steps(plain, settings, device, base)
    parameters = sum(p.numel() for p in trainer.model.parameters())
    completions = settings.train.prompts_per_step * settings.train.group_size
    tokens = completions * (watch.prompt_tokens + options.tokens)
    seconds, split = statistics.median(watch.steps), watch.split()
    gpu = device.type == "cuda"
    return {
        "step_s": seconds,
        "steps": watch.steps,
        "split_s": split,
        "decode_ms_a_token": 1000 * split["decode"] / options.tokens,
        "peak_gb": torch.cuda.max_memory_allocated() / 1e9 if gpu else None,
        "estimated_gb": None if options.shrunk else estimate(settings)["peak"],
        "parameters": parameters,
        "prompt_tokens": watch.prompt_tokens,
        "completions_per_s": completions / seconds,
        "model_flop": parameters * tokens * (2 + 2 + 6),  # generation, reference, policy with its gradient
    }


def losses(options: argparse.Namespace, device: torch.device, base: Path) -> dict[str, list[list[float]]]:
    """Return loss and gradient norm of three steps from the same weights and seed, groups packed and rows separate."""
    found = {}
    for share in ("true", "false"):
        settings = step_settings(options, "48gb", 3, f"train.share_prompts={share}", "train.passes=1")
        trainer, _ = run_steps(False, settings, device, base)
        logs = [line for line in trainer.state.log_history if "grad_norm" in line]
        found["packed" if share == "true" else "separate"] = [[line["loss"], line["grad_norm"]] for line in logs]
        del trainer
        clear()
    return found


def whole_run(options: argparse.Namespace) -> dict[str, Any]:
    """Make a miniature run from settings to record, ended once by SIGTERM after three steps and then resumed."""
    with TemporaryDirectory() as name:
        command = [sys.executable, "-m", "medloc.run", *RUN, f"results={name}", f"device={options.device}"]
        first = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while first.poll() is None and _lines(Path(name)) < 3:
            time.sleep(0.05)
        first.send_signal(signal.SIGTERM)
        ended, before = first.wait(), _lines(Path(name))
        second = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        record = json.loads(next(Path(name).glob("runs/*/record.json")).read_text(encoding="utf-8"))
        return {
            "first_ended_with": ended,
            "steps_before": before,
            "second_ended_with": second.returncode,
            "status": record["status"],
            "gpu": record["provenance"].get("gpu"),
            "steps": _lines(Path(name)),
        }


RUN = (
    *("train.max_steps=8", "train.optimizer=adamw_8bit", "train.bf16=true", "train.reference_dtype=bfloat16"),
    *("dataset.phantom.train=64", "dataset.phantom.test=32", "evaluation.points=2", "evaluation.images=16"),
)


def _lines(results: Path) -> int:
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in results.glob("runs/*/trace.jsonl"))


def clear() -> None:
    """Give the memory of what is no longer held back to the GPU."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def _prompt_tokens(loaded: LoadedModel, row: dict[str, Any]) -> int:
    content = [{"type": "image"}, {"type": "text", "text": row["prompt"][0]["content"]}]
    text = loaded.processor.apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
    )
    return int(loaded.processor(text=[text], images=[row["image"]], return_tensors="pt")["input_ids"].shape[1])


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser("python -m benchmarks.gpu_step", description=__doc__)
    made.formatter_class = argparse.RawDescriptionHelpFormatter
    made.add_argument("--settings", nargs="+", default=list(SETTINGS), choices=tuple(SETTINGS), help="measured in turn")
    made.add_argument("--plain", default="80gb", choices=(*SETTINGS, "none"), help="setting that plain TRL runs, too")
    made.add_argument("--overrides", nargs="*", default=[], help="settings of medloc.run, for all of them")
    made.add_argument("--shrunk", help="a folder with a small checkpoint of that family instead")
    made.add_argument("--max-pixels", type=int, default=50176, help="largest image of the small checkpoint")
    made.add_argument("--device", default="auto", choices=("auto", "cpu"))
    made.add_argument("--tokens", type=int, default=128, help="tokens of every answer")
    made.add_argument("--steps", type=int, default=3, help="measured steps, after a warm-up of two")
    made.add_argument("--losses", action="store_true", help="three steps packed against separate rows")
    made.add_argument("--run", action="store_true", help="a miniature run from settings to record, resumed once")
    made.add_argument("--matrix", type=int, default=8192, help="side of the matrices of the measured rate")
    return made


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Measure, print a table after every setting, write JSON; return the measurements."""
    options = parser().parse_args(arguments)
    os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    device = resolve_device(options.device)
    gpu = device.type == "cuda"
    if options.device == "auto" and not gpu:
        raise SystemExit("benchmarks.gpu_step: no GPU here; --device cpu --shrunk FOLDER runs a small model.")
    rate, name = matrix_rate(device, options.matrix), torch.cuda.get_device_name() if gpu else "cpu"
    print(f"{name}{', shrunk models' if options.shrunk else ''}, {rate / 1e12:.2f} TFLOP/s in bfloat16", flush=True)
    found: dict[str, Any] = {"options": vars(options), "device": name, "matrix_rate": rate, "settings": {}}
    measured = found["settings"]
    with TemporaryDirectory() as folder:
        if options.losses:
            found["losses"] = losses(options, device, Path(folder) / SETTINGS["48gb"][0])
            print(f"loss and gradient norm of three steps: {found['losses']}", flush=True)
        for each, plain in [(one, plain) for one in options.settings for plain in (False, True)]:
            if plain and each != options.plain:
                continue
            label = f"{each}, plain TRL" if plain else each
            try:
                measured[label] = measure(plain, each, options, device, Path(folder) / SETTINGS[each][0])
            except torch.OutOfMemoryError as error:
                measured[label] = {"failed": str(error).partition(". ")[0]}
            clear()
            write("gpu_step", found)  # whatever ends the script, what was measured stays
    if options.run:
        found["run"] = whole_run(options)
        print(f"whole run: {found['run']}", flush=True)
    table(measured, rate)
    write("gpu_step", found)
    return found


def table(measured: dict[str, dict[str, Any]], rate: float) -> None:
    """Print the measurements, a column for every setting."""
    ran = {label: one for label, one in measured.items() if "failed" not in one}
    rows: list[list[Any]] = []
    for key in ("step_s", "peak_gb", "estimated_gb", "completions_per_s", "decode_ms_a_token"):
        rows.append([key, *(one[key] for one in ran.values())])
    for part in PARTS:
        rows.append([f"{part} [s]", *(one["split_s"][part] for one in ran.values())])
    rows.append(["share of the matrix rate", *(one["model_flop"] / one["step_s"] / rate for one in ran.values())])
    show(["", *ran], rows)
    for label in measured.keys() - ran.keys():
        print(f"{label}: {measured[label]['failed']}")


if __name__ == "__main__":
    main()
