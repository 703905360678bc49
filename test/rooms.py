#!/usr/bin/env python3
"""Fails on an include that the rooms do not allow (docs/ARCHITECTURE.md)."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ALLOWED = {
    "evidence": {"evidence"},
    "drivers": {"drivers", "evidence"},
    "verifier": {"verifier", "evidence"},
    "cmcd-lite/protocol": {"cmcd-lite/protocol", "evidence"},
    "cmcd-lite/client": {"cmcd-lite/client", "cmcd-lite/protocol", "evidence"},
    "cmcd-lite/http": {"cmcd-lite/http", "cmcd-lite/client", "evidence"},
    "cmcd-lite/server": {"cmcd-lite/server", "cmcd-lite/http", "cmcd-lite/protocol", "cmcd-lite/client", "drivers", "verifier", "evidence"},
    "provider/libattest": {"provider/libattest", "cmcd-lite/client", "cmcd-lite/protocol", "evidence"},
    "provider": {"provider", "cmcd-lite/client", "cmcd-lite/protocol", "evidence"},
    "apps": {"apps", "provider/libattest", "cmcd-lite/http", "cmcd-lite/client", "cmcd-lite/protocol", "verifier", "evidence"},
}

# The daemon's own rooms, lowest first: each may include itself and the rooms named here, all of which stand above it in
# this list, so that no two rooms need each other. What stands in the folder itself puts them together.
SERVER = {
    "process": set(),
    "access": set(),
    "freshness": {"process"},
    "cmc": {"access"},
    "config": {"access", "freshness", "cmc"},
    "verdicts": {"access"},
    "sockets": {"process", "access", "freshness", "config"},
    "devices": {"process", "freshness", "config"},
    "engine": {"process", "freshness", "cmc", "config", "verdicts", "sockets", "devices"},
    "control": {"verdicts", "sockets", "devices", "engine"},
    "cmc/api": {"cmc", "config", "sockets", "engine", "control"},
    "": {"process", "cmc", "verdicts", "sockets", "devices", "engine", "control", "cmc/api"},
}
MOST_FILES = 20  # of one of these rooms


def room_of(path):
    return next((room for room in ALLOWED if path == room or path.startswith(room + "/")), None)


def server_room_of(path):
    """The daemon's room a file stands in, "" for the folder itself; None for files elsewhere."""
    folder = pathlib.PurePath(path).parent
    if not folder.is_relative_to("cmcd-lite/server"):
        return None
    return "" if folder.name == "server" else str(folder.relative_to("cmcd-lite/server"))


def arrow_error(file, include):
    """Why a file of the daemon must not include another of the daemon, or None."""
    here, there = server_room_of(file), server_room_of(include)
    if here is None or there is None or here == there or there in SERVER.get(here, set()):
        return None
    return f"no arrow leads from cmcd-lite/server/{here} to cmcd-lite/server/{there}"


def server_errors():
    """Arrows that point upwards, and rooms with too many files."""
    order = list(SERVER)
    bad = [f"{here} must stand below {there} in SERVER" for here, there in
           ((here, there) for here in order for there in SERVER[here]) if order.index(there) >= order.index(here)]
    for room in order:
        files = [p for p in (ROOT / "cmcd-lite/server" / room).iterdir() if p.is_file()]
        if len(files) > MOST_FILES:
            bad.append(f"cmcd-lite/server/{room}: {len(files)} files, at most {MOST_FILES}: split it")
    return bad


def main():
    bad, seen = server_errors(), 0
    for file in sorted(p for room in ALLOWED for p in (ROOT / room).rglob("*") if p.suffix in (".cc", ".h", ".c")):
        here = room_of(str(file.relative_to(ROOT)))
        for number, line in enumerate(file.read_text().splitlines(), 1):
            include = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not include:
                continue
            seen += 1
            there = room_of(include.group(1))
            where = f"{file.relative_to(ROOT)}:{number}"
            if there is None or there not in ALLOWED[here]:
                bad.append(f"{where}: {here} must not include {include.group(1)}")
            elif not (ROOT / include.group(1)).is_file():
                bad.append(f"{where}: there is no {include.group(1)}")
            elif error := arrow_error(str(file.relative_to(ROOT)), include.group(1)):
                bad.append(f"{where}: {error} ({include.group(1)})")
    print("\n".join(bad) if bad else f"{seen} includes, all allowed")
    return 1 if bad or seen == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
