"""Trains two steps on two ranks of 6 completions each, so that the second of three groups of 4 lies on both.

Started by `test_ranks.py` through torchrun; each rank writes what it came to know.
"""

import json
import sys
from hashlib import sha256
from pathlib import Path

from trl import GRPOConfig

from medloc.rewards import reward_for
from medloc.training.grpo.rule import Rule
from tests.training.grpo.rig import observed, shapes


def main(folder: Path) -> None:
    arguments = GRPOConfig(
        output_dir=str(folder),
        max_steps=2,
        per_device_train_batch_size=6,
        num_generations=4,
        max_completion_length=12,
        temperature=1.5,
        loss_type="grpo",
        beta=0.04,
        learning_rate=1e-4,
        use_cpu=True,
        bf16=False,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
    )
    trainer = observed(shapes(folder), arguments, Rule(reward_for("dr_seg", None), None, None), redraws=2)
    trainer.train()
    rank = trainer.accelerator.process_index
    known = {
        "ranks": trainer.accelerator.num_processes,
        "generated": trainer.generated,
        "state": trainer.rule.state_dict(),
        "seen": [[seen.ious, seen.rewards, seen.redrawn, seen.revived] for seen in trainer.seen],
        "weights": sha256(b"".join(p.detach().numpy().tobytes() for p in trainer.model.parameters())).hexdigest(),
    }
    (folder / f"rank{rank}.json").write_text(json.dumps(known))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
