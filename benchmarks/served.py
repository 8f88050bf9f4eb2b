"""A server in a process of its own, so that its work is not counted as anybody's."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def served(program: str, *arguments: str) -> Generator[str]:
    """The server that this module is, until the block ends; gives its address, which is the first line that it prints."""
    command = [sys.executable, "-m", program, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.stdin.close()
