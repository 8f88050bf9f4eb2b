"""The examples of the documentation, run as their readers would."""

from __future__ import annotations

import asyncio
import importlib.util
import re
import socket
from pathlib import Path
from types import ModuleType
from typing import Any

import aiohttp
import pytest

from ip1_async.sandbox import Sandbox

EXAMPLES = Path(__file__).resolve().parents[1] / "docs" / "examples"
PHONE = "46700000001"


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_a_one_time_code_is_sent_its_delivery_shown_and_the_code_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uvicorn = pytest.importorskip("uvicorn")
    pytest.importorskip("fastapi")
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    async with Sandbox() as sandbox, asyncio.timeout(60):
        for name, value in {
            "IP1_BASE_URL": sandbox.url, "IP1_TOKEN": sandbox.token, "PUBLIC_URL": url,
            "WEBHOOK_SECRET": "0123456789abcdef", "WEBHOOK_STORE": str(tmp_path / "webhooks.db"),
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        # FastAPI looks its annotations up in the module.
        monkeypatch.setitem(__import__("sys").modules, "one_time_code", module := example("one_time_code"))
        server = uvicorn.Server(uvicorn.Config(module.app, log_config=None, ws="none", timeout_graceful_shutdown=1))
        serving = asyncio.create_task(server.serve([taken]))
        async with aiohttp.ClientSession(url) as session:
            while not server.started:
                await asyncio.sleep(0.01)

            async def post(path: str, said: Any) -> tuple[int, Any]:
                async with session.post(path, json=said) as response:
                    return response.status, await response.json()

            status, sent = await post("/codes", {"number": PHONE})
            assert status == 202
            async with session.get(f"/codes/{sent['batch']}/events") as stream:
                told = re.findall(r"data: (\d+)", await stream.text())
            assert told[-1] == "201"
            (text,) = sandbox.assert_sent(to=PHONE, containing="Your code is")
            code = re.findall(r"\d{6}", text.body)[0]
            wrong = "000000" if code != "000000" else "111111"
            assert await post("/codes/check", {"number": PHONE, "code": wrong}) == (200, {"right": False})
            assert await post("/codes/check", {"number": PHONE, "code": code}) == (200, {"right": True})
            assert await post("/codes/check", {"number": PHONE, "code": code}) == (200, {"right": False})
            assert (await post("/codes", {"number": "nobody"}))[0] == 422
            sandbox.fault("POST /v2/batches reset after times=1")
            status, refused = await post("/codes", {"number": PHONE})
            assert (status, "Wait a minute" in refused["detail"]) == (503, True)
        server.should_exit = True
        await serving
