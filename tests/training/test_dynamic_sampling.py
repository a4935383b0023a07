"""Which groups are drawn again, what replaces what, and what the curriculum sees of it."""

from types import SimpleNamespace

import pytest
import torch

from medloc.curriculum import curriculum_from
from medloc.rewards import raw_iou
from medloc.spec.compose import compose_job
from medloc.training.grpo.dynamic_sampling import DynamicSampling
from tests.training.rig import GROUPS, SIZE, trainer_on


class Scripted:
    """Pays 0 in the groups that the script names for this scoring of the batch, and 0 or 1 in turn elsewhere."""

    def __init__(self, *dead):
        self.dead, self.calls, self.moments = dead, 0, []

    def __call__(self, answer, moment):
        scoring, row = divmod(self.calls, GROUPS * SIZE)
        self.calls += 1
        self.moments.append(moment)
        dead = self.dead[min(scoring, len(self.dead) - 1)]
        return 0.0 if row // SIZE in dead else float(row % 2)


def step(trainer, rows):
    torch.manual_seed(7)
    return trainer._generate_and_score_completions(rows)


def group(texts, number):
    return texts[SIZE * number : SIZE * (number + 1)]


def test_dead_groups_are_drawn_again_until_they_live_or_the_bound_is_reached(tmp_path):
    # group 0 lives after one redraw, group 2 never: draws of 12, 8, 4 and 4 rows
    trainer, rows = trainer_on(tmp_path, Scripted({0, 2}, {2}), redraws=3)
    output = step(trainer, rows)
    assert trainer.generated == [12, 8, 4, 4]
    first, second, third, fourth, last = trainer.scored
    assert group(first, 1) == group(last, 1)  # never dead, never drawn again
    assert group(first, 0) != group(second, 0) == group(last, 0)
    assert group(first, 2) != group(second, 2) != group(third, 2) != group(fourth, 2) == group(last, 2)
    assert trainer.processing_class.batch_decode(output["completion_ids"], skip_special_tokens=True) == last
    assert output["advantages"].view(GROUPS, SIZE).abs().sum(dim=1).tolist() == pytest.approx([3.46, 3.46, 0], abs=0.01)


def test_the_curriculum_observes_the_first_draw(tmp_path):
    trainer, rows = trainer_on(tmp_path, Scripted({0, 2}, {2}), redraws=3)
    step(trainer, rows)
    (seen,) = trainer.seen
    judged = [trainer._judge(row, [{"content": text}]) for row, text in zip(rows, trainer.scored[0], strict=True)]
    assert [iou for ious in seen.ious for iou in ious] == [answer.iou for answer in judged]
    assert seen.rewards == [[0, 0, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0]]
    assert (seen.redrawn, seen.revived) == (2, 1)


def test_every_draw_of_a_step_is_rewarded_at_one_threshold(tmp_path):
    raising = ["window.size=1", "criteria=only_margin", "criteria.margin=-1.0"]  # holds at every step
    curriculum = curriculum_from(compose_job(raising).config)
    reward = Scripted({0, 1, 2}, {1, 2}, {1})
    trainer, rows = trainer_on(tmp_path, reward, curriculum, redraws=2)
    before = curriculum.tau
    step(trainer, rows)
    assert {(moment.tau, moment.progress) for moment in reward.moments} == {(before, 0.3)}
    assert len(reward.moments) == 4 * GROUPS * SIZE
    assert trainer.seen[0].decision.updated
    assert curriculum.tau > before


def test_without_dynamic_sampling_there_is_one_draw(tmp_path):
    trainer, rows = trainer_on(tmp_path, Scripted({0, 1, 2}))
    step(trainer, rows)
    assert (trainer.generated, len(trainer.scored)) == ([12], 1)
    assert (trainer.seen[0].redrawn, trainer.seen[0].revived) == (0, 0)


def test_a_batch_without_dead_groups_is_the_same_with_and_without(tmp_path):
    outputs = []
    for redraws in (0, 5):
        trainer, rows = trainer_on(tmp_path, Scripted(set()), redraws=redraws)
        outputs.append(step(trainer, rows))
        assert trainer.generated == [12]
    assert torch.equal(outputs[0]["completion_ids"], outputs[1]["completion_ids"])


def test_logged_lengths_are_those_of_the_first_draw(tmp_path):
    trainer, rows = trainer_on(tmp_path, Scripted({0, 1, 2}), redraws=2)
    step(trainer, rows)
    assert len(trainer._metrics["train"]["completions/mean_length"]) == 1
    assert trainer.generated == [12, 12, 12]


def test_evaluation_neither_draws_again_nor_observes(tmp_path):
    trainer, rows = trainer_on(tmp_path, raw_iou, redraws=2)
    trainer.model.eval()
    trainer.num_generations_eval = SIZE
    step(trainer, rows)
    assert (trainer.generated, trainer.seen) == ([12], [])


@pytest.mark.parametrize(
    ("dead", "rank", "rows", "wanted"),
    [
        # 2 ranks of 6 rows, 3 groups of 4: group 1 straddles them
        ([False, True, False], 0, [4, 5], 2),
        ([False, True, False], 1, [0, 1], 2),
        ([True, False, False], 0, [0, 1, 2, 3], 4),
        (
            [True, False, False],
            1,
            [0, 1, 2, 3],
            0,
        ),  # nothing dead here: four fillers, so that no rank waits for another
        ([True, True, False], 0, [0, 1, 2, 3, 4, 5], 6),
        ([True, True, False], 1, [0, 1, 2, 3, 4, 5], 2),
    ],
)
def test_every_rank_draws_equally_many_rows_and_its_dead_ones_first(dead, rank, rows, wanted):
    sampling = DynamicSampling()
    sampling.num_generations, sampling.accelerator = 4, SimpleNamespace(process_index=rank)
    assert sampling._to_redraw(dead, 6) == (rows, wanted)
