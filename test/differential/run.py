#!/usr/bin/env python3
"""run.py BUILD [PUBLIC]: attestctl beside packages that people use for the same, over the public artefacts: Google's go-eventlog, go-sev-guest
and go-tdx-guest (test/differential/go, versions in go.mod), the crates dcap-qvl and sev (test/differential/rust, versions in Cargo.lock).
A disagreement that KNOWN does not explain is a failure. Needs Go, cargo and the proxies of both; not part of `make test`. Ends with
"N passed, N failed, N skipped"."""
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
    "SEPT_VE_DISABLE is not enabled": "dcap-qvl demands the attribute of every guest, here a policy does (sept_ve_disable)",
    "Invalid MR service TD": "dcap-qvl refuses guests with a service TD unless told otherwise, here it is one more measurement",
}
OURS_ALONE = ("tcb-status",)  # which statuses are good is the policy's business
NO_STATUS = (None, "Revoked", "NoMatchingLevel")
SIGNATURES = ("pck-chain", "qe-report-signature", "qe-report-data", "quote-signature")


def seconds(text):
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))


class Differential:
    def __init__(self, build, public):
        self.attestctl = build / "apps/attestctl/attestctl"
        self.go, self.rust = build / "differential/peer", build / "differential/rust/release/peer"
        self.public = public
        entries = json.loads((public / "expected.json").read_text())
        self.entries = entries.get("artefacts", entries)
        self.counts = collections.Counter()
        self.failed = []

    def make_peers(self):
        self.go.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["go", "build", "-o", self.go, "."], cwd=HERE / "go", check=True)
        subprocess.run(["cargo", "build", "--release", "--locked", "--quiet", "--target-dir", self.rust.parents[1]], cwd=HERE / "rust", check=True)

    def json_of(self, *command):
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, timeout=120)
        try:
            return json.loads(done.stdout)
        except ValueError:
            return {"error": done.stderr}

    def document(self, peer, *args):
        """What a peer says: {"result": ...} or {"error": ...}. Go's packages write warnings to stdout, ahead of the document."""
        done = subprocess.run([str(c) for c in (peer, *args)], capture_output=True, text=True, check=False, timeout=120)
        return json.loads(done.stdout.splitlines()[-1]) if done.stdout else {"error": done.stderr}

    def theirs(self, *args):
        """What the Go packages say: None, or their error."""
        return self.document(self.go, *args).get("error")

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

    def outcomes(self, *appraise):
        """Our document, and the outcome of each check without the kind's name."""
        ours = self.json_of(self.attestctl, "appraise", *appraise, "--json")
        return ours, {c["id"].split(".", 1)[1]: c["outcome"] for c in ours.get("checks", [])}

    def tdx(self, name, path, entry):
        """go-tdx-guest judges signatures and the PCK chain."""
        at = entry.get("verify_time")
        if not at or path.suffix not in (".bin", ".dat", ".quote"):
            return
        _, outcome = self.outcomes("tdx", path, "--at", at)
        good = all(outcome.get(check) == "pass" for check in SIGNATURES)
        self.note("go tdx", name, self.theirs("tdx", path, seconds(at)), good)

    def dcap(self, kind, name, path, folder, at):
        """dcap-qvl judges a quote with its collateral: the same status and advisories, or both refuse it."""
        ours, outcome = self.outcomes(kind, path, "--at", at, "--collateral", folder)
        refused = [check for check, result in outcome.items() if result == "fail" and check not in OURS_ALONE]
        taken = bool(outcome) and not refused and ours.get("tcb_status") not in NO_STATUS
        theirs = self.document(self.rust, "dcap", path, folder, seconds(at))
        about = f"{name} with {folder.relative_to(self.public)} at {at[:10]}"
        self.note(f"dcap-qvl {kind}", about, theirs.get("error"), taken)
        if taken and "result" in theirs:
            said = (theirs["result"]["status"], sorted(theirs["result"]["advisories"]))
            self.same(f"dcap-qvl {kind}", about, said, (ours["tcb_status_with_relaunch_advice"], sorted(ours["advisories_of_all_parts"])))

    def same(self, kind, name, theirs, ours):
        if theirs == ours:
            self.counts["passed"] += 1
            return
        print(f"differs: {kind} {name}: they say {theirs}, we {ours}: UNKNOWN")
        self.failed.append(name)

    def quote(self, kind, name, path, entry):
        """Each quote at each time that its entry names, and each quote made worse beside the time of the good one."""
        base = self.entries.get(f"{name.rpartition('/')[0]}/{entry.get('derived_from')}", entry)
        if base.get("collateral"):
            for at in {base.get("verify_time"), entry.get("expired_at")} - {None}:
                self.dcap(kind, name, path, path.parent, at)
        for cross in entry.get("cross_collateral", ()):
            folder = self.public / cross["collateral_dir"]
            if folder.is_dir():
                self.dcap(kind, name, path, folder, cross["verify_time"])

    def snp(self, name, path, entry):
        """Both judge the signature over a report; sev the chain too."""
        key = next(iter(sorted(path.parent.glob("vek.*"))), None)
        if not name.endswith("report.bin") or key is None:
            return
        ark, ask = path.parent / "ark.pem", path.parent / "ask.pem"
        base = self.entries.get(f"{name.rpartition('/')[0]}/{entry.get('derived_from')}", entry)
        at = ("--at", base["verify_time"]) if "verify_time" in base else ()  # sev looks at no dates
        _, outcome = self.outcomes("snp", path, "--with", f"key={key}", *at)
        signed, chained = outcome.get("signature") == "pass", outcome.get("chain") == "pass"
        self.note("go snp", name, self.theirs("snp", path, key), signed)
        self.note("sev", name, self.document(self.rust, "snp", path, key).get("error"), signed)
        self.note("sev", f"{name} with its chain", self.document(self.rust, "snp", path, key, ark, ask).get("error"), signed and chained)

    def run(self):
        self.make_peers()
        for name, entry in sorted(self.entries.items()):
            path = self.public / name
            if name.startswith("tpm-eventlog/") and path.suffix in (".bin", ".log"):
                self.eventlog(name, path)
            if name.startswith("tdx/"):
                self.tdx(name, path, entry)
            if name.startswith(("tdx/", "sgx/")) and path.suffix == ".bin":
                self.quote(name[:3], name, path, entry)
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
