"""The card beside a trained model, written from its record: what it is, what it scored, how to load it."""

from pathlib import Path

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

# {{ model }} trained by {{ method }} on {{ dataset }}

**Not a medical device.** For research on training methods only.
{% if phantom %}
**Phantom data**: it was trained and tested on drawn images and knows nothing of patients.
{% endif %}{% if tiny %}
**Tiny model**: a miniature that shows how a method trains; not a product.
{% endif %}
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

Run `{{ key }}`, medloc {{ commit }}; fingerprints: data `{{ fingerprints.data }}`, base `{{ fingerprints.model }}`.
The whole record is `record.json` of that run. The licences of the base and of the data hold for this model too.
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
    tiny, phantom = config["model"]["path"] is None, identity["origin"] == "phantom"
    base = config["model"]["path"] or f"medloc's own {identity['model']}"
    metadata = ModelCardData(
        library_name="transformers",
        pipeline_tag="image-text-to-text",
        tags=["medloc", "visual-grounding", "grpo", *(["phantom-data"] if phantom else [])],
        base_model=None if tiny or Path(base).is_dir() else base,
    )
    final, constant = record.metrics["final"], record.metrics["constant_box"]
    scored = {
        "before training": record.metrics["zero_shot"],
        "this model": final,
        "best constant box": constant and constant["best"],
    }
    card = ModelCard.from_template(
        metadata,
        template_str=TEMPLATE,
        **identity,
        phantom=phantom,
        tiny=tiny,
        step=record.provenance.get("model_step", identity["steps"]),
        base=base if tiny else Path(base).name,
        n=final["n"] if final else 0,
        rows=[_row(name, scores) for name, scores in scored.items() if scores],
        space=SPACES[space],
        prompt=prompt,
        model_class=family.model.__name__,
        processor_class=family.processor.__name__,
        key=record.key,
        commit=record.provenance.get("commit"),
        fingerprints=record.fingerprints,
    )
    card.save(folder / "README.md")


def _row(name: str, scores: Scores) -> str:
    values = (scores["a50"], scores["a80"], scores["map"], scores["mean_iou"])
    return f"| {name} | {' | '.join('-' if value is None else f'{100 * value:.2f}' for value in values)} |"
