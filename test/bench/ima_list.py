"""IMA lists of any length for the benchmarks: a recorded boot's list, continued with made-up files."""
import hashlib
import pathlib
import random
import shutil
import struct


def entry(number):
    """One ima-ng entry of a file that never existed."""
    path = f"/usr/lib/x86_64-linux-gnu/example/module-{number}.so\0".encode()
    digest = b"sha256:\0" + hashlib.sha256(b"file %d" % number).digest()
    data = struct.pack("<I", len(digest)) + digest + struct.pack("<I", len(path)) + path
    return (struct.pack("<I", 10) + hashlib.sha1(data).digest() + struct.pack("<I", 6) + b"ima-ng" + struct.pack("<I", len(data)) + data)


def split(data):
    entries, at = [], 0
    while at < len(data):
        start, at = at, at + 24
        for _ in range(2):
            (size,) = struct.unpack_from("<I", data, at)
            at += 4 + size
        entries.append(data[start:at])
    return entries


def boot_with(boot, entries, folder):
    """A copy of a recorded boot in `folder` whose IMA list has `entries` entries."""
    folder = pathlib.Path(folder)
    shutil.copytree(boot, folder)
    (recorded,) = [p for p in folder.iterdir() if p.name.startswith("ima")][:1]
    data = recorded.read_bytes()
    recorded.write_bytes(data + b"".join(entry(n) for n in range(entries - len(split(data)))))
    return folder


def in_another_order(boot, folder):
    """A copy of a boot whose files were measured in an order that has nothing to do with the first (which stays: boot_aggregate)."""
    folder = pathlib.Path(folder)
    shutil.copytree(boot, folder)
    (recorded,) = [p for p in folder.iterdir() if p.name.startswith("ima")][:1]
    first, *files = split(recorded.read_bytes())
    random.Random(1).shuffle(files)
    recorded.write_bytes(first + b"".join(files))
    return folder
