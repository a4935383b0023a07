"""With `mask_dead_kl` a group without spread moves nothing; without it, the KL term alone pulls at the policy."""

import math

import pytest
import torch
from trl.trainer.utils import split_pixel_values_by_grid, unsplit_pixel_values_by_grid

from tests.training.grpo.rig import SIZE, step, trainer_on


def all_alike(answer, moment):
    return 1.0


def alive_but_the_first():
    """Group 0 earns nothing, the others 0 and 1 in turn."""
    rows = iter(range(10_000))
    return lambda answer, moment: float((row := next(rows)) >= SIZE and row % 2)


def gradient(folder, reward, mask, rows_used=slice(None)):
    """Returns the loss, its gradient and the logged metrics of one step of a policy away from its reference."""
    trainer, rows = trainer_on(folder, reward, mask_dead_kl=mask)
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in trainer.model.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    batch = split_pixel_values_by_grid(step(trainer, rows))
    used = {name: value[rows_used] if name != "num_items_in_batch" else value for name, value in batch.items()}
    loss = trainer._compute_loss(trainer.model, unsplit_pixel_values_by_grid(used))
    loss.backward()
    flat = torch.cat([p.grad.flatten() for p in trainer.model.parameters() if p.grad is not None])
    return loss.item(), flat, trainer._metrics["train"], trainer.beta


def test_a_batch_of_dead_groups_gives_no_gradient_with_the_mask(tmp_path):
    loss, flat, metrics, _ = gradient(tmp_path, all_alike, mask=True)
    assert loss == 0.0
    assert flat.abs().max() == 0.0
    assert math.isnan(metrics["kl"][-1])  # null in the trace: nothing was measured
    assert math.isnan(metrics["entropy"][-1])


def test_without_the_mask_it_gives_the_gradient_of_the_kl_alone(tmp_path):
    loss, flat, metrics, beta = gradient(tmp_path, all_alike, mask=False)
    assert metrics["kl"][-1] > 0
    assert loss == pytest.approx(beta * metrics["kl"][-1], rel=0.2)  # per sequence here, per token there
    assert flat.abs().max() > 0


def test_in_a_mixed_batch_the_others_count_as_before(tmp_path):
    """Eq. 2 divides by all 12 completions: the gradient is that of the 8 living ones times 8/12."""
    loss, flat, metrics, _ = gradient(tmp_path, alive_but_the_first(), mask=True)
    alone, of_the_others, theirs, _ = gradient(tmp_path, alive_but_the_first(), False, slice(SIZE, None))
    assert loss == pytest.approx(alone * 8 / 12, rel=1e-4, abs=1e-7)
    assert torch.allclose(flat, of_the_others * 8 / 12, rtol=1e-3, atol=1e-6)
    assert metrics["kl"][-1] == pytest.approx(theirs["kl"][-1], rel=1e-4)
    full, unmasked, _, _ = gradient(tmp_path, alive_but_the_first(), mask=False)
    assert full > loss  # the dead group's KL
    assert not torch.allclose(flat, unmasked, rtol=1e-3, atol=1e-6)
