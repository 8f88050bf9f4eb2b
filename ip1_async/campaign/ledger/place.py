"""Where a ledger may lie: on a file system of this machine, whose locks and flushes can be relied on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

NETWORK = frozenset(
    [
        "9p",
        "afs",
        "afpfs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "davfs",
        "fuse.ceph",
        "fuse.gcsfuse",
        "fuse.glusterfs",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.sshfs",
        "gfs",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "orangefs",
        "smb3",
        "smbfs",
        "vboxsf",
        "vmhgfs",
        "webdav",
        "fuse.vmhgfs-fuse",
    ]
)
"""Kinds of file systems that are shared with other machines: SQLite's locks and the order of its writes are not certain
there."""


def network_of(path: Path) -> str | None:
    """The kind of network file system that a file lies on; None for one of this machine, or where that cannot be told."""
    # What a link leads to; a single file can be a mount, too.
    kind = file_system(Path(os.path.realpath(path)), mounts())
    return kind if kind in NETWORK else None


def file_system(path: Path, mounted: Iterator[tuple[str, str]]) -> str | None:
    """The kind of the file system that a file or folder is on, given every mount's place and kind in their order."""
    found: tuple[int, str] | None = None
    for place, kind in mounted:
        # Of those that are as deep the later one lies on top.
        if path.is_relative_to(place) and (found is None or len(place) >= found[0]):
            found = len(place), kind
    return None if found is None else found[1]


def mounts() -> Iterator[tuple[str, str]]:
    """Where which kind of file system is mounted."""
    if sys.platform == "linux":
        try:
            # Names are bytes, in whatever encoding.
            return in_mountinfo(os.fsdecode(Path("/proc/self/mountinfo").read_bytes()))
        except OSError:
            return iter(())
    return in_mount(subprocess.run(["/sbin/mount"], capture_output=True, text=True, check=False).stdout)


def in_mountinfo(text: str) -> Iterator[tuple[str, str]]:
    """Places and kinds in Linux's own list."""
    for line in text.splitlines():
        facts, _, rest = line.partition(" - ")
        if rest and len(parts := facts.split()) > 4:
            # Blanks in names are written as octal numbers.
            yield re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), parts[4]), rest.split()[0]


def in_mount(text: str) -> Iterator[tuple[str, str]]:
    """Places and kinds in what the BSD command `mount` prints."""
    for line in text.splitlines():
        if found := re.fullmatch(r".* on (/.*) \(([^,)]+).*\)", line):
            yield found[1], found[2]
