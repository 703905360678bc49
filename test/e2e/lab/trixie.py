"""A Debian 13 tree for programs on OpenSSL 3.5. Made once in build/packages by debootstrap, from the mirror apt uses."""
import fcntl
import os
import pathlib
import shutil
import unittest

from . import processes
from .paths import CURL, program

SUITE = "trixie"
PACKAGES = "openssl,curl,nginx,python3"

# In a mount namespace of its own: the tree, with the world's folder at the place it has outside.
ENTER = ('mkdir -p "$1$2" && mount --bind "$2" "$1$2" && mount --rbind /dev "$1/dev" && mount -t proc proc "$1/proc" && '
         'tree=$1 && cd "$1$2" && shift 2 && exec chroot "$tree" "$@"')


def _mirror():
    """The Debian mirror in apt's sources."""
    done = processes.run(["apt-get", "indextargets", "--format", "$(ORIGIN) $(CODENAME) $(REPO_URI)"])
    for line in done.out.splitlines():
        words = line.split()
        if len(words) == 3 and words[0] == "Debian" and words[1].isalpha():
            return words[2]
    raise unittest.SkipTest("apt knows no Debian mirror, so there is no Debian 13 tree")


def _reachable(mirror):
    return processes.run([CURL, "-sSfL", "--max-time", "60", "-o", os.devnull, f"{mirror.rstrip('/')}/dists/{SUITE}/InRelease"])


def _make(folder):
    mirror = _mirror()
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.parent.mkdir(parents=True, exist_ok=True)
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    check = [f"--keyring={keyring}"] if os.path.exists(keyring) else []
    done = processes.run([program("debootstrap", "/usr/sbin"), "--variant=minbase", *check, f"--include={PACKAGES}", SUITE, part, mirror],
                         timeout=700)
    if done.code != 0:
        asked = _reachable(mirror)
        if asked.code != 0:
            raise unittest.SkipTest(f"no Debian 13 tree: {mirror} cannot be reached: {asked.out.strip()}")
        raise RuntimeError(f"debootstrap cannot make a Debian 13 tree: {done}")
    shutil.rmtree(part / "var/cache/apt/archives", ignore_errors=True)
    part.rename(folder)


def trixie():
    """The folder of the tree; skips the tests of the caller where there can be none."""
    if os.geteuid() != 0:
        raise unittest.SkipTest("only root can use a Debian 13 tree (chroot)")
    if processes.run(["unshare", "--mount", "--", "true"]).code != 0:
        raise unittest.SkipTest("no mount namespaces here, which a Debian 13 tree needs")
    folder = pathlib.Path(os.environ["ATTEST_BUILD"]).resolve() / "packages/trixie"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_suffix(".lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test programs may ask at once
        if not folder.exists():
            _make(folder)
    return folder


def move_in(machine, tree, world_folder):
    """From now on the programs of a machine run in the tree. Its daemon and its TPM stay where they are."""
    machine.prefix = ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", ENTER, "sh", str(tree), str(world_folder)]
