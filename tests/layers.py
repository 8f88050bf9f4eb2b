"""What the package's shape forbids, read off its sources without importing them."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from attrs import frozen

PACKAGE = "ip1_async"

LAYERS: tuple[frozenset[str], ...] = tuple(
    frozenset(line.split())
    for line in (
        "errors clock masking commits",
        "wire",
        "codec models text",
        "pages window source walk cursor frames",
        "rows table help",
        "transport flow api",
        "client openapi",
        "webhooks sandbox campaign",
        "testing",
        "cli",
    )
)
"""The parts of the package, the most basic first; a part imports from lower lines, or from its own without a circle."""

ANYTHING = frozenset({PACKAGE, f"{PACKAGE}.__main__"})
"""The two front doors, which may import every part."""

OWNERS: Mapping[str, tuple[str, ...]] = {
    "attrs": ("",),
    "yarl": ("",),
    "aiohttp": ("transport",),
    "aiohttp.web": ("sandbox.server", "sandbox.control", "sandbox.mishap", "sandbox.service", "webhooks"),
    "multidict": ("transport",),
    "cattrs": ("codec",),
    "orjson": ("codec",),
    "msgspec": ("codec",),
    "sqlite3": ("commits", "sandbox", "webhooks", "campaign"),
    "time": ("clock", "flow", "client", "cli", "text"),
    "random": ("clock", "flow", "client", "cli", "text", "sandbox.service", "campaign.running.runner"),
    "uuid": ("flow", "client", "cli"),
    "pytest": ("testing",),
    "pytest_asyncio": ("testing",),
    "hypothesis": ("testing",),
    "cyclopts": ("cli",),
    "rich": ("cli",),
    "phonenumbers": ("campaign", "cli"),
    "pyarrow": ("campaign", "frames"),
    "polars": ("frames",),
    "pandas": ("frames",),
}
"""Who may import what from outside; what is not named here is the standard library's, or is refused."""

SANDBOX_READS = frozenset({"sandbox", "api", "rows", "table", "wire", "text", "clock", "masking", "errors", "openapi"})
POSTS = frozenset({"transport", "flow"})
"""What the sandbox posts webhooks with."""
WAITS = ("clock", "cli")
OPENS_DATABASES = frozenset({"state", "ledger", "store"})


@frozen
class Breach:
    """One place where a rule is broken."""

    file: str
    line: int
    rule: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}"


@frozen
class Import:
    """One name that a module imports; *target* is dotted and ends with that name."""

    line: int
    target: str
    for_types: bool


@frozen
class Module:
    name: str
    file: str
    tree: ast.Module
    imports: tuple[Import, ...]

    @property
    def part(self) -> str:
        return part(self.name)

    def within(self, places: tuple[str, ...]) -> bool:
        return any(f"{self.name}.".startswith(f"{PACKAGE}.{place}." if place else PACKAGE) for place in places)

    def breach(self, line: int, rule: str) -> Breach:
        return Breach(self.file, line, f"{self.name} {rule}")


Modules = Mapping[str, Module]


def part(name: str) -> str:
    return f"{name}.".split(".")[1]


def sources(root: Path) -> dict[str, str]:
    """The package's sources by their path below *root*."""
    return {path.relative_to(root).as_posix(): path.read_text() for path in sorted((root / PACKAGE).rglob("*.py"))}


def breaches(files: Mapping[str, str]) -> list[Breach]:
    """Every breach of a rule in these sources, given by their paths."""
    modules = {each.name: each for each in map(_module, files, files.values())}
    found = [breach for rule in RULES for module in modules.values() for breach in rule(module, modules)]
    return sorted([*found, *_circles(modules)], key=lambda breach: (breach.file, breach.line, breach.rule))


def _module(file: str, text: str) -> Module:
    tree = ast.parse(text, file)
    name = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return Module(name, file, tree, tuple(_imports(tree)))


def _imports(node: ast.AST, for_types: bool = False) -> Iterator[Import]:
    match node:
        case ast.Import():
            yield from (Import(node.lineno, each.name, for_types) for each in node.names)
        case ast.ImportFrom():
            source = "." * node.level + (node.module or "")
            yield from (Import(node.lineno, f"{source}.{each.name}", for_types) for each in node.names)
        case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
            yield from (found for each in node.body for found in _imports(each, for_types=True))
            yield from (found for each in node.orelse for found in _imports(each, for_types))
        case _:
            yield from (found for each in ast.iter_child_nodes(node) for found in _imports(each, for_types))


def _ours(each: Import, modules: Modules) -> str | None:
    """The module of the package that an import reads, if any."""
    if each.target.split(".")[0] != PACKAGE:
        return None
    return each.target if each.target in modules else each.target.rpartition(".")[0] or PACKAGE


def _reads(module: Module, modules: Modules) -> Iterator[tuple[Import, str]]:
    """What of the package a module imports when it runs."""
    for each in module.imports:
        if not each.for_types and (read := _ours(each, modules)):
            yield each, read


