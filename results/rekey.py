"""Give the committed records their keys under the one specification: run once, on 2026-11-28.

A key is now the hash of the fields that affect results, of the content of data and model, and of `numerics`. Only keys,
data fingerprints and the names of folders change; no number does. The new data fingerprints were computed from the same
phantoms and manifests from which the old ones had been checked first.
"""

import json
from pathlib import Path

from medloc.runs import read_record, run_key, write_record
from medloc.spec.compose import run_identity

PUBLISHED = Path(__file__).parent / "published"
DATA = json.loads('''
{
 "2aaa1b5ca613a899": "500a0d4370dc8f11",
 "71711bc6790f2558": "60b709f45946e330",
 "ce3d0905a703f784": "c38efc1fd281aebc",
 "6660292b7f0d8d75": "4c8d2a5bec5d1c4a",
 "5bb7dc2602e9725d": "2e7566109c10458e",
 "eb66a0427018d211": "3fbf0c270a775741",
 "c8be8890ffd03eea": "fbefbea83094e65d",
 "6c3966e6ea8388c3": "7a8db3482f0de01b",
 "867fce1c5153a624": "8c8dff29ef28dbd8",
 "4bcd14e4073c5a4f": "1485973043f07c2f",
 "bb879813e1011d5b": "c5031ddd754e198c",
 "c576cf561dcde878": "9e47efc7fbc51675",
 "010a159ff3b1eb83": "f4678d4d7822fbc6",
 "8835d101742df216": "fae739856ee61007",
 "6aa26c89b8d43e55": "e477b36e6590931e",
 "9db5dfbffd2ef141": "0cf7c70fbb209abb",
 "0ebb2d4b8dfe5aa7": "5d39bee98b1aa692",
 "759b39af5bb70927": "10282dc650c2bedd"
}
''')
"""Old data fingerprint -> new."""


def rekey(published: Path) -> dict[str, str]:
    """Re-key every record below a folder; return old key -> new key."""
    keys = {}
    for path in sorted((published / "runs").glob("*/record.json")):
        record = read_record(path)
        data = DATA[record.fingerprints["data"]]
        key = run_key(run_identity(record.config), data=data, model=record.fingerprints["model"])
        keys[record.key] = key
        object.__setattr__(record, "key", key)
        record.fingerprints["data"] = data
        write_record(path.parent, record)
    assert len(set(keys.values())) == len(keys)
    for old, new in keys.items():
        (published / "runs" / old).rename(published / "runs" / f"new-{new}")
    for new in keys.values():
        (published / "runs" / f"new-{new}").rename(published / "runs" / new)
    for old, new in DATA.items():
        for place in (published / "datasets" / f"{old}.json", published / "images" / old):
            if place.exists():
                place.rename(place.with_name(place.name.replace(old, new)))
    return keys


if __name__ == "__main__":
    for folder in (PUBLISHED, PUBLISHED / "real"):
        print(folder.name, len(rekey(folder)), "records have new keys")
