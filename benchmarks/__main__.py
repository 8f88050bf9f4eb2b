"""Runs every program, one after another, and writes `benchmarks/results.md`.

`python -m benchmarks [PROGRAM ...]`; with `--quick` at a size that measures nothing, and only shows that all of them run. One
that fails does not stop the others. The exit status is 1 when a bar is missed by more than 10 %, or a program failed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.results import Run, written

HERE = Path(__file__).resolve().parent

PROGRAMS: Mapping[str, Sequence[str]] = {
    "sends": ("--sends=8", "--slices=1"),
    "decoding": ("--pages=1", "--slices=1"),
    "walk": ("--rows=1000", "--part=400", "--slices=1"),
    "pages": ("--pages=2", "--slices=1"),
    "limiter": ("--seconds=0.1", "--acquires=100", "--slices=1"),
    "campaign": ("2000", "1"),
    "importing": ("--pairs=1",),
    "keeping": ("--messages=400", "--slices=1"),
    "double_send": (),
    "sandbox": ("--messages=1000",),
    "webhooks": ("--reports=100",),
}
"""Every program, with what makes it small."""


def run(program: str, arguments: Sequence[str]) -> Run:
    """What a program prints, which is shown while it does."""
    print(f"\n== benchmarks.{program}", *arguments, flush=True)
    began, said = time.perf_counter(), list[str]()
    command = [sys.executable, "-u", "-m", f"benchmarks.{program}", *arguments]
    with subprocess.Popen(
        command, cwd=HERE.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            said.append(line)
    return Run(f"benchmarks.{program}", process.returncode, "".join(said), time.perf_counter() - began)


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("programs", nargs="*", metavar="PROGRAM", help=f"only these of {', '.join(PROGRAMS)}")
    asked.add_argument("--quick", action="store_true", help="at a size that measures nothing")
    asked.add_argument("--results", type=Path, default=HERE / "results.md", help="where the page is written")
    given = asked.parse_args()
    if unknown := set(given.programs) - PROGRAMS.keys():
        asked.error(f"there is no program named {', '.join(sorted(unknown))}")
    runs = [run(each, PROGRAMS[each] if given.quick else ()) for each in given.programs or PROGRAMS]
    given.results.write_text(written(runs))
    print(f"\nwritten: {given.results}")
    return 1 if any(each.status for each in runs) else 0


if __name__ == "__main__":
    sys.exit(main())
