#!/usr/bin/env python3
"""cmc.py TREE [--attestctl PATH]: judges every recorded report below TREE through attestctl.

TREE holds folders with an expected.json: cases with report, nonce (hex, or a .nonce file beside the report), the verdict
`ours` that is due, CMC's error codes, and for some CMC's whole result. The recorded fleets have one authority for everything, so
every case runs under the switch --one-root; policies are JavaScript texts. For a passing case with a recorded result the whole result is
compared, for a failing one CMC's codes must be among ours. Ends with "N passed, N failed, N skipped"; exit 1 if any failed.
"""
import argparse
import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile

# What two verifiers may word differently: times of judging, host names, explanations, and what CMC's random map order moves.
FREE = {"created", "details", "hostname", "prover", "verifier"}
# CMC gave both the same number, so that neither stands in a result that was sent in CBOR.
NOT_IN_CBOR = (".location: not in the recording", ".omspServer: not in the recording")
# The switch: one authority certifies metadata signers, attestation keys and TLS keys of the recorded fleets.
ONE_ROOT = "--one-root"


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


def decode_cbor(data):
    """One CBOR value of the recordings: (value, what follows)."""
    major, count, rest = data[0] >> 5, data[0] & 31, data[1:]
    if 24 <= count <= 27:
        width = 1 << (count - 24)
        count, rest = int.from_bytes(rest[:width], "big"), rest[width:]
    if major in (0, 1):
        return (count if major == 0 else -1 - count), rest
    if major in (2, 3):
        return (rest[:count] if major == 2 else rest[:count].decode()), rest[count:]
    if major in (4, 5):
        values = []
        for _ in range(count * (major - 3)):
            value, rest = decode_cbor(rest)
            values.append(value)
        return (values if major == 4 else dict(zip(values[::2], values[1::2]))), rest
    if major == 6:
        return decode_cbor(rest)
    return {20: False, 21: True}.get(count), rest


def base64_of(text):
    return base64.urlsafe_b64decode(text.replace("+", "-").replace("/", "_") + "=" * (-len(text) % 4))


def items_of(data):
    """The signed items of a report, or of the report in a call of Verify, in JSON or CBOR."""
    if data[:1] == b"{":
        document = json.loads(data)
        if "report" in document:
            return items_of(base64_of(document["report"]))
        context = json.loads(base64_of(document["context"]))
        return [base64_of(item) for item in (context.get("metadata") or {}).values()]
    document = decode_cbor(data)[0]
    for value in document.values():
        if isinstance(value, bytes) and len(value) > 256:
            return items_of(value)
    return list((document[5].get(5) or {}).values())


def held_items(folder):
    """The signed items of the reports that CMC judged before, by which a cached report was made."""
    items = []
    for path in sorted(folder.glob("api-verify-peer*.request")):
        try:
            items += items_of(path.read_bytes())
        except (ValueError, KeyError, IndexError, AttributeError, TypeError) as why:
            print(f"{path}: no items in it: {why}")
    return items


def nonce_of(case, report):
    """In hex: of the case, or of the .nonce file beside the report (bytes, or hex)."""
    if "nonce" in case:
        return case["nonce"]
    data = report.with_suffix(".nonce").read_bytes()
    try:
        return bytes.fromhex(data.decode().strip()).hex()
    except ValueError:
        return data.hex()


def wants_cache(case):
    """Whether the verifier holds what the report leaves out."""
    told = case.get("what", "") + case["name"]
    return case["name"].startswith("cached") and "unknown" not in told and "not hold" not in told


class Runner:
    def __init__(self, attestctl):
        self.attestctl = attestctl
        self.passed = self.failed = self.skipped = self.compared = 0

    def judge(self, folder, document, case, cache, policy):
        report = folder / case["report"]
        command = [self.attestctl, "verify", "--report", str(report), "--nonce", nonce_of(case, report), ONE_ROOT, "--roots",
                   str(folder / case.get("roots", document.get("roots", "ca.pem"))), "--json"]
        if when := case.get("verify_time", document.get("verify_time")):
            command += ["--at", when]
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
            missing = set(case.get("cmc_codes") or []) - codes(result)
            if missing:
                yield f"error codes {sorted(missing)} are missing, there are {sorted(codes(result))}"
        recorded = folder / (case.get("result") or case["name"] + ".result.json")
        if case["ours"] == case.get("cmc") != "fail" and recorded.suffix == ".json" and recorded.exists():
            self.compared += 1
            yield from self.compare(recorded, folder / case["report"], result)

    @staticmethod
    def compare(recorded, report, result):
        """What differs from CMC's whole result. One that came in CBOR has no members that JSON alone can carry."""
        want = json.loads(recorded.read_text())
        in_cbor = report.read_bytes()[:1] != b"{"
        for difference in differences(want.get("result", want), result):
            if not (in_cbor and difference.endswith(NOT_IN_CBOR)):
                yield difference

    def run_case(self, folder, document, case, cache):
        with tempfile.TemporaryDirectory() as scratch:
            policy = None
            if case.get("policies") is not None:
                policy = f"{scratch}/policy.js"
                pathlib.Path(policy).write_text(case["policies"])
            reasons = list(self.reasons(folder, document, case, cache if wants_cache(case) else None, policy))
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
                case.setdefault("name", case["report"])
                case.setdefault("ours", case.get("cmc"))
                if case["ours"] in ("success", "warn", "fail"):
                    self.run_case(folder, document, case, cache)
                else:
                    self.skipped += 1
                    print(f"skipped: {folder.name}/{case['name']}: verdict \"{case['ours']}\" is not judged")


def find_attestctl():
    """The one of a build tree beside this file, else the one that is installed."""
    built = pathlib.Path(__file__).resolve().parents[2] / "build/apps/attestctl/attestctl"
    return os.environ.get("ATTESTCTL") or (str(built) if built.exists() else "attestctl")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tree", type=pathlib.Path)
    parser.add_argument("--attestctl", default=find_attestctl(), help="the program that judges (%(default)s)")
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
    print(f"{runner.passed} passed, {runner.failed} failed, {runner.skipped} skipped")
    return 1 if runner.failed else 0


if __name__ == "__main__":
    sys.exit(main())
