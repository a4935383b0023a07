"""One GRPO optimizer step of a full-size model on one GPU: time by part, memory, and utilization.

Weights are random in the shape of a published checkpoint, so nothing is downloaded. The time of a step depends on the
weights only through the length of the answers, which is fixed here (an end token is never sampled). Images are noise of
600 x 450 px. medloc's trainer and plain TRL's run one after the other on the same model.

    python -m benchmarks.gpu_step                                    Qwen2.5-VL-3B, 4 prompts x 8, bfloat16 on the GPU
    python -m benchmarks.gpu_step --model qwen3_vl_4b --steps 10 --only ours
    python -m benchmarks.gpu_step --shrunk FOLDER --device cpu       the same on a small checkpoint, to see that it runs

Model operations are 2 per parameter and token in a forward pass and 4 in a backward pass, over the tokens that plain
TRL computes: 2 for generation, 2 for the reference, 6 for the policy. They are printed as a share of the measured rate
of a bfloat16 matrix product.
"""

import argparse
import gc
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import AutoConfig
from transformers.trainer_callback import PrinterCallback, TrainerCallback
from transformers.utils import logging as transformers_logging

from benchmarks.output import show, write
from benchmarks.step import Parts, our_trainer, plain_trainer
from medloc.boxes import Box
from medloc.data.example import Example
from medloc.data.prompts import known_prompts, prompt_for
from medloc.models.base import LoadedModel, load_part
from medloc.models.families import vision_language_families
from medloc.models.load import resolve_device
from medloc.models.published import SHAPES
from medloc.models.tiny.vlm import tiny_tokenizer
from medloc.spec.compose import compose_job
from medloc.spec.run import RunSpec
from medloc.training.grpo.train import training_rows

WIDTH, HEIGHT, GROUP = 600, 450, 8
WARM_UP = 2
COARSE = {  # part of `benchmarks.step` -> its phase
    "image processing": "generation",
    "generation": "generation",
    "scoring": "scoring",
    "log-probabilities": "scoring",
    "loss and backward": "update",
    "bookkeeping": "scoring",
}


class Clock(TrainerCallback):
    """Measures the wall seconds of every step; waits for the GPU at both ends."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._begin = 0.0

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the clock."""
        _drain()
        self._begin = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Stop it; peak memory is counted after the warm-up."""
        _drain()
        self.seconds.append(time.perf_counter() - self._begin)
        if state.global_step == WARM_UP and torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()


def _drain() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def matrix_rate(device: torch.device, size: int, repeats: int = 20) -> float:
    """Return operations per second of a bfloat16 product of two square matrices."""
    a, b = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    seconds = []
    for _ in range(repeats):
        _drain()
        begin = time.perf_counter()
        torch.mm(a, b)
        _drain()
        seconds.append(time.perf_counter() - begin)
    return 2 * size**3 / statistics.median(seconds)


def random_model(settings: RunSpec, device: torch.device, folder: Path) -> LoadedModel:
    """Build the model with random weights, save it for TRL's reference, and put it on the device.

    The tokenizer is the miniature's: the published one's 150,000 tokens do not change what a step costs.
    """
    family = vision_language_families()[settings.model.family]
    local = settings.model.path if settings.model.path and Path(settings.model.path).is_dir() else None
    config = load_part(AutoConfig, local) if local else SHAPES[settings.model.name]()
    processor = load_part(family.processor, local) if local else _processor(settings, config)
    if settings.model.attention:
        config._attn_implementation = settings.model.attention  # type: ignore[attr-defined]
    with torch.device(device):
        model = family.model(config)
    end = processor.tokenizer.eos_token_id
    model.generation_config.update(eos_token_id=end, pad_token_id=processor.tokenizer.pad_token_id)
    family.bound(processor.image_processor, settings.model.min_pixels, settings.model.max_pixels)
    model.save_pretrained(folder)  # trl builds the reference from where the policy came from
    processor.save_pretrained(folder)
    model.config._name_or_path = str(folder)
    grid = lambda w, h: family.grid(processor.image_processor, w, h)  # noqa: E731
    return LoadedModel(model.eval(), processor, grid, "random")


def _processor(settings: RunSpec, config: Any) -> Any:
    """Build Qwen's processor with the miniature's tokenizer; set the model's ids of special tokens."""
    from transformers import Qwen2VLImageProcessor, Qwen2VLVideoProcessor, Qwen3VLVideoProcessor

    if settings.model.family not in ("qwen2_5_vl", "qwen3_vl"):
        raise SystemExit(f"--model {settings.model.name}: only Qwen's shapes have a processor here.")
    tokenizer = tiny_tokenizer(known_prompts(), largest_number=1000)
    ids = {name: tokenizer.convert_tokens_to_ids(f"<|{name}|>") for name in ("image_pad", "video_pad", "vision_start")}
    config.image_token_id, config.video_token_id = ids["image_pad"], ids["video_pad"]
    config.vision_start_token_id = ids["vision_start"]
    config.vision_end_token_id = tokenizer.convert_tokens_to_ids("<|vision_end|>")
    vision = config.vision_config
    images = Qwen2VLImageProcessor(
        patch_size=vision.patch_size,
        merge_size=vision.spatial_merge_size,
        size={"shortest_edge": 3136, "longest_edge": 12845056},
    )
    videos = Qwen2VLVideoProcessor() if settings.model.family == "qwen2_5_vl" else Qwen3VLVideoProcessor()
    return vision_language_families()[settings.model.family].processor(
        image_processor=images, tokenizer=tokenizer, video_processor=videos, chat_template=tokenizer.chat_template
    )


