#!/usr/bin/env python3
"""tally.py RESULTS SUITE...: adds up what the ctest runs found, names failures and skips with their reasons, and ends
with "N passed, N failed, N skipped".

A ctest entry that wrote a report of its own counts case by case: NAME.xml of GoogleTest (its JSON leaves out why a test
was skipped) or NAME.json of the end-to-end scripts, any other one as one case.
"""
import json
import pathlib
import sys
import xml.etree.ElementTree as ET


def gtest_cases(path):
    """(name, outcome, reason) for every case of a GoogleTest XML report."""
    for case in ET.parse(path).getroot().iter("testcase"):
        name = f'{case.get("classname")}.{case.get("name")}'
        failure, skipped = case.find("failure"), case.find("skipped")
        if failure is not None:
            yield name, "failed", (failure.get("message") or "").split("\n")[0]
        elif skipped is not None:
            yield name, "skipped", " ".join((skipped.get("message") or "").split("\n")[-1].split())
        elif case.get("status") == "run":
            yield name, "passed", ""


def script_cases(path):
    """(name, outcome, reason) for every case of an end-to-end script."""
    for suite in json.loads(path.read_text())["testsuites"]:
        for case in suite["testsuite"]:
            name = f'{suite["name"]}.{case["name"]}'
            if case.get("failures"):
                yield name, "failed", case["failures"][0]["failure"].splitlines()[0]
            elif case.get("result") == "SKIPPED":
                yield name, "skipped", " ".join(s["message"] for s in case.get("skipped", [])).strip()
            elif case.get("result") == "COMPLETED":
                yield name, "passed", ""


def own_cases(folder, name):
    """What the entry itself reported; empty if nothing."""
    if (folder / f"{name}.xml").exists():
        return list(gtest_cases(folder / f"{name}.xml"))
    if (folder / f"{name}.json").exists():
        return list(script_cases(folder / f"{name}.json"))
    return []


def ctest_cases(results, suite):
    """Cases of one ctest run; an entry ctest calls failed is failed even if its own report says otherwise."""
    report = results / f"{suite}.xml"
    if not report.exists():
        yield suite, "failed", "ctest wrote no report"
        return
    for entry in ET.parse(report).getroot().iter("testcase"):
        name = entry.get("name")
        status = {"run": "passed", "notrun": "skipped", "disabled": "skipped"}.get(entry.get("status"), "failed")
        cases = own_cases(results / suite, name)
        if status == "failed" and not any(c[1] == "failed" for c in cases):
            yield name, "failed", "see its output above"
        if not cases and status != "failed":
            yield name, status, (entry.findtext("skipped") or "").strip()
        yield from ((f"{name}: {c[0]}", c[1], c[2]) for c in cases)


def main():
    results = pathlib.Path(sys.argv[1])
    count = {"passed": 0, "failed": 0, "skipped": 0}
    for suite in sys.argv[2:]:
        for name, outcome, reason in ctest_cases(results, suite):
            count[outcome] += 1
            if outcome != "passed":
                print(f"{outcome}: {suite}: {name}: {reason}")
    print(f'{count["passed"]} passed, {count["failed"]} failed, {count["skipped"]} skipped')
    return 1 if count["failed"] or not count["passed"] else 0


sys.exit(main())
