"""A campaign on a disk that gets full, in a process that has that disk to itself: `python -m tests.full_disk FOLDER WHEN`.

FOLDER is a small file system. WHEN is `claim` or `settle`: what is being written down when there is no room. Prints what was
seen as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ip1_async import Client, LedgerError
from ip1_async.campaign import Campaign
from ip1_async.sandbox import Sandbox


def fill(folder: Path) -> None:
    """Leave no room."""
    with (folder / "ballast").open("ab", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue


async def carried_out(campaign: Campaign, ip1: Client, then: Callable[[Any], object]) -> str:
    try:
        async for settled in campaign.run(ip1, landing=0.4, visibility=0.4, concurrency=1):
            then(settled)
    except LedgerError as error:
        return error.reason
    return ""


async def main(folder: Path, when: str) -> dict[str, Any]:
    people = [f"467017406{number:02}" for number in range(20)]
    async with Sandbox() as sandbox, Client(sandbox.token, base_url=sandbox.url) as ip1:
        campaign = await Campaign.plan(people, ledger=folder / "ledger", sender="iP1", body="Hi", chunk=5)
        if when == "claim":
            fill(folder)
        else:
            # The answer to the first request takes long enough for the disk to get full meanwhile.
            sandbox.fault("POST /v2/batches delay seconds=0.5 times=1")
            asyncio.get_running_loop().call_later(0.25, fill, folder)
        said = await carried_out(campaign, ip1, lambda settled: None)
        posts = sum(each.method == "POST" for each in sandbox.requests)
        (folder / "ballast").unlink()
        await campaign.close()
        again = await carried_out(campaign, ip1, lambda settled: None)
        stands = await campaign.status()
        await campaign.close()
        texts = Counter(each.recipient for each in sandbox.messages())
    return {
        "said": said, "posts": posts, "again": again, "state": stands.state, "accepted": stands.accepted,
        "texted": len(texts), "most": max(texts.values()),
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))))
