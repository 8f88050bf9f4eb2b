"""What `import ip1_async` takes, beside `import aiohttp`, each in a fresh process, again and again in turn.

`python -m benchmarks.importing`. The bar is for the import alone; what the whole process takes, with the start of Python in
it, stands beside it. What is put off by the import is measured as well: taking `Client` out of it, and all that a call needs.
Counted: packages that are neither required nor come with aiohttp, and were imported all the same.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from statistics import median

from attrs import frozen

from benchmarks.figures import Bar, Figure, tell

PAIRS = 25
PROGRAM = """
import sys, time
cpu, wall = time.process_time(), time.perf_counter()
{}
print(time.process_time() - cpu, time.perf_counter() - wall)
"""

OURS = {
    "importing": "import ip1_async",
    "importing_client": "from ip1_async import Client",
    "importing_all_of_a_call": "from ip1_async import Client; import ip1_async.transport",
}
PEER = "import aiohttp"
BARS = {"importing": Bar("<=", 1.15), "importing_client": Bar("<=", 1.15)}


@frozen
class Cost:
    """Seconds of one fresh process."""

    cpu: float
    wall: float
    whole_cpu: float
    whole_wall: float


def imported(statement: str) -> Cost:
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", PROGRAM.format(statement)], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        said = process.stdout.read()
        # Waited for here and not by subprocess, which does not tell what the process used.
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, said
    cpu, wall = map(float, said.split())
    return Cost(cpu, wall, used.ru_utime + used.ru_stime, time.perf_counter() - began)


def packages(statement: str) -> set[str]:
    """What stands in no standard library and is there after a statement."""
    program = f"{statement}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stdout)} - sys.stdlib_module_names


def measured(pairs: int) -> list[Figure]:
    statements = (*OURS.values(), PEER)
    # Once uncounted: it writes what is compiled, and brings the files into memory.
    rounds = [[imported(each) for each in statements] for _ in range(pairs + 1)][1:]
    costs = dict(zip(statements, zip(*rounds, strict=True), strict=True))
    for statement, some in costs.items():
        print(f"{statement}: {median(each.cpu for each in some) * 1e3:.1f} ms of CPU")
    figures: list[Figure] = []
    for name, statement in OURS.items():
        pairs_ = list(zip(costs[statement], costs[PEER], strict=True))
        figures += [
            Figure(f"{name}.cpu", median(ours.cpu / peer.cpu for ours, peer in pairs_), bar=BARS.get(name)),
            Figure(f"{name}.wall", median(ours.wall / peer.wall for ours, peer in pairs_)),
            Figure(f"{name}.whole_process.cpu", median(ours.whole_cpu / peer.whole_cpu for ours, peer in pairs_)),
            Figure(f"{name}.whole_process.wall", median(ours.whole_wall / peer.whole_wall for ours, peer in pairs_)),
        ]
    extra = packages(OURS["importing_all_of_a_call"]) - packages(f"{PEER}, attrs, yarl") - {"ip1_async"}
    if extra:
        print("imported though it is optional:", *sorted(extra))
    return [*figures, Figure("importing.optional_packages", len(extra), "packages", Bar("<=", 0))]


def main() -> int:
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--pairs", type=int, default=PAIRS, help=f"pairs of processes ({PAIRS})")
    return tell(measured(asked.parse_args().pairs))


if __name__ == "__main__":
    sys.exit(main())
