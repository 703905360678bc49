#!/usr/bin/env python3
"""ibm_acs.py VECTORS [--attestctl PATH]: quotes, attestation keys and certificates that IBM's client made (vectors.json), judged
through attestctl: each good one trusted, each with another nonce, PCR value, key, signature or certificate refused under the check
that is about it. Ends with "N passed, N failed, N skipped"; exit code 1 if any failed, 77 if the file is not there.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile


class Vectors:
    def __init__(self, attestctl, vectors):
        self.attestctl, self.vectors = attestctl, vectors
        self.passed, self.failed = 0, []

    def appraise(self, *args):
        done = subprocess.run([str(a) for a in (self.attestctl, "appraise", *args, "--json")], capture_output=True, check=False, text=True)
        try:
            return json.loads(done.stdout)
        except ValueError:
            return {"trusted": None, "checks": [], "error": done.stdout + done.stderr}

    def expect(self, name, got, trusted, check=None):
        """check must have failed; None: nothing failed."""
        bad = [c["id"] for c in got["checks"] if c["outcome"] == "fail"]
        if got["trusted"] is trusted and (check is None and not bad or check in bad):
            self.passed += 1
        else:
            self.failed.append(f"{name}: trusted {got['trusted']}, failed {bad}, expected {check or 'none'} {got.get('error', '')}")

    def quote(self, folder, vector, **change):
        vector = {**vector, **change}
        files = {"quote": vector["quoted"], "signature": vector["signature"], "ak": vector["akpub"]}
        for name, content in files.items():
            (folder / name).write_bytes(bytes.fromhex(content))
        (folder / "pcrs").write_text(json.dumps({"sha256": {str(i): v for i, v in enumerate(vector["pcr_sha256"])}}))
        with_files = [part for role in ("signature", "ak", "pcrs") for part in ("--with", f"{role}={folder / role}")]
        return self.appraise("quote", folder / "quote", *with_files, "--nonce", vector["nonce"])

    def certificate(self, folder, pem, key):
        (folder / "cert").write_text(pem)
        (folder / "key").write_bytes(bytes.fromhex(key))
        found = self.appraise("ek", folder / "cert", "--with", f"key={folder / 'key'}")
        outcome = [c["outcome"] for c in found["checks"] if c["id"] == "ek.key"]
        return {"trusted": outcome == ["pass"], "checks": [{"id": "ek.key", "outcome": o} for o in outcome]}

    def run(self, folder):
        for i, vector in enumerate(self.vectors):
            name, other = vector["hostname"], self.vectors[i - 1]
            flip = lambda text, at: text[:at] + f"{int(text[at], 16) ^ 1:x}" + text[at + 1:]  # noqa: E731
            values = list(vector["pcr_sha256"])
            values[0] = flip(values[0], 0)
            self.expect(name, self.quote(folder, vector), True)
            self.expect(f"{name}, another nonce", self.quote(folder, vector, nonce=flip(vector["nonce"], 0)), False, "quote.nonce")
            self.expect(f"{name}, another PCR value", self.quote(folder, vector, pcr_sha256=values), False, "quote.pcr-digest")
            self.expect(f"{name}, another signature", self.quote(folder, vector, signature=flip(vector["signature"], -1 + len(vector["signature"]))),
                        False, "quote.signature")
            self.expect(f"{name}, another key", self.quote(folder, vector, akpub=other["akpub"]), False, "quote.signature")
            self.expect(f"{name}, truncated", self.quote(folder, vector, quoted=vector["quoted"][:-2]), False, "quote.form")
            self.expect(f"{name}, a byte more", self.quote(folder, vector, quoted=vector["quoted"] + "00"), False, "quote.form")
            self.expect(f"{name}, certificate", self.certificate(folder, vector["akcert_pem"], vector["akpub"]), True)
            self.expect(f"{name}, another's certificate", self.certificate(folder, other["akcert_pem"], vector["akpub"]), False, "ek.key")
            self.expect(f"{name}, the EK's certificate", self.certificate(folder, vector["ekcert_pem"], vector["akpub"]), False, "ek.key")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("vectors", type=pathlib.Path)
    parser.add_argument("--attestctl", default="attestctl")
    options = parser.parse_args()
    if not options.vectors.is_file():
        print(f"{options.vectors} is not there\n0 passed, 0 failed, 1 skipped")
        sys.exit(77)
    vectors = json.loads(options.vectors.read_text())
    for vector in vectors:  # the values stand in the file as the text of a list
        if isinstance(vector["pcr_sha256"], str):
            vector["pcr_sha256"] = json.loads(vector["pcr_sha256"].replace("'", '"'))
    work = Vectors(options.attestctl, vectors)
    with tempfile.TemporaryDirectory() as folder:
        work.run(pathlib.Path(folder))
    print("\n".join(work.failed))
    print(f"{work.passed} passed, {len(work.failed)} failed, 0 skipped")
    sys.exit(1 if work.failed else 0)


if __name__ == "__main__":
    main()
