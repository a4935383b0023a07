"""What SFT is taught: the box, on the model's own grid, and not a token more."""

import numpy as np
import pytest

from medloc.boxes import Box, parse_box
from medloc.data.example import Example
from medloc.data.prompts import PROMPTS
from medloc.models.tiny.shapes import draw_item
from medloc.spec.compose import compose_job
from medloc.training.runner.arguments import planned_steps
from medloc.training.systems.sft import BoxSFTTrainer, SftSystem, answered_rows, sft_config

SETTINGS = compose_job(["method=sft", "device=cpu", "train.prompts_per_step=4", "train.per_device_batch=8"]).settings


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shapes")
    made = []
    for index in range(7):
        item = draw_item(np.random.default_rng((5, index)), 0.3)
        item.image.save(folder / f"{index}.png")
        made.append(Example(str(index), folder / f"{index}.png", *item.image.size, item.box, "", ""))
    return made


@pytest.fixture(scope="module")
def system():
    return SftSystem(SETTINGS)


@pytest.fixture(scope="module")
def trainer(system, examples, tmp_path_factory):
    return BoxSFTTrainer(
        model=system.loaded.model,
        processing_class=system.loaded.processor,
        args=sft_config(SETTINGS, 4, tmp_path_factory.mktemp("sft")),
        train_dataset=answered_rows(examples, system.prompt, system.loaded.grid),
    )


def order(trainer):
    return list(trainer._get_train_sampler())


def test_the_loss_is_on_the_answer_only(trainer, system, examples):
    tokenizer = system.loaded.processor.tokenizer
    batch = next(iter(trainer.get_train_dataloader()))
    for row, index in enumerate(order(trainer)[:4]):
        labels = batch["labels"][row]
        taught = tokenizer.decode(labels[labels != -100])
        box = [2 * round(value / 2) for value in examples[index].box.as_list()]  # steps of 2 px; nothing is resized
        assert taught == f"[{box[0]}, {box[1]}, {box[2]}, {box[3]}]<|im_end|>\n"
        asked = tokenizer.decode(batch["input_ids"][row][labels == -100])
        assert PROMPTS["ham10000"] in asked


def test_no_image_token_is_cut_off(trainer, system):
    batch = next(iter(trainer.get_train_dataloader()))
    tokens = int((batch["input_ids"] == system.loaded.model.config.image_token_id).sum())
    assert tokens == int(batch["image_grid_thw"].prod(-1).sum()) // 4  # 2 x 2 patches make one token
    assert trainer.args.max_length is None


def test_the_answer_is_on_the_grid_of_the_resized_image(system, tmp_path):
    # 224 x 112 has twice the area the tiny processor keeps; whatever it resizes to, the answer maps back to the box
    example = Example("a", tmp_path / "a.png", 224, 112, Box(40, 20, 120, 80), "", "")
    row = answered_rows([example], "Where?", system.loaded.grid).with_format(None)[0]
    answer = row["completion"][0]["content"]
    grid = system.loaded.grid(224, 112)
    assert (grid.width, grid.height) != (224, 112)
    back = grid.to_original(parse_box(answer), 224, 112)
    half_step = [224 / grid.width, 112 / grid.height] * 2  # a step is 2 px
    assert all(abs(a - b) <= h for a, b, h in zip(back.as_list(), example.box.as_list(), half_step, strict=True))


def test_a_step_sees_as_many_images_as_grpo_asks_about():
    config = sft_config(compose_job(["method=sft", "device=cpu"]).settings, 400, "out")
    assert config.per_device_train_batch_size * config.gradient_accumulation_steps == 8
    paper = compose_job(["method=sft", "device=cpu", "train=paper", "train.bf16=false"]).settings
    config = sft_config(paper, planned_steps(paper.train, 8012), "out")
    assert config.per_device_train_batch_size * config.gradient_accumulation_steps == 8
    assert (config.max_steps, config.learning_rate) == (5005, 1e-6)


@pytest.mark.parametrize(("per_device", "micro"), [(64, 8), (4, 4), (16, 8)])
def test_a_micro_batch_divides_the_step(per_device, micro):
    given = ["method=sft", "device=cpu", f"train.per_device_batch={per_device}"]
    config = sft_config(compose_job(given).settings, 4, "out")
    assert (config.per_device_train_batch_size, config.gradient_accumulation_steps) == (micro, 8 // micro)
