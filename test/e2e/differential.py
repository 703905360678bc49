#!/usr/bin/env python3
"""attestctl beside tpm2_eventlog, tpm2_checkquote, evmctl and openssl over the same files: where they differ, the error is known and
listed here."""
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest

from lab import processes
from lab.cases import main
from lab.paths import BOOTS, SOURCE, Build

PUBLIC = SOURCE.parent / "shared/testdata/public/tpm-eventlog"
NAMES = ("tis", "crb", "secureboot")

# Known errors of tpm2_eventlog (tpm2-tools 5.4); a log without their cause must give the same values.
#   pcr 0      StartupLocality does not change where PCR 0 starts; EV_NO_ACTION records that carry digests are extended
#   refuses    it ends with an error at records that genuine firmware writes: a first event of 17 bytes (StartupLocality),
#              EV_NO_ACTION records with PCR index 0xffffffff (Windows)


def output(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, check=False, timeout=120)
    return done.returncode, done.stdout.decode("latin-1"), done.stderr.decode("latin-1")


def pcrs_of(yaml):
    """The values at the end of tpm2_eventlog's output, and of tpm2_pcrread's: {bank: {register: hex}}."""
    out, bank = {}, None
    for line in yaml.splitlines():
        if match := re.fullmatch(r"\s+(sha\d+|sm3_256):\s*", line):
            bank = out.setdefault(match[1], {})
        elif bank is not None and (match := re.fullmatch(r"\s+(\d+)\s*: 0x([0-9A-Fa-f]+)\s*", line)):
            bank[match[1]] = match[2].lower()
    return out


