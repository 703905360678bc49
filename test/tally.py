#!/usr/bin/env python3
"""tally.py RESULTS SUITE...: adds up what the ctest runs found, names failures and skips with their reasons, and ends
with "N passed, N failed, N skipped".

A ctest entry that wrote a GoogleTest JSON file (RESULTS/SUITE/NAME.json) counts case by case, any other one as one case.
"""
import json
import pathlib
import sys
import xml.etree.ElementTree as ET


def gtest_cases(path):
    """(name, outcome, reason) for every case of a GoogleTest JSON report."""
    for suite in json.loads(path.read_text())["testsuites"]:
        for case in suite["testsuite"]:
            name = f'{suite["name"]}.{case["name"]}'
            if case.get("failures"):
                yield name, "failed", case["failures"][0]["failure"].splitlines()[0]
            elif case.get("result") == "SKIPPED":
                yield name, "skipped", " ".join(s["message"] for s in case.get("skipped", [])).strip()
            elif case.get("result") == "COMPLETED":
                yield name, "passed", ""


def ctest_cases(results, suite):
    """Cases of one ctest run; an entry ctest calls failed is failed even if its own report says otherwise."""
    report = results / f"{suite}.xml"
    if not report.exists():
        yield suite, "failed", "ctest wrote no report"
        return
    for entry in ET.parse(report).getroot().iter("testcase"):
        name = entry.get("name")
        status = {"run": "passed", "notrun": "skipped", "disabled": "skipped"}.get(entry.get("status"), "failed")
        own = results / suite / f"{name}.json"
        cases = list(gtest_cases(own)) if own.exists() else []
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
