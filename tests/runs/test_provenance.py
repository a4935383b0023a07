import subprocess
import sys

from medloc.runs import provenance


def git(folder, *arguments):
    identity = ["-c", "user.name=n", "-c", "user.email=e@e"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


def test_commit_and_dirty_flag(tmp_path):
    git(tmp_path, "init")
    assert provenance(checkout=tmp_path)["commit"] is None  # nothing committed yet
    (tmp_path / "file").write_text("a")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    clean = provenance(threads=2, checkout=tmp_path)
    assert len(clean["commit"]) == 40
    assert clean["dirty"] is False
    assert clean["threads"] == 2
    (tmp_path / "new").write_text("b")
    assert provenance(checkout=tmp_path)["dirty"] is True


def test_no_commit_outside_a_checkout_or_inside_somebody_elses(tmp_path):
    assert provenance(checkout=tmp_path)["commit"] is None
    git(tmp_path, "init")
    inside = tmp_path / "site-packages"
    inside.mkdir()
    said = provenance(checkout=inside)
    assert (said["commit"], said["dirty"]) == (None, None)


def test_a_hooks_environment_does_not_lead_astray(tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    git(tmp_path, "init")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / ".git"))
    assert provenance(checkout=other)["commit"] is None


def test_versions_are_named_without_importing():
    code = (
        "import sys; from medloc.runs import provenance; said = provenance();"
        "assert said['packages']['hydra-core']; assert 'torch' not in sys.modules, 'torch was imported'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
