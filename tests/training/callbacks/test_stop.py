"""Asked to end while training: at the end of the step, with a checkpoint; asked again, or at another time: at once."""

import os
import signal

import pytest
from transformers import TrainerControl, TrainingArguments

from medloc.training.callbacks.stop import StopAtStepEnd
from medloc.training.runner.machine import Stopped, end_when_asked


@pytest.fixture(autouse=True)
def _put_back():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def ask(_=None):
    os.kill(os.getpid(), signal.SIGTERM)


def ended_step(leaving, folder):
    control = TrainerControl()
    leaving.on_step_end(TrainingArguments(output_dir=str(folder), use_cpu=True, report_to="none"), None, control)
    return control.should_save, control.should_training_stop


def training(*during):
    """A training in which these things happen, one after the other."""
    with StopAtStepEnd() as leaving:
        for happens in during:
            happens(leaving)


def test_the_step_at_hand_is_finished_and_saved(tmp_path):
    steps = []

    def step(leaving):
        steps.append(ended_step(leaving, tmp_path))

    with pytest.raises(Stopped):
        training(step, ask, step)
    assert steps == [(False, False), (True, True)]


def test_a_second_time_is_at_once():
    reached = []
    with pytest.raises(Stopped):
        training(ask, ask, reached.append)
    assert not reached


def full_disk(_):
    raise OSError("disk")


def test_a_failure_is_not_hidden_by_it():
    with pytest.raises(OSError, match="disk"):
        training(ask, full_disk)


def asked_within_a_run_that_may_fail():
    try:
        ask()
    except Exception:
        return "swallowed"


def test_elsewhere_it_is_at_once_and_no_exception_handler_swallows_it():
    end_when_asked()
    with pytest.raises(Stopped):
        asked_within_a_run_that_may_fail()


def test_afterwards_the_handler_of_before_is_back():
    end_when_asked()
    before = signal.getsignal(signal.SIGTERM)
    with StopAtStepEnd():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before
