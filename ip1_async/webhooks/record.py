"""Events in a file, a JSON object on each line, to be posted again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path


def append(path: Path, at: float, body: bytes) -> None:
    """One more event; a new file is readable by its owner only, for it holds numbers and texts."""
    line = json.dumps({"at": datetime.fromtimestamp(at, UTC).isoformat(), "body": body.decode(errors="replace")})
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as file:
        file.write(line + "\n")


def bodies(path: Path) -> Iterator[bytes]:
    """The events in their order; raises `ValueError` naming a line that is none."""
    with path.open() as file:
        for number, line in enumerate(file, 1):
            try:
                body = json.loads(line)["body"]
                yield body.encode()
            except (ValueError, KeyError, TypeError, AttributeError):
                raise ValueError(f"{path}: line {number} is no recorded event") from None
