"""Reads the file of an offline W&B run: LevelDB's log format around the messages of W&B's own protocol."""

import json
import struct
import time
import zlib

from wandb.proto import wandb_internal_pb2

BLOCK, HEADER = 32768, 7  # bytes; checksum, length and kind (1 whole, 2 first, 3 middle, 4 last)


def records(path):
    """Yields every message in the order it was written; a torn end is passed over, a wrong checksum is not."""
    data, place, parts = path.read_bytes(), HEADER, []
    assert data[:4] == b":W&B"
    while place + HEADER <= len(data):
        if BLOCK - place % BLOCK < HEADER:  # a header never crosses a block
            place += BLOCK - place % BLOCK
            continue
        checksum, length, kind = struct.unpack("<IHB", data[place : place + HEADER])
        body = data[place + HEADER : place + HEADER + length]
        if not kind:
            return
        assert zlib.crc32(bytes([kind]) + body) == checksum
        parts.append(body)
        if kind in (1, 4):
            message = wandb_internal_pb2.Record()
            message.ParseFromString(b"".join(parts))
            yield message
            parts = []
        place += HEADER + length


def values(items):
    """Returns key -> value of W&B's items, whose keys may be nested and whose values are JSON."""
    return {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}


class OfflineRun:
    """What one session of a run told: the run, its rows, its summary, its config, its artifacts."""

    def __init__(self, folder):
        (self.path,) = folder.glob("run-*.wandb")
        self.rows, self.summary, self.artifacts, self.config = [], {}, {}, {}
        self.run = self.exit = None
        for record in records(self.path):
            if record.HasField("run"):
                self.run = self.run or record.run
                self.config |= values(record.run.config.update)
            elif record.HasField("history"):
                self.rows.append(values(record.history.item))
            elif record.HasField("summary"):
                self.summary |= values(record.summary.update)
            elif record.HasField("config"):
                self.config |= values(record.config.update)
            elif record.HasField("artifact"):
                self.artifacts[record.artifact.name] = record.artifact
            elif record.HasField("exit"):
                self.exit = record.exit.exit_code

    def finished(self):
        """Returns it once W&B's own process has written its end."""
        until = time.monotonic() + 120
        found = self
        while found.exit is None:
            assert time.monotonic() < until, "a session has no end"
            time.sleep(0.1)
            found = OfflineRun(self.path.parent)
        return found

    def series(self, name):
        """Returns step -> value, and refuses a step that was told twice."""
        points = [(row["step"], row[name]) for row in self.rows if name in row]
        assert len(dict(points)) == len(points), name
        return dict(points)


def sessions(folder):
    """Returns the sessions of a run's folder, the oldest first."""
    return [OfflineRun(path).finished() for path in sorted((folder / "wandb").glob("offline-run-*"))]
