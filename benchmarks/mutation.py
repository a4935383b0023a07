"""`make test-mutation`: change the pure rooms' code line by line, and see whether their tests notice.

mutmut makes one small change at a time ([tool.mutmut] in pyproject.toml says where) and runs the tests that reach it.
Text of messages is left as it is: a text with a space in it is no name, and its wording breaks no result.
"""

import sys
from collections.abc import Iterable

import libcst
from mutmut.__main__ import cli
from mutmut.mutation import file_mutation, mutators


def names_only(node: libcst.BaseString) -> Iterable[libcst.BaseString]:
    """mutmut's changes of a text, for texts that are names."""
    if isinstance(node, libcst.SimpleString) and " " not in node.value:
        yield from mutators.operator_string(node)


def operators() -> mutators.OPERATORS_TYPE:
    return [
        (kind, names_only if operator is mutators.operator_string else operator)
        for kind, operator in mutators.mutation_operators
    ]


if __name__ == "__main__":
    file_mutation.mutation_operators = operators()
    sys.exit(cli())
