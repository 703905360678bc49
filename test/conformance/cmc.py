#!/usr/bin/env python3
"""cmc.py TREE [--attestctl PATH]: judges every recorded report below TREE through attestctl.

TREE holds folders with an expected.json: cases with report, nonce (hex, or a .nonce file beside the report), the verdict
`ours` that is due, CMC's error codes, and for some CMC's whole result. The recorded fleets have one authority for everything, so
every case runs under --one-root; policies are JavaScript texts. For a passing case with a recorded result the whole result is
compared, for a failing one CMC's codes must be among ours. Ends with "N passed, N failed, N skipped"; exit 1 if any failed.
"""
import argparse
import base64
import json
import pathlib
import subprocess
import sys
import tempfile

# What two verifiers may word differently: times of judging, host names, explanations, and what CMC's random map order moves.
FREE = {"created", "details", "hostname", "prover", "verifier"}


def codes(value):
    """Every error code anywhere in a result."""
    found = set()
    if isinstance(value, dict):
        for key, member in value.items():
            found |= set(member or []) if key == "errorCodes" else codes(member)
    elif isinstance(value, list):
        for member in value:
            found |= codes(member)
    return found


def differences(want, got, where=""):
    """Where two results differ, apart from FREE; lists of names are compared as sets."""
    if isinstance(want, dict) and isinstance(got, dict):
        for key in sorted(set(want) | set(got)):
            if key in FREE:
                continue
            if key not in want or key not in got:
                yield f"{where}.{key}: {'missing' if key in want else 'not in the recording'}"
            else:
                yield from differences(want[key], got[key], f"{where}.{key}")
    elif isinstance(want, list) and isinstance(got, list):
        if all(isinstance(v, str) for v in want + got):
            if sorted(want) != sorted(got):
                yield f"{where}: {got} instead of {want}"
        elif len(want) != len(got):
            yield f"{where}: {len(got)} elements instead of {len(want)}"
        else:
            for i, (a, b) in enumerate(zip(want, got)):
                yield from differences(a, b, f"{where}[{i}]")
    elif want != got:
        yield f"{where}: {got!r} instead of {want!r}"


def held_items(folder):
    """The signed items of the reports that CMC judged before, by which a cached report was made."""
    items = []
    for path in sorted(folder.glob("api-verify-peer.json.request")):
        data = path.read_bytes()
        request = json.loads(data[8:] if data[:1] != b"{" else data)
        report = json.loads(base64.b64decode(request["report"])) if isinstance(request["report"], str) else request["report"]
        context = report["context"]
        context = json.loads(base64.urlsafe_b64decode(context + "=" * (-len(context) % 4)))
        items += [base64.b64decode(item) for item in context.get("metadata", {}).values()]
    return items


class Runner:
    def __init__(self, attestctl):
        self.attestctl = attestctl
        self.passed = self.failed = self.compared = 0

    def judge(self, folder, document, case, cache, policy):
        report = folder / case["report"]
        nonce = case["nonce"] if "nonce" in case else report.with_suffix(".nonce").read_text().strip()
        command = [self.attestctl, "verify", "--report", str(report), "--nonce", nonce, "--one-root", "--roots",
                   str(folder / document.get("roots", "ca.pem")), "--at", document["verify_time"], "--json"]
        if case.get("use_omsp"):
            command.append("--omsp")
        if cache:
            command += ["--peer-cache", cache]
        if policy:
            command += ["--policy", policy]
        return subprocess.run(command, capture_output=True, timeout=120)

    def reasons(self, folder, document, case, cache, policy):
        """Why the case is not as it should be."""
        run = self.judge(folder, document, case, cache, policy)
        try:
            result = json.loads(run.stdout)
        except ValueError:
            yield f"no JSON (exit {run.returncode}): {run.stderr.decode(errors='replace')[:200]}"
            return
        status = result.get("summary", {}).get("status")
        if status is None:
            yield f"no result: {run.stdout[:200]!r}"
            return
        if status != case["ours"]:
            yield f"{status} instead of {case['ours']}: {result['summary'].get('details')}"
        if (run.returncode == 0) != (case["ours"] != "fail"):
            yield f"exit code {run.returncode}"
        if case["ours"] == "fail" == case.get("cmc"):
            missing = set(case.get("cmc_codes", [])) - codes(result)
            if missing:
                yield f"error codes {sorted(missing)} are missing, there are {sorted(codes(result))}"
        if case["ours"] == "success" and case.get("result", "").endswith(".json"):
            recorded = json.loads((folder / case["result"]).read_text())
            self.compared += 1
            yield from differences(recorded.get("result", recorded), result)

    def run_case(self, folder, document, case, cache):
        with tempfile.TemporaryDirectory() as scratch:
            policy = None
            if "policies" in case:
                policy = f"{scratch}/policy.js"
                pathlib.Path(policy).write_text(case["policies"])
            wants_cache = case["name"].startswith("cached") and "unknown" not in case["name"]
            reasons = list(self.reasons(folder, document, case, cache if wants_cache else None, policy))
        if reasons:
            self.failed += 1
            print(f"failed: {folder.name}/{case['name']}: " + "; ".join(reasons[:6]))
        else:
            self.passed += 1

    def run_folder(self, folder):
        document = json.loads((folder / "expected.json").read_text())
        with tempfile.TemporaryDirectory() as cache:
            for i, item in enumerate(held_items(folder)):
                (pathlib.Path(cache) / str(i)).write_bytes(item)
            for case in document["cases"]:
                if case["ours"] != "either":
                    self.run_case(folder, document, case, cache)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tree", type=pathlib.Path)
    parser.add_argument("--attestctl", default="attestctl")
    options = parser.parse_args()
    folders = sorted(path.parent for path in options.tree.rglob("expected.json"))
    if not folders:
        print(f"{options.tree}: no folder with an expected.json: nothing to judge")
        print("0 passed, 0 failed, 1 skipped")
        return 77
    runner = Runner(options.attestctl)
    for folder in folders:
        runner.run_folder(folder)
    print(f"{runner.compared} whole results compared")
    print(f"{runner.passed} passed, {runner.failed} failed, 0 skipped")
    return 1 if runner.failed else 0


if __name__ == "__main__":
    sys.exit(main())
