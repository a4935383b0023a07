"""Every fault is counted, and the run of this folder ends with the table of them."""

from collections import defaultdict

import pytest
from tabulate import tabulate

from tests.faults.process import WINDOW, run

KEY = pytest.StashKey[dict]()


def pytest_configure(config):
    config.stash[KEY] = defaultdict(lambda: [0, 0])


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """A run that nobody disturbs."""
    root = tmp_path_factory.mktemp("whole")
    ended = run(root, WINDOW)
    assert ended.status == 0, ended.err
    return root


@pytest.fixture
def tally(request):
    """Returns a context: `with tally("fault"):` is one try, which has survived if the block ends."""
    counts = request.config.stash[KEY]

    class Try:
        def __init__(self, fault, tries=1):
            self.fault, self.tries = fault, tries

        def __enter__(self):
            counts[self.fault][0] += self.tries

        def __exit__(self, kind, *_):
            counts[self.fault][1] += 0 if kind else self.tries

    return Try


def pytest_terminal_summary(terminalreporter, config):
    counts = config.stash[KEY]
    if counts:
        rows = [(fault, tries, survived, tries - survived) for fault, (tries, survived) in counts.items()]
        rows.append(("all", *map(sum, list(zip(*rows, strict=True))[1:])))
        terminalreporter.write_line("")
        terminalreporter.write_line(tabulate(rows, ("fault", "tries", "survived", "lost"), "github"))
