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


def room_of(path):
    return next((room for room in ALLOWED if path == room or path.startswith(room + "/")), None)


def main():
    bad, seen = [], 0
    for file in sorted(p for room in ALLOWED for p in (ROOT / room).rglob("*") if p.suffix in (".cc", ".h", ".c")):
        here = room_of(str(file.relative_to(ROOT)))
        for number, line in enumerate(file.read_text().splitlines(), 1):
            include = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not include:
                continue
            seen += 1
            there = room_of(include.group(1))
            if there is None or there not in ALLOWED[here]:
                bad.append(f"{file.relative_to(ROOT)}:{number}: {here} must not include {include.group(1)}")
    print("\n".join(bad) if bad else f"{seen} includes, all allowed")
    return 1 if bad or seen == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
