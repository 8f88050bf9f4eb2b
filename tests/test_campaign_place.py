"""On which kind of file system a ledger lies is read from the system's own list of mounts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ip1_async.campaign.ledger.place import NETWORK, file_system, in_mount, in_mountinfo, mounts, network_of

MOUNTINFO = r"""22 27 0:21 / /proc rw,relatime shared:5 - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
31 27 0:40 / /home rw,relatime shared:13 master:2 propagate_from:1 - btrfs /dev/vdb rw,subvol=/home
36 31 0:44 / /home/anna/team rw,nosuid shared:17 - nfs4 nas:/export/team rw,vers=4.2
37 36 0:45 / /home/anna/team/cache rw - tmpfs tmpfs rw,size=65536k
38 31 0:46 / /home/anna/my\040files rw - cifs //nas/anna rw,vers=3.1.1
39 31 0:47 / /home/anna/a\134b rw - fuse.sshfs anna@host:/ rw,user_id=1000
40 27 0:48 / /mnt/c rw,noatime - 9p C:\134 rw,dirsync,aname=drvfs
41 27 0:49 / /srv/app rw - overlay overlay rw,lowerdir=/a,upperdir=/b
42 27 0:50 / /data rw - xfs /dev/vdc rw
43 42 0:51 / /data rw - nfs nas:/data rw,vers=3
44 27 0:52 /file /srv/one.db rw - ceph mon:/ rw
45 27 0:53 / /home/anna\011tab rw - smb3 //nas/t rw

not a line of it
"""

MOUNT = """/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
devfs on /dev (devfs, local, nobrowse)
map auto_home on /System/Volumes/Data/home (autofs, automounted, nobrowse)
//anna@nas._smb._tcp.local/team on /Volumes/team (smbfs, nodev, nosuid, mounted by anna)
nas:/export on /Volumes/of (the) team (nfs, nodev, nosuid)
/dev/disk4s2 on /Volumes/my disk (hfs, local, nodev, journaled)
https://dav.example.org/ on /Volumes/dav (webdav, nodev, noexec)

nothing
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/", "ext4"),
        ("/var/lib", "ext4"),
        ("/home", "btrfs"),
        ("/home/anna", "btrfs"),
        ("/home/anna/team", "nfs4"),
        ("/home/anna/team/plans/2026", "nfs4"),
        ("/home/anna/team/cache/x", "tmpfs"),
        ("/home/anna/team2", "btrfs"),
        ("/home/anna/my files/x", "cifs"),
        ("/home/anna/a\\b", "fuse.sshfs"),
        ("/home/anna\ttab/x", "smb3"),
        ("/mnt/c/Users", "9p"),
        ("/srv/app/data", "overlay"),
        ("/data/x", "nfs"),
        ("/srv/one.db", "ceph"),
        ("/srv/two.db", "ext4"),
    ],
)
def test_a_folder_is_on_the_nearest_mount_above_it_and_of_two_on_the_later(folder: str, kind: str) -> None:
    assert file_system(Path(folder), in_mountinfo(MOUNTINFO)) == kind


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/Users/anna", "apfs"),
        ("/Volumes/team/plans", "smbfs"),
        ("/Volumes/of (the) team", "nfs"),
        ("/Volumes/my disk/x", "hfs"),
        ("/Volumes/dav/x", "webdav"),
        ("/System/Volumes/Data/home/x", "autofs"),
    ],
)
def test_so_it_is_in_what_the_command_of_bsd_prints(folder: str, kind: str) -> None:
    assert file_system(Path(folder), in_mount(MOUNT)) == kind


@pytest.mark.parametrize("text", ["", "nothing to see", "1 2 3 - ext4", "22 27 0:21 / /proc rw no dash"])
def test_what_is_no_list_of_mounts_says_nothing(text: str) -> None:
    assert file_system(Path("/home"), in_mountinfo(text)) is None
    assert file_system(Path("/home"), in_mount(text)) is None


def test_file_systems_that_are_shared_with_other_machines_are_known_as_such() -> None:
    kinds = {kind for text, read in ((MOUNTINFO, in_mountinfo), (MOUNT, in_mount)) for _, kind in read(text)}
    local = {"proc", "ext4", "btrfs", "tmpfs", "overlay", "xfs", "apfs", "devfs", "autofs", "hfs"}
    assert kinds - NETWORK == local


def test_this_machine_has_a_list_that_can_be_read(tmp_path: Path) -> None:
    known = [*mounts()]
    assert "/" in [place for place, _ in known]
    kind = file_system(tmp_path.resolve(), iter(known))
    assert kind
    assert network_of(tmp_path / "ledger") == (kind if kind in NETWORK else None)
    if sys.platform == "linux":
        found = subprocess.run(["stat", "-f", "-c", "%T", "/proc"], capture_output=True, text=True, check=True)
        assert file_system(Path("/proc/self"), iter(known)) == found.stdout.strip()
