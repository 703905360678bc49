#!/usr/bin/env python3
"""run.py BUILD [PUBLIC]: attestctl beside packages that people use for the same, over the public artefacts: Google's go-eventlog, go-sev-guest
and go-tdx-guest (test/differential/go, its versions in go.mod). A disagreement that KNOWN does not explain is a failure. Needs Go and the
modules' proxy; not part of `make test`. Ends with "N passed, N failed, N skipped"."""
import calendar
import collections
import json
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]

# What they are known to refuse that we take, by a part of their error, and why.
KNOWN = {
    "reached padding before event log EOF": "go-eventlog takes the PCR index 0xffffffff of Windows' EV_NO_ACTION records for unused space",
    "quote format not supported": "go-tdx-guest reads quotes of version 4 alone",
}
SIGNATURES = ("pck-chain", "qe-report-signature", "qe-report-data", "quote-signature")


def seconds(text):
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))


class Differential:
    def __init__(self, build, public):
        self.attestctl = build / "apps/attestctl/attestctl"
        self.peer = build / "differential/peer"
        self.public = public
        entries = json.loads((public / "expected.json").read_text())
        self.entries = entries.get("artefacts", entries)
        self.counts = collections.Counter()
        self.failed = []

    def make_peer(self):
        self.peer.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["go", "build", "-o", self.peer, "."], cwd=HERE / "go", check=True)

    def json_of(self, *command):
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, timeout=120)
        try:
            return json.loads(done.stdout)
        except ValueError:
            return {"error": done.stderr}

    def theirs(self, *args):
        """What the peer says: None, or its error. Its packages write warnings to stdout, ahead of the document."""
        done = subprocess.run([str(c) for c in (self.peer, *args)], capture_output=True, text=True, check=False, timeout=120)
        document = json.loads(done.stdout.splitlines()[-1]) if done.stdout else {"error": done.stderr}
        return document.get("error")

    def note(self, kind, name, error, taken):
        if (error is None) == taken:
            self.counts["passed"] += 1
            return
        why = next((why for part, why in KNOWN.items() if taken and part in error), None) if error else None
        print(f"differs: {kind} {name}: they {'refuse: ' + error if error else 'take it'}, we {'take' if taken else 'refuse'} it: {why or 'UNKNOWN'}")
        if why is None:
            self.failed.append(name)
        else:
            self.counts["passed"] += 1

    def eventlog(self, name, path):
        """They replay the log to our values, and to none other."""
        ours = self.json_of(self.attestctl, "inspect", "--json", "--kind", "eventlog", path)
        for bank in ("sha1", "sha256", "sha384"):
            values = ours.get(f"pcrs_{bank}")
            if not values:
                continue
            self.note("eventlog", f"{name} {bank}", self.theirs("eventlog", path, bank, json.dumps(values)), True)
            first = next(iter(values))
            wrong = {**values, first: "00" * (len(values[first]) // 2)}
            self.note("eventlog", f"{name} {bank}, a wrong value", self.theirs("eventlog", path, bank, json.dumps(wrong)), False)

    def tdx(self, name, path, entry):
        at = entry.get("verify_time")
        if not at or path.suffix not in (".bin", ".dat", ".quote"):
            return
        ours = self.json_of(self.attestctl, "appraise", "tdx", path, "--at", at, "--json")
        outcome = {c["id"].split(".", 1)[1]: c["outcome"] for c in ours.get("checks", [])}
        good = all(outcome.get(check) == "pass" for check in SIGNATURES)
        self.note("tdx", name, self.theirs("tdx", path, seconds(at)), good)

    def snp(self, name, path, entry):
        vcek = entry.get("vcek") or entry.get("key")
        key = path.parent / vcek if isinstance(vcek, str) else next(iter(sorted(path.parent.glob("*vcek*"))), None)
        if path.stat().st_size != 1184 or key is None or not key.is_file():
            return
        ours = self.json_of(self.attestctl, "appraise", "snp", path, "--with", f"key={key}", "--json")
        outcome = [c["outcome"] for c in ours.get("checks", []) if c["id"] == "snp.signature"]
        self.note("snp", name, self.theirs("snp", path, key), outcome == ["pass"])

    def run(self):
        self.make_peer()
        for name, entry in sorted(self.entries.items()):
            path = self.public / name
            if name.startswith("tpm-eventlog/") and path.suffix in (".bin", ".log"):
                self.eventlog(name, path)
            if name.startswith("tdx/"):
                self.tdx(name, path, entry)
            if name.startswith("snp/"):
                self.snp(name, path, entry)
        print(f"{self.counts['passed']} passed, {len(self.failed)} failed, 0 skipped")
        return 1 if self.failed else 0


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    public = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else SOURCE.parent / "shared/testdata/public"
    if not (public / "expected.json").is_file():
        print(f"{public}: no artefacts there\n0 passed, 0 failed, 1 skipped")
        return 0
    return Differential(build, public).run()


if __name__ == "__main__":
    sys.exit(main())
