"""What `import ip1_async` costs and gives."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import ip1_async

OPTIONAL = {
    "aiohttp.web", "aioresponses", "cattrs", "cyclopts", "hypothesis", "msgspec", "orjson", "pandas", "phonenumbers",
    "polars", "pyarrow", "pytest", "rich", "sqlite3", "uvloop", "ip1_async.cli", "ip1_async.frames", "ip1_async.sandbox",
    "ip1_async.testing",
}  # fmt: skip


def _loaded_by(statement: str) -> set[str]:
    """The modules of a fresh interpreter after a statement."""
    program = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("statement", ["import ip1_async", "from ip1_async import *"])
def test_nothing_optional_is_imported_beyond_what_aiohttp_imports_itself(statement: str) -> None:
    ours = _loaded_by(statement) - _loaded_by("import aiohttp, attrs")
    assert "ip1_async" in ours
    assert ("ip1_async.client" in ours) == ("*" in statement)
    assert ours & OPTIONAL == set()


def test_a_name_loads_what_it_needs_and_no_more() -> None:
    assert _loaded_by("import ip1_async") - _loaded_by("import typing, __future__") == {"ip1_async"}
    assert not _loaded_by("from ip1_async import NewBatch, IP1Error, reveal") & {"aiohttp", "asyncio"}


def test_names_that_are_loaded_late_are_plain_names() -> None:
    program = """
import ip1_async, pickle
assert set(ip1_async.__all__) <= set(dir(ip1_async)), "dir() lists them"
assert ip1_async.Status is ip1_async.Status and "Status" in vars(ip1_async), "they are looked for once"
from ip1_async.models import Status
assert ip1_async.Status is Status and pickle.loads(pickle.dumps(Status(201))) == Status(201), "they live where they are made"
from ip1_async import *
assert all(globals()[name] is getattr(ip1_async, name) for name in ip1_async.__all__), "a star gives all of them"
"""
    assert "ip1_async.client" in _loaded_by(program)


@pytest.mark.parametrize("name", ["Clint", "codec_", "import_module", "_errors"])
def test_other_names_are_not_there(name: str) -> None:
    with pytest.raises(AttributeError, match=f"module 'ip1_async' has no attribute '{name}'"):
        getattr(ip1_async, name)


def test_the_modules_of_the_contract_load_only_when_named() -> None:
    assert "ip1_async.text" in _loaded_by("import ip1_async.text")
    assert "ip1_async.sandbox.server" in _loaded_by("from ip1_async.sandbox import Sandbox")


def test_the_plugin_that_every_pytest_run_loads_starts_no_sandbox() -> None:
    assert (
        _loaded_by("import ip1_async.testing") & {"ip1_async.sandbox", "sqlite3", "aiohttp.web", "hypothesis"} == set()
    )


def test_the_public_names_are_sorted_and_there() -> None:
    def order(name: str) -> tuple[bool, bool, str]:
        return not name.isupper(), not name[0].isupper(), name

    assert ip1_async.__all__ == sorted(ip1_async.__all__, key=order)
    assert len(set(ip1_async.__all__)) == len(ip1_async.__all__)
    assert all(hasattr(ip1_async, name) for name in ip1_async.__all__)


@pytest.mark.parametrize(
    "name", ["Client", "Pages", "merge", "raw", "Sent", "Refused", "Unknown", "NotSeen", "Undecided", "Status"]
)
def test_the_names_of_the_contract_are_public(name: str) -> None:
    assert name in ip1_async.__all__


def test_every_model_is_public() -> None:
    from ip1_async.models import __all__ as models

    parts_of_calls = {"Omission", "Whole", "WithMeta"}
    assert set(models) - set(ip1_async.__all__) == parts_of_calls


def test_every_error_is_public() -> None:
    from ip1_async import IP1Error

    def below(error: type[IP1Error]) -> set[str]:
        return {error.__name__}.union(*map(below, error.__subclasses__()))

    assert below(IP1Error) - set(ip1_async.__all__) == set()