def downwards(module: Module, modules: Modules) -> Iterator[Breach]:
    """Imports point downwards."""
    if module.name in ANYTHING:
        return
    height = {name: row for row, line in enumerate(LAYERS) for name in line}
    if module.part not in height:
        yield module.breach(1, "stands in no layer; give it one in tests/layers.py")
        return
    for each, read in _reads(module, modules):
        if read in ANYTHING:
            yield module.breach(each.line, f"imports the front door {read}; import the part that is meant")
        elif height.get(part(read), 0) > height[module.part]:
            yield module.breach(each.line, f"imports upwards, from {read}")


def absolute(module: Module, modules: Modules) -> Iterator[Breach]:
    """Imports are written out, so that the other rules can read them."""
    for each in module.imports:
        if each.target.startswith("."):
            yield module.breach(each.line, "imports by a relative name; write the whole one")


def owned(module: Module, modules: Modules) -> Iterator[Breach]:
    """What comes from outside is used in its own places only."""
    for each in module.imports:
        outside = each.target.split(".")[0]
        if outside in ("", PACKAGE) or (each.for_types and outside != "cattrs"):
            continue
        known = [name for name in OWNERS if f"{each.target}.".startswith(f"{name}.")]
        if not known and outside not in sys.stdlib_module_names:
            yield module.breach(each.line, f"imports {outside}, which the package does not depend on")
        elif known and not module.within(places := OWNERS[max(known, key=len)]):
            yield module.breach(each.line, f"imports {max(known, key=len)}, which only {' and '.join(places)} may")


def independent(module: Module, modules: Modules) -> Iterator[Breach]:
    """The sandbox shares no model or codec with the client, also none that another module passes on."""
    if module.part != "sandbox":
        return
    shared = {
        each.name
        for model in modules.values()
        if model.part == "models"
        for each in model.tree.body
        if isinstance(each, ast.ClassDef)
    }
    for each in module.imports:
        if (read := _ours(each, modules)) is None or part(read) == "sandbox":
            continue
        if part(read) not in SANDBOX_READS | POSTS:
            yield module.breach(each.line, f"imports {read}; client and sandbox would agree on the same mistake")
        elif each.target.rpartition(".")[2] in shared:
            yield module.breach(each.line, f"imports the model {each.target.rpartition('.')[2]} by way of {read}")


def timeless(module: Module, modules: Modules) -> Iterator[Breach]:
    """The time comes from a clock that is given."""
    if module.within(WAITS):
        return
    for node in ast.walk(module.tree):
        match node:
            case ast.Call(func=ast.Attribute(value=owner, attr="now" | "utcnow" | "today" as call)) if _last(owner) in (
                "datetime",
                "date",
            ):
                yield module.breach(node.lineno, f"asks the machine for the time with {_last(owner)}.{call}")
            case ast.Call(func=ast.Attribute(value=ast.Name(id="asyncio"), attr="sleep" | "timeout" as call)) if not (
                len(node.args) == 1 and isinstance(node.args[0], ast.Constant) and not node.args[0].value
            ):
                yield module.breach(node.lineno, f"waits by asyncio.{call} and not by the clock it is given")
            case ast.Call(func=ast.Attribute(value=ast.Name(id="asyncio"), attr="wait_for" | "timeout_at" as call)):
                yield module.breach(node.lineno, f"waits by asyncio.{call} and not by the clock it is given")
            case _:
                pass


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def fileless(module: Module, modules: Modules) -> Iterator[Breach]:
    """Databases are opened in modules that are named for it."""
    if module.name.rpartition(".")[2] in OPENS_DATABASES:
        return
    rule = "opens a database, which only modules named state, ledger or store may"
    for each in module.imports:
        if each.target == "sqlite3.connect":
            yield module.breach(each.line, rule)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and node.attr == "connect" and _last(node.value) == "sqlite3":
            yield module.breach(node.lineno, rule)


def pathless(module: Module, modules: Modules) -> Iterator[Breach]:
    """Only the table spells paths; what merely documents is free to."""
    if module.part == "api":
        return
    prose = {id(node.value) for node in ast.walk(module.tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            for start in ("/v2/", "/api/"):
                if start in node.value:
                    yield module.breach(node.lineno, f"spells a path with {start}, which only ip1_async.api does")


def _circles(modules: Modules) -> Iterator[Breach]:
    """A breach for a circle of modules, and one for a circle of parts that do not show as one of modules."""
    graph = {name: {read for _, read in _reads(each, modules) if read != name} for name, each in modules.items()}
    parts: dict[str, set[str]] = {}
    for name in modules.keys() - ANYTHING:
        parts.setdefault(part(name), set()).update({part(read) for read in graph[name]} - {part(name)})
    for edges in (graph, parts):
        try:
            TopologicalSorter(edges).prepare()
        except CycleError as error:
            ring: list[str] = error.args[1]
            member = next(each for each in modules.values() if ring[0] in (each.name, each.part))
            yield member.breach(1, f"is in a circle of imports: {' <- '.join(ring)}")


RULES: tuple[Callable[[Module, Modules], Iterator[Breach]], ...] = (
    absolute,
    downwards,
    owned,
    independent,
    timeless,
    fileless,
    pathless,
)
