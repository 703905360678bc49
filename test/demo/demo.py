#!/usr/bin/env python3
"""make demo: two machines, unmodified programs, attested TLS. Everything happens in build/demo and ends with this script.

  demo.py BUILD [--stay]     --stay: leave the machines on until Enter is pressed
"""
import os
import pathlib
import shutil
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import chapters  # noqa: E402
from lab import processes  # noqa: E402
from lab.paths import Build  # noqa: E402
from story import Story, bold  # noqa: E402

NEXT = """
  {ctl} metadata show {demo}/a-os.signed.json --root {demo}/ca/metadata-root.pem
  tail -n 1 {demo}/b/state/audit.jsonl
  python3 test/demo/demo.py {build} --stay
"""


def main():
    args = [a for a in sys.argv[1:] if not a.startswith("-")]
    build = Build(args[0] if args else "build")
    if build.missing():
        sys.exit(f"demo: not built: {', '.join(build.missing())} (make build)")
    folder = build.folder / "demo"
    processes.end_with_us(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    start, here = time.monotonic(), pathlib.Path.cwd()
    os.chdir(folder)
    story = Story()
    with chapters.Stage(build, folder, story) as stage:
        for chapter in chapters.ALL:
            chapter(stage)
        story.print_table()
        if "--stay" in sys.argv:
            print("\n" + stage.how_to_enter())
            input("Enter ends the machines. ")
    os.chdir(here)
    where = {k: os.path.relpath(v) for k, v in (("ctl", build.attestctl), ("demo", folder), ("build", build.folder))}
    print("\n" + bold("try next") + NEXT.format(**where))
    print(f"{story.lines} lines of story, {time.monotonic() - start:.0f} s; every process it started has ended.")
    return 0 if story.good() else 1


if __name__ == "__main__":
    sys.exit(main())
