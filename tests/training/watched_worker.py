"""A worker as `medloc.training.distributed.launch` starts it, which writes down what it sees, and can be made to fail.

`launched.py` puts it in the place of the real one; the environment variable MISHAP says what happens where:
`{"kind": "stop" | "stop after" | "reward error" | "no boxes", "rank": RANK or null for all, "step": STEP}`.
"""

import json
import os
import time
from dataclasses import asdict
from pathlib import Path


def worker(job):
    from medloc.training.callbacks.trace import TraceWriter
    from medloc.training.distributed import launch
    from medloc.training.distributed.ranks import rank
    from medloc.training.grpo.rule import RuleReward
    from medloc.training.systems.vlm import VisionLanguageSystem

    mishap = json.loads(os.environ.get("MISHAP", "{}"))
    seen = Path(os.environ["SEEN"])
    observe, judged, ended = TraceWriter.observe, RuleReward.judge, TraceWriter.on_step_end

    def due(step):
        return mishap.get("rank") in (None, rank()) and step >= mishap.get("step", 0)

    def watching(self, observation):
        with (seen / f"rank{rank()}.jsonl").open("a") as file:
            file.write(json.dumps({**asdict(observation)}, default=str) + "\n")
        observe(self, observation)

    def judging(self, row, completion):
        if mishap.get("kind") == "reward error" and due(self.global_step):
            (seen / "raised").write_text(str(time.time()))
            raise ValueError("the reward broke on this image")
        if mishap.get("kind") == "no boxes" and due(self.global_step):
            completion = [{"content": "I see nothing."}]
        return judged(self, row, completion)

    def ending(self, args, state, control, **rest):
        if mishap.get("kind") == "stop" and due(state.global_step):
            raise RuntimeError("power cut")
        return ended(self, args, state, control, **rest)

    def saving(*_):
        raise RuntimeError("power cut after training")

    TraceWriter.observe, RuleReward.judge, TraceWriter.on_step_end = watching, judging, ending
    if mishap.get("kind") == "stop after":
        VisionLanguageSystem.save = saving
    return launch.worker(job)
