"""The card beside a trained model, written from its record: what it is, what it scored, how to load it."""

from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard, ModelCardData

from medloc.models.families import vision_language_families
from medloc.runs.record import Record, Scores

SPACES = {
    "resized": "pixels of the image as the processor resizes it (`image_grid_thw` times the patch size)",
    "thousand": "thousandths of the image's width and height",
}
TEMPLATE = """---
{{ card_data }}
---

# {{ title }}

**Not a medical device.** For research on training methods only.
{% for warning in warnings %}
{{ warning }}
{% endfor %}
A vision-language model that boxes one target in an image, trained with [medloc](https://arxiv.org/abs/2603.28120)
(method `{{ method }}`, seed {{ seed }}) from `{{ base }}`: the weights after optimizer step {{ step }} of {{ steps }}.

| percent, {{ n }} {{ evaluated_on }} images | A@0.5 | A@0.8 | mAP | mean IoU |
|---|---|---|---|---|
{% for row in rows -%}
{{ row }}
{% endfor %}
One run; its variance over seeds is not in these numbers. Images: {{ origin }} ({{ dataset }}).

## Use

It answers this question with text whose last `[x0, y0, x1, y1]` is the box, in {{ space }}:

> {{ prompt }}

```python
from transformers import {{ model_class }}, {{ processor_class }}

model = {{ model_class }}.from_pretrained("THIS_FOLDER")
processor = {{ processor_class }}.from_pretrained("THIS_FOLDER")
```

With medloc: `python -m medloc.predict IMAGE --checkpoint THIS_FOLDER --prompt "..."` (the question).

## Where it comes from

Run `{{ key }}`, medloc {{ commit }}; fingerprints: data `{{ data }}`, base `{{ model }}`. The whole
record is `record.json` of that run. The licences of the base and of the data hold for this model too.
"""


def write_model_card(folder: Path, record: Record, space: str, prompt: str) -> None:
    """Write `README.md` into `folder`, the run's saved model.

    Args:
        folder: Where the model lies.
        record: That of the finished run.
        space: The grid of its answers, one of `SPACES`.
        prompt: The question it was trained on.
    """
    config, identity = record.config, record.identity
    family = vision_language_families()[config["model"]["family"]]
    tiny = config["model"]["path"] is None
    base = config["model"]["path"] or f"medloc's own {identity['model']}"
    metadata = ModelCardData(
        library_name="transformers",
        pipeline_tag="image-text-to-text",
        tags=["medloc", "visual-grounding", "grpo", *(["phantom-data"] if identity["origin"] == "phantom" else [])],
        base_model=None if tiny or Path(base).is_dir() else base,
    )
    card = ModelCard.from_template(
        metadata,
        template_str=TEMPLATE,
        title=f"{identity['model']} trained by {identity['method']} on {identity['dataset']}",
        warnings=_warnings(identity["origin"], tiny),
        method=identity["method"],
        steps=identity["steps"],
        step=record.provenance.get("model_step", identity["steps"]),
        seed=identity["seed"],
        base=base if tiny else Path(base).name,
        n=_n(record),
        evaluated_on=identity["evaluated_on"],
        rows=_rows(record),
        origin=identity["origin"],
        dataset=identity["dataset"],
        space=SPACES[space],
        prompt=prompt,
        model_class=family.model.__name__,
        processor_class=family.processor.__name__,
        key=record.key,
        commit=record.provenance.get("commit"),
        data=record.fingerprints["data"],
        model=record.fingerprints["model"],
    )
    card.save(folder / "README.md")


def _warnings(origin: str, tiny: bool) -> list[str]:
    said = []
    if origin == "phantom":
        said.append("**Phantom data**: it was trained and tested on drawn images and knows nothing of patients.")
    if tiny:
        said.append("**Tiny model**: a miniature that shows how a method trains; not a product.")
    return said


def _n(record: Record) -> int:
    final = record.metrics["final"]
    return final["n"] if final else 0


def _rows(record: Record) -> list[str]:
    metrics = record.metrics
    constant = metrics["constant_box"]
    named: list[tuple[str, Scores | None]] = [
        ("before training", metrics["zero_shot"]),
        ("this model", metrics["final"]),
        ("best constant box", constant["best"] if constant else None),
    ]
    return [f"| {name} | {' | '.join(map(_percent, _values(scores)))} |" for name, scores in named if scores]


def _values(scores: Scores) -> list[Any]:
    return [scores["a50"], scores["a80"], scores["map"], scores["mean_iou"]]


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}"
