"""A results folder as a finished grid leaves it, fabricated: records, answers and small phantoms."""

import random
from dataclasses import asdict

from medloc.boxes import Box, iou
from medloc.data import load_dataset
from medloc.evaluation.samples import Sample, write_samples
from medloc.experiments.catalog import experiments
from medloc.runs import write_record
from tests.data.helpers import dataset_settings
from tests.report.conftest import fabricate, scores

STEPS = 60
LEVEL = {"medloc": 0.72, "raw_iou": 0.7, "sft": 0.71, "v_triune": 0.5, "vlm_r1": 0.6}
ANSWER = "the box is <b>{}</b> <script>alert('answered')</script>"


def planned(*names):
    """Every distinct run of the experiments with these names, of all without a name."""
    chosen = [one for one in experiments() if not names or one.name in names]
    return list(dict.fromkeys(run for one in chosen for run in one.runs()))


def fill(results, runs, cache, answered=None, **changes):
    """Write a record for each run, and the answers of those `answered` (default: what Figures 4 and 8 show).

    Phantoms lie in `cache`; `changes` are made to the settings of every data set.
    """
    settings = {name: dataset_settings(name, **changes) for name in {run.identity["dataset"] for run in runs}}
    data = {name: load_dataset(each, cache) for name, each in settings.items()}
    shown = set(planned("figure4", "figure8") if answered is None else answered)
    for run in runs:
        images = data[run.identity["dataset"]]
        record = _record(run.identity, images, settings[run.identity["dataset"]], cache)
        write_record(results / "runs" / record.key, record)
        if run in shown:
            write_samples(results / "runs" / record.key / "samples.jsonl", _answers(record, images.test))
    return results


def _record(identity, data, settings, cache):
    draw = random.Random(str(sorted(identity.items(), key=str)))
    level = LEVEL.get(identity["method"], 0.55) + draw.uniform(-0.03, 0.03)
    trained = identity["method"] != "zero_shot"
    record = fabricate(
        **{key: value for key, value in identity.items() if key != "train"},
        a50=level,
        steps=STEPS if trained else 0,
        config={
            "train": {"max_steps": STEPS, "epochs": None},
            "dataset": asdict(settings),
            "cache": str(cache),
        },
        fingerprints={"data": data.fingerprint, "model": f"model-{identity['model']}"},
        series=_series(draw, identity["method"] == "medloc") if trained else None,
    )
    record.metrics["curve"].extend(_curve(draw, level) if trained else [])
    return record


def _curve(draw, level):
    for tenth in range(11):
        a50 = 0.13 + (level - 0.13) * (1 - 0.7**tenth) + draw.uniform(-0.02, 0.02)
        yield {"step": STEPS * tenth // 10, **scores(a50)}


def _series(draw, scheduled):
    """A window of 10 steps; two raises, after each the window fills up for 5 steps."""
    raises = sorted(draw.sample(range(15, STEPS), 2)) if scheduled else []
    lines = []
    for step in range(1, STEPS + 1):
        past = [raised for raised in raises if raised < step]
        quality = 0.3 + 0.01 * step - 0.15 * len(past) + draw.uniform(-0.05, 0.05)
        full = scheduled and step >= 10 and all(step - raised > 5 for raised in past)
        window = {"mean_reward": quality, "reward_std": 0.3 - quality / 5, "iou_margin": quality - 0.2}
        window = window if full else dict.fromkeys(window)
        tau = 0.3 + 0.15 * len(past) if scheduled else 0.5
        lines.append({"step": step, "tau_used": tau, "reward": quality, "dead": 0.8 - quality, **window})
    return {key: [line[key] for line in lines] for key in lines[0]}


def _answers(record, examples):
    draw = random.Random(record.key)
    for place, example in enumerate(examples):
        box = None if place == len(examples) - 1 else _near(example, draw)
        text = ANSWER.format([round(value) for value in box.as_list()] if box else "nowhere")
        grid = (example.width, example.height)
        failure = None if box else "no bracket"
        overlap = round(iou(box, example.box), 6) if box else 0.0
        ends = (example.id, example.group, example.label)
        yield Sample(*ends, *grid, "pixels", *grid, example.box, text, box, failure, overlap)


def _near(example, draw):
    true = example.box
    shift, width, height = (draw.uniform(-0.4, 0.4) for _ in range(3))
    x0, y0 = true.x0 + shift * true.width, true.y0 + shift * true.height / 2
    return Box(x0, y0, x0 + true.width * (1 + width), y0 + true.height * (1 + height))
