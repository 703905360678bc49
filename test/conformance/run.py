#!/usr/bin/env python3
"""run.py TREE: what attestctl says about real artefacts against what is known about them.

TREE is a folder with an expected.json (entry: path -> facts and verdict). Each entry is claimed by one kind of kinds/,
which runs attestctl and compares every fact. Prints a line for each failure, the number of facts compared for each kind,
and ends with "N passed, N failed, N skipped". Exit code 0 if nothing failed.

  --kinds a,b      only these kinds (what others should claim is left out)
  --only TEXT      only entries whose path contains TEXT
  --attestctl P    the program; default $ATTESTCTL, else build/apps/attestctl/attestctl beside the sources
  --skip-absent    a TREE that is not there is a skip, for those who do not have it

Where $ATTEST_RESULTS names a folder, conformance.json there tells the outcome of each entry.
"""
import argparse
import collections
import concurrent.futures
import hashlib
import importlib
import json
import os
import pathlib
import sys
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import tool  # noqa: E402


def load_kinds(chosen):
    names = sorted(path.stem for path in (HERE / "kinds").glob("*.py") if path.stem != "__init__")
    return [importlib.import_module(f"kinds.{name}") for name in names if not chosen or name in chosen]


def show(value):
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 300 else text[:300] + "..."


def judge(kinds, name, entry):
    """-> (kind, [failure], facts compared, skip reason or None)"""
    path = tool.TREE / name
    if not path.is_file():
        return "none", ["the file is missing"], 0, None
    mine = [kind for kind in kinds if kind.claims(entry, path)]
    if len(mine) != 1:
        whose = ", ".join(kind.NAME for kind in mine) or "no kind"
        return "none", [f"claimed by {whose}, must be one"], 0, None
    kind = mine[0]
    rows = []
    if "sha256" in entry:
        rows.append(("sha256", entry["sha256"], hashlib.sha256(path.read_bytes()).hexdigest()))
    try:
        rows += kind.run(entry, path)
    except tool.Skip as reason:
        return kind.NAME, [], 0, str(reason) or "no reason given"
    except Exception:  # a kind that breaks fails its entry, not the run
        return kind.NAME, ["the runner broke: " + traceback.format_exc(limit=3)], 0, None
    bad = [f"{fact}: expected {show(want)}, got {show(got)}" for fact, want, got in rows if want != got]
    if len(rows) <= 1:
        bad.append("nothing was compared")
    return kind.NAME, bad, len(rows), None


def write_report(cases):
    """cases: (name, [failure], skip reason or None)"""
    folder = os.environ.get("ATTEST_RESULTS")
    if not folder:
        return
    suite = [{"name": name, "result": "SKIPPED" if skip else "COMPLETED",
              "failures": [{"failure": line} for line in bad], "skipped": [{"message": skip}] if skip else []}
             for name, bad, skip in cases]
    report = {"testsuites": [{"name": "conformance", "testsuite": suite}]}
    pathlib.Path(folder, "conformance.json").write_text(json.dumps(report))


def options_of():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tree", type=pathlib.Path)
    parser.add_argument("--kinds", default="")
    parser.add_argument("--only", default="")
    parser.add_argument("--attestctl", default=os.environ.get("ATTESTCTL"))
    parser.add_argument("--skip-absent", action="store_true")
    return parser.parse_args()


def main():
    options = options_of()
    chosen = {name for name in options.kinds.split(",") if name}
    attestctl = options.attestctl or HERE.parent.parent / "build/apps/attestctl/attestctl"
    expected = options.tree / "expected.json"
    if options.skip_absent and not expected.is_file():
        print(f"SKIP {expected} is not there: real artefacts are handed out apart from the sources")
        write_report([("tree", [], f"{expected} is not there")])
        return 0
    if not expected.is_file():
        sys.exit(f"{expected}: no such file: there is nothing to compare with")
    if not os.access(attestctl, os.X_OK):
        sys.exit(f"{attestctl}: no such program; build it or name it with --attestctl")
    entries = {name: entry for name, entry in json.loads(expected.read_text()).items() if not name.startswith("_")}
    tool.configure(attestctl, options.tree.resolve(), entries)
    kinds = load_kinds(chosen)
    tally, facts, artefacts = collections.Counter(), collections.Counter(), collections.Counter()
    cases = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        wanted = [(name, entry) for name, entry in sorted(entries.items()) if options.only in name]
        for (name, _), (kind, bad, count, skip) in zip(wanted, pool.map(lambda e: judge(kinds, *e), wanted)):
            if chosen and kind == "none" and bad[0].startswith("claimed by no kind"):
                continue
            for line in bad:
                print(f"FAIL {name} [{kind}] {line}")
            if skip is not None:
                print(f"SKIP {name} [{kind}] {skip}")
            cases.append((name, bad, skip))
            artefacts[kind] += 1
            facts[kind] += count
            tally["failed" if bad else "skipped" if skip is not None else "passed"] += 1
    write_report(cases)
    for kind in sorted(artefacts):
        print(f"{kind}: {artefacts[kind]} artefacts, {facts[kind]} facts compared")
    print(f"{tally['passed']} passed, {tally['failed']} failed, {tally['skipped']} skipped")
    return 1 if tally["failed"] or not tally["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
