import json
import os

import pytest

from medloc.runs import atomic_writer, write_json, write_text


def test_writes_and_makes_the_folder(tmp_path):
    path = tmp_path / "new" / "note.txt"
    write_text(path, "ä\nb")
    assert path.read_bytes() == "ä\nb".encode()
    assert os.listdir(path.parent) == ["note.txt"]


def test_json_reads_back_and_refuses_nan(tmp_path):
    path = tmp_path / "value.json"
    write_json(path, {"a": [1, 2.5, None]})
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(path, {"a": float("nan")})
    assert json.loads(path.read_text()) == {"a": [1, 2.5, None]}


def test_an_error_while_writing_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "note.txt"
    write_text(path, "old")

    def half_written():
        with atomic_writer(path) as file:
            file.write("ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half_written()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["note.txt"]


def test_a_crash_between_write_and_rename_leaves_the_old_file(tmp_path):
    # A killed process runs no handler: a child writes the temporary file and dies in place of the rename.
    path = tmp_path / "note.txt"
    write_text(path, "old")
    child = os.fork()
    if child == 0:
        os.replace = lambda *_: os._exit(9)
        write_text(path, "new")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert path.read_text() == "old"
    assert [name for name in os.listdir(tmp_path) if not name.startswith(".")] == ["note.txt"]
    write_text(path, "newest")
    assert path.read_text() == "newest"


def test_two_writers_at_once_do_not_share_a_temporary_file(tmp_path):
    path = tmp_path / "note.txt"
    with atomic_writer(path) as one, atomic_writer(path) as other:
        one.write("one")
        other.write("other")
    assert path.read_text() == "one"  # the outer block ends last
