"""The moments of a run: its operations on files, counted, each with the phase it belongs to.

An audit hook sees them from inside the very process, at no other place than the interpreter's own. What happens between
two of them (generating, a backward pass, bytes of weights) is reached by waiting some milliseconds after one.
"""

import json
import os
import sys
from pathlib import Path

PHASES = ("data preparation", "generation", "checkpoint", "evaluation", "record", "pictures")
WATCHED = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir"}
ANSWERS = ("start.jsonl", "samples.jsonl", "last.jsonl", "curve.jsonl")


class Moments:
    """Counts a process's operations below `root`, tells their phase, and calls `act` at the one numbered `stop`.

    Args:
        root: the folder that holds results and cache.
        stop: number of an operation, from 0; None for none.
        act: what happens just before that operation.
        log: a file outside `root` to which every phase and every checkpoint's state is appended.
    """

    def __init__(self, root, stop, act, log):
        self.root, self.stop, self.act, self.log = str(root), stop, act, Path(log)
        self.count, self.now, self.inside = 0, "data preparation", False

    def install(self):
        sys.addaudithook(self)

    def __call__(self, event, arguments):
        if self.inside or event not in WATCHED or not isinstance(arguments[0], str | os.PathLike):
            return
        path = os.fspath(arguments[0])
        if not isinstance(path, str) or not path.startswith(self.root):
            return
        self.inside = True
        try:
            self._seen(event, path, arguments)
        finally:
            self.inside = False

    def _seen(self, event, path, arguments):
        phase = self._phase(path)
        if event == "os.rename" and str(arguments[1]).endswith("/curriculum.json"):
            self._note("state", Path(str(arguments[1])).parent.name, json.loads(Path(path).read_text())["curriculum"])
        self._note("phase", self.count, phase)
        self.count += 1
        if self.count - 1 == self.stop:
            self.act()

    def _note(self, *entry):
        with self.log.open("a") as file:
            file.write(json.dumps(entry) + "\n")

    def _phase(self, path):
        name = path.rpartition("/")[2]
        if "/runs/" not in path:
            return self.now
        if "record.json" in name:
            self.now = "evaluation"
            return "record"
        if name.endswith(".png"):
            return "pictures"
        if "/checkpoints/" in path or "/model" in path:
            return "checkpoint"
        if any(answers in name for answers in ANSWERS):
            return "evaluation"
        if "trace.jsonl" in name:
            self.now = "generation"
        return self.now


def noted(log, kind):
    """Returns what was noted of one kind, in order; a line that a kill cut off is left out."""
    lines = [line for line in Path(log).read_text().splitlines(keepends=True) if line.endswith("\n")]
    return [entry[1:] for entry in map(json.loads, lines) if entry[0] == kind]
