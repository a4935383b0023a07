"""`python -m medloc.predict`: ask a trained checkpoint about images; print boxes as JSON and draw them."""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medloc.cli import entry

DATASETS = ("ham10000", "heel", "tn3k")
TOKENS = 512

DESCRIPTION = """\
Asks a trained model about images. Prints one JSON object a line: the box in pixels of the image (half-open xyxy), or
null and the reason, and the text that the model wrote. Saves every image with its box drawn. Not a medical device.

  python -m medloc.predict a.jpg b.png --checkpoint results/runs/KEY
  python -m medloc.predict a.jpg --checkpoint /models/Qwen2.5-VL-3B-Instruct --dataset tn3k
  python -m medloc.predict a.jpg --checkpoint DIR --prompt "Provide the bounding box for the lesion."

DIR is a run's folder, its model/ folder, or any checkpoint of a known family. A run's record names its question.
"""


@entry("predict")
def main(arguments: list[str]) -> int:
    """Run the command line; return 0, or 2 after one line on what is wrong."""
    options = _parser().parse_args(arguments)
    asked = _asked(options)
    paths = [_existing(Path(image)) for image in options.images]
    from medloc.evaluation.predict import load_checkpoint, predict  # torch is imported here, not for --help

    loaded = load_checkpoint(asked.folder, options.device, asked.bf16)
    drawn = None if options.no_draw else Path(options.out)
    for line in predict(loaded, paths, asked.question, asked.tokens, drawn):
        print(json.dumps(line), flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m medloc.predict", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="image files")
    parser.add_argument("--checkpoint", required=True, metavar="DIR", help="a run's folder, or a checkpoint's")
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument("--dataset", choices=DATASETS, help="ask the paper's question for this data set")
    asked.add_argument("--prompt", help="ask this question")
    parser.add_argument("--out", default="predictions", metavar="DIR", help="where drawn images go (./predictions)")
    parser.add_argument("--no-draw", action="store_true", help="print only")
    parser.add_argument("--device", choices=("auto", "cpu"), default="auto", help="cpu keeps it off the GPU")
    parser.add_argument("--max-new-tokens", type=int, metavar="N", help=f"longest answer (the run's own, or {TOKENS})")
    return parser


@dataclass(frozen=True)
class _Asked:
    """What is asked of which model: its folder, the question, the longest answer in tokens, bfloat16 or not."""

    folder: Path
    question: str
    tokens: int
    bf16: bool


def _asked(options: argparse.Namespace) -> _Asked:
    """Return what the options ask for; the record of a run fills in what they leave out."""
    from medloc.data.prompts import prompt_for, question_of
    from medloc.spec.dataset import dataset_settings

    folder = Path(options.checkpoint).expanduser()
    record = _record(folder) or _record(folder.parent)
    if (folder / "model" / "config.json").is_file():
        folder = folder / "model"
    if not (folder / "config.json").is_file():
        raise FileNotFoundError(
            f"--checkpoint={options.checkpoint}: there is no config.json; give a run's folder, or a folder in "
            "save_pretrained layout."
        )
    config = record["config"] if record else None
    if options.prompt or options.dataset:
        question = options.prompt or prompt_for(options.dataset, None)
    elif config is None:
        raise ValueError(
            f"--checkpoint={options.checkpoint} has no record that names a question; add --dataset or --prompt."
        )
    else:
        question = question_of(dataset_settings(config["dataset"]), config["method"]["prompt"])
    tokens = options.max_new_tokens or (config["train"]["max_completion_length"] if config else TOKENS)
    return _Asked(folder, question, tokens, bool(config and config["train"]["bf16"]))


def _record(folder: Path) -> dict[str, Any] | None:
    path = folder / "record.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not a file; give images.")
    return path


if __name__ == "__main__":
    sys.exit(main())
