import pytest
import torch

from medloc.models.load import load_model
from medloc.models.vision_attention import NAME, attend_by_windows, windowed_attention
from tests.models.shrunk import BOUNDS, shrunk
from tests.models.test_load import settings

GRIDS = ((1, 24, 20), (1, 8, 12))  # time, height and width in patches; the windows at the border are smaller


def towers(family, folder):
    """Returns a tower as transformers loads it, one that attends by windows, and the patches of two images."""
    path = str(shrunk(family, folder))
    loaded = [
        load_model(settings(name="x", family=family, path=path, max_pixels=BOUNDS[family]), torch.device("cpu")).model
        for _ in range(2)
    ]
    plain, ours = (model.model.visual for model in loaded)
    plain.config._attn_implementation = "sdpa"
    attend_by_windows(loaded[1])
    assert ours.config._attn_implementation == NAME
    assert loaded[1].config.get_text_config()._attn_implementation == "sdpa"
    torch.manual_seed(0)
    size = plain.patch_embed.proj.weight[0].numel()
    grid = torch.tensor(GRIDS)
    return plain, ours, torch.randn(int(grid.prod(-1).sum()), size), grid


@pytest.mark.parametrize("family", ["qwen2_5_vl", "qwen3_vl"])
def test_a_tower_computes_and_learns_the_same(family, tmp_path):
    """Features and gradients, on the CPU in float32: the bounds of the windows arrive as transformers means them."""
    plain, ours, patches, grid = towers(family, tmp_path)
    for tower in (plain, ours):
        tower(patches, grid_thw=grid).pooler_output.square().sum().backward()
    assert torch.equal(plain(patches, grid_thw=grid).pooler_output, ours(patches, grid_thw=grid).pooler_output)
    for one, other in zip(plain.parameters(), ours.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


def test_a_patch_sees_its_window_only():
    """Two windows of 2 and 3 patches: with zero queries all weights are equal, so each output is a window's mean."""
    value = torch.tensor([1.0, 3.0, 6.0, 9.0, 0.0]).view(1, 1, 5, 1)
    bounds = torch.tensor([0, 2, 5], dtype=torch.int32)
    out, weights = windowed_attention(
        None, torch.zeros_like(value), value, value, None, scaling=1.0, cu_seq_lens_q=bounds, max_length_q=3
    )
    assert out.flatten().tolist() == [2, 2, 5, 5, 5]
    assert out.shape == (1, 5, 1, 1)
    assert weights is None


def test_an_internvl_keeps_its_attention(tmp_path):
    model = load_model(
        settings(name="x", family="internvl", path=str(shrunk("internvl", tmp_path)), max_pixels=BOUNDS["internvl"])
    ).model
    before = {module.config._attn_implementation for module in model.modules() if hasattr(module, "config")}
    attend_by_windows(model)
    assert {module.config._attn_implementation for module in model.modules() if hasattr(module, "config")} == before


@pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs a CUDA GPU: the variable-length kernel runs there only"
)
@pytest.mark.parametrize("scaling", [16**-0.5, 0.1])
def test_the_kernel_agrees_with_the_loop_within_bfloat16(scaling):
    torch.manual_seed(0)
    states = [torch.randn(1, 4, 50, 16, device="cuda", dtype=torch.bfloat16, requires_grad=True) for _ in range(3)]
    bounds = torch.tensor([0, 7, 20, 50], dtype=torch.int32, device="cuda")
    found = []
    for dtype in (torch.bfloat16, torch.float32):
        inputs = [state.detach().to(dtype).requires_grad_() for state in states]
        out, _ = windowed_attention(None, *inputs, None, scaling=scaling, cu_seq_lens_q=bounds, max_length_q=30)
        out.float().square().sum().backward()
        found.append([out.float(), *(one.grad.float() for one in inputs)])
    for half, whole in zip(*found, strict=True):
        torch.testing.assert_close(half, whole, rtol=0.05, atol=0.05)