class Differential(unittest.TestCase):
    def setUp(self):
        self.ctl_path = Build(os.environ["ATTEST_BUILD"]).attestctl
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="differential-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def ctl(self, *args):
        return processes.run([self.ctl_path, *args], env=processes.environment())

    def inspect(self, path, *args):
        done = self.ctl("inspect", path, "--json", *args)
        return json.loads(done.out) if done.code == 0 else None

    # -- tpm2_eventlog --------------------------------------------------------------------------------------------
    def compare_log(self, path):
        code, yaml, _ = output("tpm2_eventlog", path)
        ours = self.inspect(path, "--kind", "eventlog")
        if code != 0:
            return "both refuse" if ours is None else "refuses"
        self.assertIsNotNone(ours, f"{path}: tpm2_eventlog reads what attestctl does not")
        theirs = pcrs_of(yaml.split("\npcrs:\n")[-1])
        self.assertTrue(theirs, path)
        known = "same"
        for bank, values in theirs.items():
            for register, value in values.items():
                mine = ours[f"pcrs_{bank}"][register]
                if mine == value:
                    continue
                self.assertEqual(register, "0", f"{path}: {bank}:{register} is {mine}, tpm2_eventlog says {value}")
                silent = [e for e in ours["events"][1:] if e["type"] == "EV_NO_ACTION"]
                self.assertTrue(silent or ours["startup_locality"], f"{path}: PCR 0 differs without a known cause")
                known = "pcr 0"
        return known

    def test_the_firmware_logs_of_real_boots_replay_as_tpm2_eventlog_replays_them(self):
        for name in NAMES:
            self.assertEqual(self.compare_log(BOOTS / name / "binary_bios_measurements"), "same", name)

    def test_public_firmware_logs_replay_as_tpm2_eventlog_replays_them_but_for_its_known_errors(self):
        if not PUBLIC.is_dir():
            self.skipTest("the public artefacts are not beside the sources")
        found = {}
        for path in sorted(PUBLIC.rglob("*")):
            if path.suffix in (".bin", ".log") and path.is_file():
                found.setdefault(self.compare_log(path), []).append(path.name)
        print({kind: len(paths) for kind, paths in found.items()}, "known errors:", found.get("pcr 0"), found.get("refuses"))
        self.assertGreater(len(found["same"]), 10)
        self.assertLessEqual(set(found), {"same", "both refuse", "pcr 0", "refuses"})

    # -- tpm2_checkquote ------------------------------------------------------------------------------------------
    def verdicts(self, boot, key, message, nonce):
        """What tpm2_checkquote and attestctl say of a quote."""
        folder = BOOTS / boot
        ak, signature = folder / f"ak_{key}.pub", folder / f"quote_{key}.sig"
        theirs, _, _ = output("tpm2_checkquote", "-u", ak, "-m", message, "-s", signature, "-g", "sha256", "-q", nonce)
        done = self.ctl("appraise", "quote", message, "--with", f"signature={signature}", "--with", f"ak={ak}", "--nonce", nonce)
        return theirs == 0, done.code == 0

    def test_quotes_are_taken_and_refused_as_tpm2_checkquote_does(self):
        for boot in NAMES:
            nonce = (BOOTS / boot / "nonce.bin").read_bytes()
            for key in ("ecc", "rsa"):
                good = BOOTS / boot / f"quote_{key}.msg"
                self.assertEqual(self.verdicts(boot, key, good, nonce.hex()), (True, True), (boot, key))
                other = bytes([nonce[0] ^ 1]) + nonce[1:]
                self.assertEqual(self.verdicts(boot, key, good, other.hex()), (False, False), (boot, key))
                message = bytearray(good.read_bytes())
                for at in (8, 60, len(message) - 1):
                    changed = self.folder / "changed"
                    changed.write_bytes(bytes(message[:at]) + bytes([message[at] ^ 1]) + bytes(message[at + 1:]))
                    self.assertEqual(self.verdicts(boot, key, changed, nonce.hex()), (False, False), (boot, key, at))

    # -- evmctl ---------------------------------------------------------------------------------------------------
    def pcr_files(self, boot, change=None):
        """PCR values as evmctl and as attestctl read them."""
        banks = pcrs_of((BOOTS / boot / "pcrs.yaml").read_text())
        if change:
            bank, register = change
            value = bytearray.fromhex(banks[bank][register])
            value[0] ^= 1
            banks[bank][register] = value.hex()
        ours = self.folder / "pcrs.json"
        ours.write_text(json.dumps(banks))
        theirs = []
        for bank in ("sha1", "sha256"):
            lines = [f"PCR-{int(r):02d}: " + " ".join(re.findall("..", v)) + " \n" for r, v in sorted(banks[bank].items(), key=lambda x: int(x[0]))]
            path = self.folder / bank
            path.write_text("".join(lines))
            theirs += ["--pcrs", f"{bank},{path}"]
        return theirs, ours

    def test_ima_lists_replay_as_evmctl_replays_them(self):
        for boot in NAMES:
            path = BOOTS / boot / "ima.bin"
            for change, good in ((None, True), (("sha256", "10"), False)):
                theirs, ours = self.pcr_files(boot, change)
                if change:
                    theirs = theirs[2:]  # evmctl is content with one bank that fits
                code, _, errors = output("evmctl", "ima_measurement", "--ignore-violations", *theirs, path)
                done = self.ctl("appraise", "ima", path, "--with", f"pcrs={ours}")
                self.assertEqual((code == 0, done.code == 0), (good, good), f"{boot} {change}\n{errors}\n{done}")

    def test_boot_aggregates_are_those_of_evmctl(self):
        for boot in NAMES:
            theirs, ours = self.pcr_files(boot)
            code, text, errors = output("evmctl", "ima_boot_aggregate", *theirs[2:])
            self.assertEqual(code, 0, errors)
            done = self.ctl("appraise", "ima", BOOTS / boot / "ima.bin", "--with", f"pcrs={ours}", "--json")
            self.assertIn("sha256:" + json.loads(done.out)["boot_aggregate"], text.split())

    def test_file_signatures_are_taken_and_refused_as_evmctl_does(self):
        key, other = self.key("rsa"), self.key("other")
        file = self.folder / "file"
        file.write_bytes(b"a signed file")
        code, _, errors = output("evmctl", "ima_sign", "--sigfile", "--hashalgo", "sha256", "--key", self.folder / "rsa.key", file)
        self.assertEqual(code, 0, errors)
        signature = file.with_name("file.sig").read_bytes()
        for public, content in ((key, b"a signed file"), (key, b"another file"), (other, b"a signed file")):
            file.write_bytes(content)
            theirs, _, _ = output("evmctl", "ima_verify", "--sigfile", "--key", public.with_suffix(".der"), file)
            listed = self.ima_list(content, signature)
            ours = self.ctl("appraise", "ima", listed, "--with", f"keys={public}", "--json")
            outcome = [c["outcome"] for c in json.loads(ours.out)["checks"] if c["id"] == "ima.signatures"]
            good = public == key and content == b"a signed file"
            self.assertEqual((theirs == 0, outcome == ["pass"]), (good, good), f"{public} {content}\n{ours}")

    def key(self, name):
        path = self.folder / f"{name}.pub"
        key = self.folder / f"{name}.key"
        self.assertEqual(output("openssl", "genrsa", "-out", key, "2048")[0], 0)
        self.assertEqual(output("openssl", "req", "-new", "-x509", "-key", key, "-subj", f"/CN={name}", "-out", path.with_suffix(".crt"))[0], 0)
        self.assertEqual(output("openssl", "pkey", "-in", key, "-pubout", "-out", path)[0], 0)
        certificate = ("x509", "-in", path.with_suffix(".crt"), "-outform", "DER", "-out", path.with_suffix(".der"))  # evmctl reads DER alone
        self.assertEqual(output("openssl", *certificate)[0], 0)
        return path

    def ima_list(self, content, signature):
        """A list with one entry of template ima-sig, as the kernel writes it."""
        fields = (b"sha256:\0" + hashlib.sha256(content).digest(), b"/file\0", signature)
        data = b"".join(len(f).to_bytes(4, "little") + f for f in fields)
        head = (10).to_bytes(4, "little") + hashlib.sha1(data).digest()
        path = self.folder / "list"
        path.write_bytes(head + (7).to_bytes(4, "little") + b"ima-sig" + len(data).to_bytes(4, "little") + data)
        return path

    # -- openssl --------------------------------------------------------------------------------------------------
    def test_certificates_of_tpms_are_taken_and_refused_as_openssl_does(self):
        ca, other, ek = self.folder / "ca.crt", self.folder / "other.crt", self.folder / "ek.crt"
        self.key("ca"), self.key("other"), self.key("ek")
        text = "keyUsage=critical,keyEncipherment\nbasicConstraints=critical,CA:FALSE\nextendedKeyUsage=2.23.133.8.1\n"
        (self.folder / "ek.ext").write_text(text)
        request = self.folder / "ek.csr"
        self.assertEqual(output("openssl", "req", "-new", "-key", self.folder / "ek.key", "-subj", "/CN=ek", "-out", request)[0], 0)
        code, _, errors = output("openssl", "x509", "-req", "-in", request, "-CA", ca, "-CAkey", self.folder / "ca.key", "-days", "30",
                                 "-extfile", self.folder / "ek.ext", "-out", ek)
        self.assertEqual(code, 0, errors)
        later = str(int(time.time()) + 60 * 86400)
        cases = ((ek, ca, None, True), (ek, other, None, False), (ek, ca, later, False))
        for certificate, root, at, good in cases:
            when = ["-attime", at] if at else []
            theirs, _, _ = output("openssl", "verify", *when, "-CAfile", root, certificate)
            ours = self.ctl("appraise", "ek", certificate, "--roots", root, *(["--at", at] if at else []))
            self.assertEqual((theirs == 0, ours.code == 0), (good, good), f"{root} {at}\n{ours}")


if __name__ == "__main__":
    main()
