"""Debian's Node: the installed one, or, where another Node is installed, Debian's packages unpacked beside it."""
import os
import pathlib
import shutil
import unittest

from . import processes
from .node import Node
from .paths import program

PACKAGES = ("nodejs=18*", "libnode108", "libc-ares2", "node-acorn", "node-cjs-module-lexer", "node-undici")
PRIVATE_SHARE = ["unshare", "--mount", "--", "sh", "-c", 'mount --bind "$0" /usr/share && exec "$@"']  # node wants files of its own there


def _shares_openssl(found):
    done = processes.run([found, "-p", "process.config.variables.node_shared_openssl"]) if found else None
    return done is not None and done.code == 0 and done.out.strip() == "true"


def _download(folder):
    """apt's own packages; a list of packages that is too old is renewed once, where we may."""
    for refresh in (False, True):
        if refresh and (os.geteuid() != 0 or processes.run(["apt-get", "update", "-q"], timeout=300).code != 0):
            break
        done = processes.run(["apt-get", "download", "-q", *PACKAGES], cwd=folder, timeout=300)
        if done.code == 0:
            return
    raise unittest.SkipTest(f"Debian's nodejs is neither installed nor to be had: {done.out.strip().splitlines()[-1]}")


def _unpack(folder):
    parts = folder.with_name(folder.name + ".part")
    shutil.rmtree(parts, ignore_errors=True)
    parts.mkdir(parents=True)
    _download(parts)
    for package in parts.glob("*.deb"):
        processes.must(["dpkg", "-x", package, parts])
    parts.rename(folder)


def debian_node():
    """Node with Debian's OpenSSL; skips the tests of the caller where there is none."""
    found = program("node")
    if _shares_openssl(found):
        return Node(found)
    folder = pathlib.Path(os.environ["ATTEST_BUILD"]).resolve() / "packages/node18"
    if not folder.exists():
        _unpack(folder)
    if processes.run([*PRIVATE_SHARE, folder / "usr/share", "true"]).code != 0:
        raise unittest.SkipTest("another Node is installed, and Debian's needs a mount namespace beside it")
    libraries = next(folder.glob("usr/lib/*/libnode.so.108")).parent
    return Node(folder / "usr/bin/node", [*PRIVATE_SHARE, folder / "usr/share"], LD_LIBRARY_PATH=libraries)


def other_node():
    """A Node that brings its own OpenSSL 3; skips the tests of the caller where there is none."""
    found = program("node")
    if not found or _shares_openssl(found):
        raise unittest.SkipTest("no Node with an OpenSSL of its own is installed")
    done = processes.run([found, "-p", "process.versions.openssl"])
    if not done.out.startswith("3."):
        raise unittest.SkipTest(f"the installed Node brings OpenSSL {done.out.strip()}, not 3")
    return Node(found)