def noise_examples(folder: Path, count: int) -> list[Example]:
    """Draw `count` images of noise, each with the same box."""
    drawn = np.random.default_rng(0)
    examples = []
    for i in range(count):
        path = folder / f"{i}.jpg"
        Image.fromarray(drawn.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)).save(path)
        examples.append(Example(str(i), path, WIDTH, HEIGHT, Box(100, 100, 400, 300), str(i), ""))
    return examples


def measure(make: Any, options: argparse.Namespace, device: torch.device) -> dict[str, Any]:
    """Run one trainer over the warm-up and the measured steps."""
    steps = options.steps + WARM_UP
    settings = _settings(options, steps)
    torch.manual_seed(0)
    with TemporaryDirectory() as name:
        folder = Path(name)
        loaded = random_model(settings, device, folder / "base")
        parameters = sum(p.numel() for p in loaded.model.parameters())
        rows = training_rows(noise_examples(folder, options.prompts * steps), prompt_for("ham10000", None))
        trainer = make(loaded, settings, rows, steps, folder / "run")
        trainer.args.save_strategy = "no"
        trainer.generation_config.min_new_tokens = options.tokens  # answers of one length, whatever the weights
        trainer.remove_callback(PrinterCallback)
        clock, parts = Clock(), Parts(trainer)
        trainer.add_callback(clock)
        trainer.train()
        prompt = _prompt_tokens(loaded, rows[0])
    seconds = statistics.median(clock.seconds[WARM_UP:])
    completions = options.prompts * GROUP
    tokens = completions * (prompt + options.tokens)
    peak = torch.cuda.max_memory_allocated() / 1e9 if device.type == "cuda" else None
    split: dict[str, float] = dict.fromkeys(("generation", "scoring", "update"), 0.0)
    for part, value in parts.seconds.items():
        split[COARSE[part]] += value / steps
    return {
        "step_s": seconds,
        "steps": clock.seconds[WARM_UP:],
        "split_s": split,
        "peak_gb": peak,
        "parameters": parameters,
        "prompt_tokens": prompt,
        "tokens_per_s": completions * options.tokens / seconds,
        "model_flop": parameters * tokens * (2 + 2 + 6),  # generation, reference, policy with its gradient
    }


def _settings(options: argparse.Namespace, steps: int) -> RunSpec:
    path = [f"model.path={options.shrunk}", f"model.max_pixels={options.max_pixels}"] if options.shrunk else []
    return compose_job(
        [
            *(f"model={options.model}", *path, "train=paper", "method=raw_iou", f"train.max_steps={steps}"),
            *(f"train.prompts_per_step={options.prompts}", f"train.group_size={GROUP}", "train.epochs=null"),
            *(f"train.per_device_batch={options.batch}", f"train.max_completion_length={options.tokens}"),
            *(f"train.gradient_checkpointing={str(options.checkpointing).lower()}", "train.table_step=null"),
            *(f"device={options.device}", f"train.bf16={str(options.device != 'cpu').lower()}"),
        ]
    ).settings


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
    made.add_argument("--model", default="qwen2_5_vl_3b", choices=tuple(SHAPES), help="whose shape")
    made.add_argument("--shrunk", help="a folder with a small checkpoint of that family instead")
    made.add_argument("--max-pixels", type=int, default=50176, help="largest image of the small checkpoint")
    made.add_argument("--device", default="auto", choices=("auto", "cpu"))
    made.add_argument("--prompts", type=int, default=4, help="prompts a step")
    made.add_argument("--batch", type=int, default=8, help="completions at once in the update")
    made.add_argument("--tokens", type=int, default=128, help="tokens of every answer")
    made.add_argument("--steps", type=int, default=5, help="measured steps, after a warm-up of two")
    made.add_argument("--checkpointing", action="store_true", help="activation checkpointing")
    made.add_argument("--only", choices=("plain", "ours"), help="one trainer alone")
    made.add_argument("--matrix", type=int, default=8192, help="side of the matrices of the measured rate")
    return made


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Measure, print a table, write JSON; return the measurements."""
    options = parser().parse_args(arguments)
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    device = resolve_device(options.device)
    gpu = device.type == "cuda"
    if options.device == "auto" and not gpu:
        raise SystemExit("benchmarks.gpu_step: no GPU here; --device cpu --shrunk FOLDER runs a small model.")
    rate = matrix_rate(device, options.matrix)
    makers = {"plain": plain_trainer, "ours": our_trainer}
    found = {}
    for name, make in makers.items():
        if options.only in (None, name):
            found[name] = measure(make, options, device)
            gc.collect()
            torch.cuda.empty_cache()
    rows = []
    for key in ("step_s", "peak_gb", "tokens_per_s"):
        rows.append([key, *(one[key] for one in found.values())])
    for part in ("generation", "scoring", "update"):
        rows.append([f"{part} [s]", *(one["split_s"][part] for one in found.values())])
    rows.append(
        ["model FLOP, share of the matrix rate", *(o["model_flop"] / o["step_s"] / rate for o in found.values())]
    )
    name = torch.cuda.get_device_name() if gpu else "cpu"
    print(f"{name}, {options.model}{' (shrunk)' if options.shrunk else ''}, {rate / 1e12:.2f} TFLOP/s in bfloat16")
    show(["", *found], rows)
    write("gpu_step", {"options": vars(options), "device": name, "matrix_rate": rate, **found})
    return found


if __name__ == "__main__":
    main()
