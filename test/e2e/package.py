#!/usr/bin/env python3
"""The Debian package: no errors for lintian; installed, upgraded, removed and purged in a copy of this very system that is thrown away."""
import hashlib
import os
import pathlib
import re
import shutil
import unittest

from lab import processes
from lab.cases import main
from lab.paths import SOURCE, program

# A mount namespace of its own, with a throw-away layer over the whole system: what dpkg does there, nobody else sees.
LAYER = ('mount -t tmpfs tmpfs "$1" && mkdir "$1/up" "$1/work" "$1/root" && '
         'mount -t overlay overlay -o lowerdir=/,upperdir="$1/up",workdir="$1/work" "$1/root" && mkdir -p "$1/root$1" && '
         'cp "$1".debs/*.deb "$1/root$1/" && mount --bind /dev "$1/root/dev" && mount -t proc proc "$1/root/proc" && '
         'exec chroot "$1/root" sh -e -c "$2" sh "$1"')


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.build = pathlib.Path(os.environ["ATTEST_BUILD"]).resolve()
        if not (cls.build / "CPackConfig.cmake").exists():
            raise unittest.SkipTest("the build tree is configured for another prefix than /usr (test/configure.sh makes one for it)")
        cls.folder = cls.build / "e2e/package"
        cls.debs = cls.folder.with_name("package.debs")
        for folder in (cls.folder, cls.debs):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        processes.must(["cpack", "-G", "DEB", "-B", cls.folder / "made"], cwd=cls.build, env=processes.environment(), timeout=800)
        (made,) = (cls.folder / "made").glob("attest-provider_*.deb")
        cls.new = pathlib.Path(shutil.copy(made, cls.debs / "new.deb"))
        cls.pack_as_older(cls.folder / "old", cls.debs / "old.deb")

    @classmethod
    def pack_as_older(cls, folder, deb):
        processes.must(["dpkg-deb", "-R", cls.new, folder], timeout=300)
        control = folder / "DEBIAN/control"
        control.write_text(re.sub(r"(?m)^Version: .*$", "Version: 0.0.1", control.read_text()))
        processes.must(["dpkg-deb", "-Znone", "--root-owner-group", "-b", folder, deb], timeout=300)

    def in_layer(self, script):
        """Runs a script as root in a copy of this system; $1 is the folder with the packages."""
        if os.geteuid() != 0:
            self.skipTest("only root can install packages")
        done = processes.run(["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", LAYER, "sh", self.folder, script],
                             env=processes.environment(DEBIAN_FRONTEND="noninteractive"), timeout=600)
        if "unshare:" in done.out or "mount:" in done.out:
            self.skipTest(f"no throw-away layer over the system can be had here: {done.out.strip().splitlines()[0]}")
        return done

    def test_lintian_finds_no_errors(self):
        lintian = program("lintian")
        if not lintian:
            self.skipTest("lintian is not installed")
        done = processes.run([lintian, "--no-tag-display-limit", "--allow-root", "--fail-on", "none", self.new], timeout=600)
        errors = [line for line in done.out.splitlines() if line.startswith("E: ")]
        self.assertEqual(errors, [], done.out)

    def test_it_holds_what_it_should_and_nothing_in_etc(self):
        listed = processes.must(["dpkg-deb", "-c", self.new])
        names = {line.split()[5].lstrip(".") for line in listed.splitlines()}
        for ending in ("/ossl-modules/attest.so", "/sbin/cmcd-lite", "/bin/attestctl", "/system/cmcd-lite.service",
                       "/sysusers.d/attest.conf", "/tmpfiles.d/attest.conf", "/man1/attestctl.1.gz", "/drop-ins/nginx/attest.conf",
                       "/refusals/peer.silent.md"):
            self.assertTrue(any(name.endswith(ending) for name in names), ending)
        self.assertFalse([name for name in names if name.startswith("/etc/")])

    def test_it_installs_upgrades_and_removes_cleanly(self):
        before = hashlib.sha256(pathlib.Path("/etc/ssl/openssl.cnf").read_bytes()).hexdigest()
        done = self.in_layer("""
            dpkg -i $1/old.deb >/dev/null; id attest; test -d /var/lib/attest; stat -c '%U %a' /var/lib/attest
            attestctl --version; cmcd-lite --help | head -1
            sed 's/^# attest-daemon-uid.*//' /usr/share/attest/openssl.cnf > /etc/attest/openssl.cnf
            OPENSSL_CONF=/etc/attest/openssl.cnf openssl list -providers
            echo kept > /etc/attest/mine; echo state > /var/lib/attest/x
            dpkg -i $1/new.deb >/dev/null; dpkg-query -W attest-provider; cat /etc/attest/mine
            dpkg -r attest-provider >/dev/null; cat /var/lib/attest/x /etc/attest/mine
            dpkg -i $1/new.deb >/dev/null; rm -r /etc/attest/mine /etc/attest/openssl.cnf
            dpkg -P attest-provider >/dev/null
            echo "openssl.cnf $(sha256sum </etc/ssl/openssl.cnf)"
            echo left: $(ls -d /etc/attest /var/lib/attest /usr/share/attest /usr/share/doc/attest-provider 2>/dev/null)
            echo left: $(find /usr /lib /etc -name '*attest*' -path '*systemd*' -o -name 'attest.so' -o -name 'cmcd-lite*' 2>/dev/null)
            echo done""")
        self.assertTrue(done.out.rstrip().endswith("done"), done)
        for text in ("attest 700", "name: attest: attested TLS 1.3", "attest-provider\t", "kept\n", "state\nkept\n", f"openssl.cnf {before}"):
            self.assertIn(text, done.out)
        self.assertEqual([line for line in done.out.splitlines() if line.startswith("left:")], ["left:", "left:"], done)

    def test_the_units_are_sound_and_shut_in(self):
        for name in ("cmcd-lite", "attest-metrics", "attest-publish", "cmc-grpc", "cmc-coap"):
            with self.subTest(unit=name):
                self.shut_in(SOURCE / f"conf/systemd/{name}.service")

    def shut_in(self, unit):
        verified = processes.run(["systemd-analyze", "verify", "--man=no", unit], env=processes.environment())
        complaints = [line for line in verified.out.splitlines() if "not executable" not in line and "Failed to" not in line]
        self.assertEqual(complaints, [])
        rated = processes.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", unit], env=processes.environment())
        self.assertEqual(rated.code, 0, rated)
        text = unit.read_text()
        for line in ("NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=\n", "SystemCallFilter=@system-service"):
            self.assertIn(line, text)


if __name__ == "__main__":
    main()
