"""Trains two steps on two ranks of 6 completions each, so that the second of three groups of 4 lies on both.

Started by `test_packed_ranks.py` through torchrun, with packed rows and with rows of their own; rank 0 writes the
weights. On each rank the group that was cut is packed as far as it is there.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from tests.training.grpo.packed_rig import GROUPS, SIZE, trainer_on

RANKS = 2


def main(folder: Path) -> None:
    for name in ("separate", "packed"):
        given = {"per_device_train_batch_size": GROUPS * SIZE // RANKS // 2, "gradient_accumulation_steps": 2}
        trainer = trainer_on("qwen2_5_vl", folder / name, max_steps=2, disable_tqdm=True, **given)
        rows = []
        if name == "packed":
            trainer.share(whole=True)
            trainer.model.model.language_model.register_forward_hook(
                lambda m, a, out, rows=rows: rows.append(len(out.last_hidden_state))
            )
        trainer.train()
        assert trainer.accelerator.num_processes == RANKS
        assert name == "separate" or max(rows) <= 2, rows  # of three completions each
        weights = dict(trainer.accelerator.unwrap_model(trainer.model).named_parameters())
        for weight in weights.values():
            assert torch.equal(*trainer.accelerator.gather(weight.detach()[None]))  # the ranks are in step
        if trainer.accelerator.is_main_process:
            save_file({key: weight.detach().clone() for key, weight in weights.items()}, folder / f"{name}.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
