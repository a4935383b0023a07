"""The private parts of TRL and transformers that our trainers override or call, checked before a model is loaded.

The curriculum itself needs public hooks only (`medloc.training.grpo.rule`). What is listed here serves checkpoints,
the order of the images, packed groups, dynamic sampling and the KL mask. A release may change it without notice.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import trl
from trl import GRPOTrainer
from trl.trainer import utils


@dataclass(frozen=True)
class Hook:
    """What is expected of one private method.

    Attributes:
        parameters: names of its parameters.
        returns: the names in the tuple that it returns, keys that the returned dict has, or the class that it builds;
            empty where nothing is used of what it returns.
    """

    parameters: tuple[str, ...]
    returns: tuple[str, ...] = ()


HOOKS = {
    "_save_checkpoint": Hook(("self", "model", "trial")),
    "_load_optimizer_and_scheduler": Hook(("self", "checkpoint")),
    "_load_from_checkpoint": Hook(("self", "resume_from_checkpoint", "model")),
    "_prepare_for_training": Hook(("self", "max_steps", "train_dataloader", "resume_from_checkpoint")),
    "_get_train_sampler": Hook(("self", "dataset"), ("RepeatSampler",)),
    "_generate": Hook(
        ("self", "prompts"),
        (
            *("prompt_ids", "completion_ids", "tool_mask", "completions"),
            *("logprobs", "extra_fields", "images", "tool_images"),
        ),
    ),
    "_generate_single_turn": Hook(
        ("self", "prompt_ids", "images", "multimodal_fields", "num_generations", "has_tool_images"),
        ("completion_ids", "logprobs"),
    ),
    "_generate_and_score_completions": Hook(
        ("self", "inputs"), ("completion_ids", "completion_mask", "advantages", "tool_mask")
    ),
    "_prepare_inputs": Hook(("self", "generation_batch")),
    "_compute_loss": Hook(("self", "model", "inputs"), ("loss",)),
    "_get_per_token_logps_and_entropies": Hook(
        (
            *("self", "model", "input_ids", "attention_mask", "logits_to_keep", "batch_size"),
            *("compute_entropy", "compute_aux_loss", "pixel_values", "image_grid_thw", "num_images"),
            *("pixel_attention_mask", "spatial_shapes", "num_tiles", "image_sizes", "token_type_ids"),
            *("mm_token_type_ids", "image_position_ids"),
        ),
        ("logps", "entropies", "aux_loss"),
    ),
}
"""Every private method of `GRPOTrainer` that `medloc.training` overrides or calls."""

FUSED_HEAD = ("fused_lm_head", "labels", "shift_labels")
"""Arguments of the forward that `trl.trainer.utils.add_fused_lm_head` installs; `packed_groups` passes them."""


def check_trl() -> None:
    """Refuse a TRL whose private methods have other signatures or return something else.

    Raises:
        RuntimeError: a method of `HOOKS`, or the fused head, is not as expected.
    """
    for name, hook in HOOKS.items():
        method = getattr(GRPOTrainer, name, None)
        if method is None:
            raise moved(f"GRPOTrainer.{name} does not exist")
        found = tuple(inspect.signature(method).parameters)
        if found != hook.parameters:
            raise moved(f"GRPOTrainer.{name} takes {found}, expected {hook.parameters}")
        returned = returned_names(method)
        in_order = isinstance(returned, tuple)
        if hook.returns and (returned != hook.returns if in_order else not set(hook.returns) <= set(returned)):
            raise moved(f"GRPOTrainer.{name} returns {returned}, expected {hook.returns}")
    forward = _function_named("_fused_forward", _tree(utils.add_fused_lm_head))
    taken = [a.arg for a in (*forward.args.args, *forward.args.kwonlyargs)] if forward else []
    if not set(FUSED_HEAD) <= set(taken):
        raise moved(f"add_fused_lm_head installs a forward that takes {taken}, expected {FUSED_HEAD} among them")


def check_layout(holds: bool, what: str) -> None:
    """Raise RuntimeError unless `holds`: TRL returned values of other shapes than `what` says."""
    if not holds:
        raise moved(f"expected {what}")


def moved(what: str) -> RuntimeError:
    """Return the error that names the installed TRL and the one that is needed."""
    return RuntimeError(f"trl {trl.__version__}: {what}; medloc supports trl 1.16.x: pip install 'trl>=1.16,<1.17'.")


def returned_names(function: Callable[..., Any]) -> tuple[str, ...] | frozenset[str]:
    """Return what a function's source says it returns.

    Returns:
        The names in its last returned tuple, the name of a returned variable, or the class that is built, in order; for
        a returned variable that holds a dict, its string keys.
    """
    tree = _tree(function)
    returns = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return) and node.value is not None]
    value = max(returns, key=lambda node: node.lineno, default=None)
    if isinstance(value, ast.Name):
        return _keys_of(value.id, tree) or (value.id,)
    parts: Sequence[ast.expr | None] = value.elts if isinstance(value, ast.Tuple) else [value]
    parts = [part.func if isinstance(part, ast.Call) else part for part in parts]
    return tuple(part.id if isinstance(part, ast.Name) else "?" for part in parts)


def _keys_of(variable: str, tree: ast.AST) -> frozenset[str]:
    """Return the keys of `variable = {...}` and of every `variable["key"] = ...`."""
    keys: list[ast.expr | None] = []
    for node in (node for node in ast.walk(tree) if isinstance(node, ast.Assign)):
        for target in node.targets:
            if isinstance(target, ast.Name) and target.id == variable and isinstance(node.value, ast.Dict):
                keys += node.value.keys
            elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
                keys += [target.slice] if target.value.id == variable else []
    return frozenset(key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str))


def _tree(function: Callable[..., Any]) -> ast.AST:
    return ast.parse(textwrap.dedent(inspect.getsource(function)))


def _function_named(name: str, tree: ast.AST) -> ast.FunctionDef | None:
    return next((node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name), None)
