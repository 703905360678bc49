#!/usr/bin/env python3
"""attestctl compare, reference and predict over the logs of real boots; what they write is what the other commands take."""
import hashlib
import json
import os
import pathlib
import shutil
import struct
import tempfile
import unittest

from lab import processes
from lab.cases import main
from lab.paths import BOOTS, SOURCE, Build

CORPUS = SOURCE / "test/fuzz/corpus"
OVMF = pathlib.Path("/usr/share/ovmf/OVMF.fd")
SECURE, CRB, TIS = (BOOTS / name / "binary_bios_measurements" for name in ("secureboot", "crb", "tis"))
KERNEL = CORPUS / "pe_image/signed"
# A synthetic boot of a unified kernel image, and the image.
UNIFIED_BOOT, UNIFIED = CORPUS / "tcg_event_log/unified_boot", CORPUS / "pe_image/unified_252"
KERNEL_AUTHENTICODE = "df9ac988ed788778ceaa9c8ba120c94ef31787cabd8726f147fd59b5843ba793"


# Debian's systemd has it, an independent calculator of what stubs measure.
MEASURE = pathlib.Path("/usr/lib/systemd/systemd-measure")


def sections_of(image):
    """The sections of a program as (offset, size) of what is loaded from the file."""
    header = struct.unpack_from("<I", image, 0x3c)[0]
    count, optional = struct.unpack_from("<H", image, header + 6)[0], struct.unpack_from("<H", image, header + 20)[0]
    rows = (struct.unpack_from("<8sIIII", image, header + 24 + optional + 40 * n) for n in range(count))
    return {name.rstrip(b"\0").decode(): (at, min(size, raw)) for name, size, _, raw, at in rows}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Pieces(unittest.TestCase):
    def setUp(self):
        self.ctl_path = Build(os.environ["ATTEST_BUILD"]).attestctl
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pieces-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def ctl(self, *args):
        return processes.run([self.ctl_path, *args], env=processes.environment())

    def must(self, *args):
        done = self.ctl(*args)
        self.assertEqual(done.code, 0, done)
        return done.out

    def components(self, *args):
        out = self.folder / "components.json"
        self.must("reference", *args, "-o", out)
        return json.loads(out.read_text())

    def manifest_of(self, *args):
        """The components go into a manifest as they are."""
        out = self.folder / "manifest.json"
        self.must("metadata", "create", "manifest", "--name", "os", "--components", self.folder / "components.json", "--out", out, *args)
        return json.loads(out.read_text())

    # -- compare --------------------------------------------------------------------------------------------------
    def test_two_boots_differ_where_they_differ(self):
        done = self.ctl("compare", SECURE, CRB, "--json")
        self.assertEqual(done.code, 1, done)
        found = json.loads(done.out)
        registers = {d["register"] for d in found["differences"]}
        self.assertIn(7, registers)  # Secure Boot
        self.assertIn(4, registers)  # boot loaders
        self.assertIn("Secure Boot", self.ctl("compare", SECURE, CRB).out)

    def test_a_log_equals_itself_and_a_grown_one_is_no_contradiction(self):
        self.assertEqual(self.ctl("compare", TIS, TIS).code, 0)
        grown = self.folder / "ima.bin"
        whole = (BOOTS / "tis/ima.bin").read_bytes()
        first = 4 + 20 + 4 + 6 + 4 + int.from_bytes(whole[34:38], "little")
        grown.write_bytes(whole[:first])
        done = self.ctl("compare", grown, BOOTS / "tis/ima.bin")
        self.assertEqual(done.code, 1, done)
        self.assertIn("no contradiction", done.out)

    def test_what_is_no_log_cannot_be_compared(self):
        self.assertEqual(self.ctl("compare", KERNEL, TIS).code, 3)

    # -- reference ------------------------------------------------------------------------------------------------
    def test_the_events_of_logs_become_a_manifest(self):
        values = self.components("tpm", "--eventlog", SECURE, "--ima", BOOTS / "secureboot/ima.bin")
        self.assertGreater(len(values), 40)
        self.assertEqual(len(self.manifest_of("--log-order")["sbom"]["components"]), len(values))
        only = self.components("tpm", "--eventlog", SECURE, "--pcrs", "4,7")
        self.assertEqual({p["value"] for c in only for p in c["properties"] if p["name"] == "cmc.index"}, {"4", "7"})

    def test_a_file_tree_becomes_what_ima_will_record(self):
        root = self.folder / "root"
        (root / "usr/bin").mkdir(parents=True)
        (root / "usr/bin/tool").write_bytes(b"tool")
        (root / "usr/bin/link").symlink_to("tool")
        (root / "usr/other").write_bytes(b"other")
        values = self.components("ima", root, "--exclude", "/sysroot/usr/oth*", "--prepend", "/sysroot", "--eventlog", SECURE)
        self.assertEqual([v["name"] for v in values], ["boot_aggregate", "/sysroot/usr/bin/tool"])
        name = b"/sysroot/usr/bin/tool\0"
        digest = b"sha256:\0" + hashlib.sha256(b"tool").digest()
        entry = len(digest).to_bytes(4, "little") + digest + len(name).to_bytes(4, "little") + name
        hashes = {h["alg"]: h["content"] for h in values[1]["hashes"]}
        self.assertEqual(hashes["SHA-256"], sha256(entry))
        self.assertEqual(hashes["SHA-1"], hashlib.sha1(entry).hexdigest())
        self.manifest_of()

    def test_the_boot_aggregate_of_a_log_is_the_first_entry_of_its_list(self):
        listed = self.components("ima", "--list", BOOTS / "secureboot/ima.bin")
        (self.folder / "root").mkdir()
        computed = self.components("ima", self.folder / "root", "--template", "ima-sig", "--eventlog", SECURE)
        self.assertEqual([v["name"] for v in computed], ["boot_aggregate"])
        self.assertEqual(listed[0]["name"], "boot_aggregate")
        digests = [{h["alg"]: h["content"] for h in values[0]["hashes"]}["SHA-256"] for values in (listed, computed)]
        self.assertEqual(digests[0], digests[1])

    def test_launches_become_manifests(self):
        if not OVMF.exists():
            self.fail("Debian's package ovmf is not installed")
        launch = self.components("snp", "--firmware", OVMF, "--vcpus", "4")
        self.assertEqual(launch[0]["properties"][0], {"name": "cmc.ta", "value": "SNP"})
        self.manifest_of()
        values = self.components("tdx", "--firmware", OVMF, "--mrseam", "00" * 48)
        self.assertEqual([len(v["hashes"][0]["content"]) for v in values], [96, 96])
        self.manifest_of()
        self.assertNotEqual(values, self.components("tdx", "--firmware", OVMF, "--order", "section", "--mrseam", "00" * 48))
        enclave = self.components("sgx", "--sigstruct", CORPUS / "sigstruct/signed")
        self.assertEqual(enclave[0]["hashes"], [{"alg": "SHA-256", "content": "ab" * 32}])
        self.manifest_of()

    def test_what_cannot_be_launched_is_no_reference(self):
        for args in (["snp", "--firmware", KERNEL], ["tdx", "--firmware", KERNEL], ["sgx", "--sigstruct", CORPUS / "sigstruct/forged"],
                     ["ima", "--list", KERNEL], ["tpm", "--eventlog", KERNEL]):
            self.assertEqual(self.ctl("reference", *args).code, 3, args)
        for args in (["tdx", "--mrtd", "00" * 48, "--firmware", OVMF], ["snp", "--firmware", OVMF, "--cpu", "Z80"], ["ima"]):
            self.assertEqual(self.ctl("reference", *args).code, 2, args)

    # -- predict --------------------------------------------------------------------------------------------------
    def test_the_prediction_is_what_a_replay_of_the_new_boot_gives(self):
        initrd = self.folder / "initrd"
        initrd.write_bytes(b"initrd")
        told = json.loads(self.must("predict", "--eventlog", SECURE, "--kernel", KERNEL, "--initrd", initrd, "--json"))
        self.assertEqual(set(told["changed"]["sha256"]), {"4", "9"})
        digests = [e["digests"]["sha256"] for e in told["events"]]
        self.assertEqual(digests, [sha256(KERNEL.read_bytes()), KERNEL_AUTHENTICODE, KERNEL_AUTHENTICODE, sha256(b"initrd")])
        # The same boot as its log would say: the new digests in the place of the old ones.
        log = bytearray(SECURE.read_bytes())
        old = json.loads(self.must("inspect", "--json", SECURE))
        for event in told["events"]:
            for alg, digest in event["digests"].items():
                before = bytes.fromhex(old["events"][event["record"]]["digests"][alg])
                log = log.replace(before, bytes.fromhex(digest))
        booted = self.folder / "booted"
        booted.write_bytes(log)
        after = json.loads(self.must("inspect", "--json", booted))["pcrs_sha256"]
        self.assertEqual({pcr: v["after"] for pcr, v in told["pcrs"]["sha256"].items()}, after)

    def test_the_manifest_takes_both_boots_until_its_window_ends(self):
        out, after = self.folder / "window.json", self.folder / "after.json"
        self.must("predict", "--eventlog", SECURE, "--ima", BOOTS / "secureboot/ima.bin", "--kernel", KERNEL, "--name", "os", "--out", out,
                  "--days", "3", "--after", after)
        both, new = (json.loads(path.read_text())["sbom"]["components"] for path in (out, after))
        self.assertEqual(len(both), len(new) + 4)  # the kernel three times, boot_aggregate
        self.assertEqual(sum(1 for c in both if "after the update" in c.get("description", "")), 4)
        self.assertIn("os", self.must("metadata", "show", out))
        self.assertNotEqual(json.loads(out.read_text())["validity"], json.loads(after.read_text())["validity"])

    def test_an_unchanged_file_changes_nothing_and_an_unknown_one_is_refused(self):
        cmdline = "console=ttyS0 ima_policy=tcb ima_hash=sha256 random.trust_cpu=on panic=-1 quiet loglevel=4 initrd=initrd"
        told = json.loads(self.must("predict", "--eventlog", CRB, "--cmdline", cmdline, "--old-cmdline", cmdline, "--json"))
        self.assertEqual(told["events"], [])
        self.assertEqual(self.ctl("predict", "--eventlog", CRB, "--cmdline", "quiet").code, 3)
        self.assertEqual(self.ctl("predict", "--eventlog", CRB, "--file", "fstab=" + str(KERNEL)).code, 3)
        for args in ([], ["--kernel", KERNEL, "--out", self.folder / "x"], ["--file", "x"], ["--old-kernel", KERNEL]):
            self.assertEqual(self.ctl("predict", "--eventlog", CRB, *args).code, 2, args)

    def test_a_unified_image_changes_its_sections_and_the_phases_follow(self):
        now = self.folder / "now.efi"
        now.write_bytes(UNIFIED.read_bytes().replace(b"console=ttyS0 quiet", b"console=ttyS1 quiet"))
        told = json.loads(self.must("predict", "--eventlog", UNIFIED_BOOT, "--kernel", now, "--old-kernel", UNIFIED, "--json",
                                    "--phases", "enter-initrd:leave-initrd:sysinit:ready"))
        self.assertEqual(set(told["changed"]["sha256"]), {"4", "9", "11"})
        self.assertEqual([e["change"] for e in told["events"]], ["replaced"] * 3)  # the image, .cmdline, what the kernel was told
        # The values of systemd-measure 252 (252.39-1~deb12u2), before and after the phases of the boot.
        same = json.loads(self.must("predict", "--eventlog", UNIFIED_BOOT, "--kernel", UNIFIED, "--old-kernel", UNIFIED, "--json",
                                    "--phases", "enter-initrd:leave-initrd:sysinit:ready"))
        self.assertEqual(same["pcrs"]["sha256"]["11"]["after"], "dc2be4c1d57bfa66111d76a7677f5b937cc825a9504f91abc2758e1872e2dd33")
        self.assertEqual(same["phases"][3]["values"]["sha256"], "f16e1f3be93cb0d416a1e6267a04014d7ae0191d0bd479e3b3a7878923c6d672")
        self.assertNotEqual(told["phases"][3], same["phases"][3])

    @unittest.skipUnless(MEASURE.exists(), f"{MEASURE} is not installed: no second calculator of PCR 11")
    def test_pcr_11_is_what_systemd_measure_calculates(self):
        image, now = bytearray(UNIFIED.read_bytes()), self.folder / "now.efi"
        for name, (at, size) in sections_of(bytes(image)).items():
            if name in (".initrd", ".cmdline", ".osrel", ".splash", ".dtb", ".pcrpkey"):  # as long as they are, and all different
                image[at:at + size] = bytes(ord("a") + (n + len(name)) % 26 for n in range(size))
        now.write_bytes(image)
        arguments = []
        for name, (at, size) in sections_of(bytes(image)).items():
            if name in (".sdmagic", ".pcrsig", ".sbat"):  # not measured by the stub of this image
                continue
            (self.folder / name[1:]).write_bytes(image[at:at + size])
            arguments.append(f"--{name[1:]}={self.folder / name[1:]}")
        phases = "enter-initrd:leave-initrd:sysinit:ready"
        calculated = processes.run([MEASURE, "calculate", *arguments, "--bank=sha256", "--bank=sha384", "--phase=:", f"--phase={phases}",
                                    "--json=short"], env=processes.environment())
        told = json.loads(self.must("predict", "--eventlog", UNIFIED_BOOT, "--kernel", now, "--old-kernel", UNIFIED, "--json",
                                    "--phases", phases))
        self.assertEqual(told["unsaid"], {})
        for bank, values in json.loads(calculated.out).items():
            self.assertEqual([value["hash"] for value in values],
                             [told["pcrs"][bank]["11"]["after"], told["phases"][-1]["values"][bank]])

    def test_a_manifest_leaves_out_only_what_it_is_told_to(self):
        now, out = self.folder / "now.efi", self.folder / "window.json"
        now.write_bytes(UNIFIED.read_bytes().replace(b"initrd of", b"INITRD of"))
        args = ["predict", "--eventlog", UNIFIED_BOOT, "--kernel", now, "--name", "os", "--out", out]
        unsure = self.ctl("predict", "--eventlog", UNIFIED_BOOT, "--kernel", now, "--json")
        self.assertEqual((unsure.code, set(json.loads(unsure.out)["unsaid"])), (3, {"9"}))
        self.assertNotIn("9", json.loads(unsure.out)["pcrs"]["sha256"])
        refused = self.ctl(*args)
        self.assertEqual(refused.code, 3)
        self.assertIn("PCR 9 cannot be said", refused.out)
        self.must(*args, "--pcrs", "4,11")
        components = json.loads(out.read_text())["sbom"]["components"]
        self.assertEqual(len(components), 2 + 14 + 2)  # two programs, seven sections; the image and .initrd twice
        self.assertEqual(self.ctl("predict", "--eventlog", SECURE, "--kernel", KERNEL, "--phases", "ready").code, 2)
        # The same image in a trust domain: RTMR 1 and 2.
        self.must("predict", "--eventlog", CORPUS / "tcg_event_log/unified_ccel", "--kernel", now, "--old-kernel", UNIFIED, "--name", "td",
                  "--out", out)
        values = json.dumps(json.loads(out.read_text())["sbom"]["components"])
        self.assertIn('"TDX"', values)
        self.assertNotIn('"TPM"', values)


if __name__ == "__main__":
    main()
