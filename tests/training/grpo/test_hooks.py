"""Private methods of TRL: each one that is used is listed, and each change of one is refused by name at start-up."""

import ast
from pathlib import Path

import pytest
from trl import GRPOTrainer

import medloc.training
from medloc.training.grpo import hooks
from medloc.training.grpo.hooks import HOOKS, Hook, check_layout, check_trl, returned_names

ROOM = Path(medloc.training.__file__).parent


def private_methods_used():
    """Every private method of GRPOTrainer that a class in training overrides or a line of it calls."""
    used = set()
    for path in ROOM.rglob("*.py"):
        if "systems" in path.parts or "distributed" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                [part.name for part in node.body if isinstance(part, ast.FunctionDef)]
                if (isinstance(node, ast.ClassDef))
                else [node.func.attr]
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
                else []
            )
            used |= {name for name in names if name.startswith("_") and not name.startswith("__")}
    return {name for name in used if callable(getattr(GRPOTrainer, name, None))}


def test_the_installed_trl_is_as_expected():
    check_trl()


def test_every_private_method_that_is_used_is_checked():
    assert private_methods_used() == set(HOOKS)


@pytest.mark.parametrize("name", HOOKS)
def test_a_changed_signature_is_refused_by_name(monkeypatch, name):
    monkeypatch.setitem(HOOKS, name, Hook(HOOKS[name].parameters[:-1], HOOKS[name].returns))
    with pytest.raises(RuntimeError, match=rf"^trl 1\.\d+\.\d+: GRPOTrainer\.{name} takes .* supports trl 1\.16"):
        check_trl()


@pytest.mark.parametrize("name", [name for name, hook in HOOKS.items() if hook.returns])
def test_a_changed_return_value_is_refused_by_name(monkeypatch, name):
    monkeypatch.setitem(HOOKS, name, Hook(HOOKS[name].parameters, (*HOOKS[name].returns, "another")))
    with pytest.raises(RuntimeError, match=rf"^trl 1\.\d+\.\d+: GRPOTrainer\.{name} returns .* supports trl 1\.16"):
        check_trl()


def test_a_vanished_method_is_refused_by_name(monkeypatch):
    monkeypatch.setitem(HOOKS, "_score_everything", Hook(("self",)))
    with pytest.raises(RuntimeError, match=r"GRPOTrainer\._score_everything does not exist"):
        check_trl()


def test_a_fused_head_with_other_arguments_is_refused(monkeypatch):
    monkeypatch.setattr(hooks, "FUSED_HEAD", ("fused_lm_head", "targets"))
    with pytest.raises(RuntimeError, match="add_fused_lm_head installs a forward that takes"):
        check_trl()


def test_shapes_are_checked_when_they_come():
    check_layout(True, "anything")
    with pytest.raises(RuntimeError, match=r"^trl 1\.\d+\.\d+: expected a mask \[rows, tokens\]; medloc supports trl"):
        check_layout(False, "a mask [rows, tokens]")


def test_what_a_function_returns_is_read_from_its_source():
    def in_a_tuple(first, second):
        if first:
            return None
        return first, len(second)

    def in_a_dict(value):
        output = {"a": value, "b": 1}
        output["c"] = value
        return output

    assert returned_names(in_a_tuple) == ("first", "len")
    assert returned_names(in_a_dict) == {"a", "b", "c"}
