"""What a row tells `help()`, an IPython prompt and Sphinx: the text under it, and a signature. Read only when asked."""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import cache
from inspect import Parameter, Signature
from itertools import pairwise
from typing import TYPE_CHECKING, Any, get_type_hints

if TYPE_CHECKING:
    from ip1_async.table import Row


class Text:
    """`__doc__` of a verb and of its rows."""

    def __init__(self, verb: str | None) -> None:
        self.verb = verb

    def __get__(self, row: Row[Any] | None, owner: object) -> str | None:
        if row is None:
            return self.verb
        line = f"``{row.method} {row.path}``" if row.method else f"``{row.path}``"
        said = sentence(row)
        return f"{said}\n\n{line}" if said else line


def sentence(row: Row[Any]) -> str:
    """The text under a row; empty where there is none or the source is not at hand."""
    table: Any = row.table
    return _texts(table).get(row.__name__, "")


def field_sentence(model: Any, name: str) -> str:
    """The text under a field of a model, its own or inherited; empty where there is none."""
    return next((texts[name] for kind in model.__mro__ if name in (texts := _texts(kind))), "")


@cache
def _texts(table: Any) -> dict[str, str]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(table))).body[0]
    except (OSError, TypeError, SyntaxError):
        return {}
    found: dict[str, str] = {}
    for row, text in pairwise(tree.body if isinstance(tree, ast.ClassDef) else ()):
        match row, text:
            case (
                ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(words))),
            ):
                found[name] = inspect.cleandoc(words)
            case _:
                pass
    return found


def signature(row: Row[Any]) -> Signature:
    """*self*, the ids by their names in the path, then the value's own parameters."""
    ids = [Parameter(name, Parameter.POSITIONAL_ONLY, annotation=str) for name in row.names[len(row.names) - row.ids :]]
    value: list[Parameter] = []
    if row.value is not None:
        hints = get_type_hints(row.value)
        given = inspect.signature(row.value).parameters
        value = [given[name].replace(annotation=hints.get(name, Any)) for name in sorted(given, key="extra".__eq__)]
    return Signature([Parameter("self", Parameter.POSITIONAL_ONLY), *ids, *value], return_annotation=row.answer())
