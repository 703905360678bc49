#!/usr/bin/env python3
"""attestctl doctor tells the truth about the programs of a machine, some of them set up wrongly on purpose."""
import json
import os
import shutil
import stat

from lab import processes
from lab.cases import Cases, main

UNITS = {"nginx": "/usr/sbin/nginx -g 'daemon on;'", "apache2": "/usr/sbin/apachectl start", "haproxy": "/usr/sbin/haproxy -Ws",
         "stunnel@": "/usr/bin/stunnel4 /etc/stunnel/%i.conf", "redis-server": "/usr/bin/redis-server /etc/redis/redis.conf",
         "postgresql@": "-/usr/bin/pg_ctlcluster --skip-systemctl-redirect %i start"}


class Doctor(Cases):
    changed = False
    services = {"nginx": "www-data", "postgresql": "postgres", "haproxy": "haproxy", "redis": "redis", "stunnel": "stunnel4"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.root = cls.world.folder / "root"
        cls.temp = cls.world.folder / "tmp"
        cls.temp.mkdir()
        cls.temp.chmod(0o1777)
        cls.machine = cls.world.server
        cls.good = cls.machine.openssl_conf
        cls.set_up_programs()
        cls.document = cls.doctor()
        print(f"\n{len(cls.document['programs'])} programs in {cls.document['milliseconds']} ms")

    @classmethod
    def write(cls, path, text):
        file = cls.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    @classmethod
    def unit(cls, name, start, *lines, conf=None):
        cls.write(f"etc/systemd/system/{name}.service", f"[Unit]\nDescription=of the test\n[Service]\nExecStart={start}\n")
        lines = [*lines, *([f'Environment="OPENSSL_CONF={conf}" OTHER=1'] if conf else [])]
        if lines:
            cls.write(f"etc/systemd/system/{name}.service.d/attest.conf", "[Service]\n" + "\n".join(lines) + "\n")

    @classmethod
    def variant(cls, label, **settings):
        return cls.machine.env_with(label, **settings)["OPENSSL_CONF"]

    @classmethod
    def set_up_programs(cls):
        """Six programs set up as the guides say, and seven mistakes."""
        for name in ("nginx", "apache2"):
            cls.unit(name, UNITS[name], conf=cls.good)
        cls.unit("stunnel@", UNITS["stunnel@"])
        cls.unit("haproxy", UNITS["haproxy"], conf=cls.good)
        cls.write("etc/haproxy/haproxy.cfg", f"global\n  chroot {cls.root}/nowhere\n  user haproxy\n")
        cls.unit("redis-server", UNITS["redis-server"], "PrivateUsers=yes", conf=cls.good)
        cls.write("etc/redis/redis.conf", "port 6379\ntls-port 6380\n")
        cls.unit("postgresql@", UNITS["postgresql@"], conf=cls.good)
        cls.unit("my-python", "/usr/bin/python3 /srv/app.py", conf=cls.with_default())
        cls.unit("my-node", "/usr/bin/node /srv/app.js", conf=cls.variant("lost", module="/nonexistent/attest.so"))
        cls.write("etc/profile.d/attest.sh", f"export OPENSSL_CONF={cls.good}\n")
        copy = cls.root / "usr/bin/redis-cli"
        copy.parent.mkdir(parents=True)
        shutil.copy("/usr/bin/redis-cli", copy)
        os.chmod(copy, 0o755 | stat.S_ISUID)

    @classmethod
    def with_default(cls):
        text = cls.good.read_text().replace("[provider_sect]\n", "[provider_sect]\ndefault = default_sect\n")
        copy = cls.good.with_name("openssl-default.cnf")
        copy.write_text(text + "\n[default_sect]\nactivate = 1\n")
        return copy

    @classmethod
    def doctor(cls, *names):
        done = cls.run_doctor("--json", *names)
        document = json.loads(done.out)
        document["exit"] = done.code
        return document

    @classmethod
    def run_doctor(cls, *args):
        return processes.run([cls.machine.build.attestctl, "doctor", "--root", cls.root, *args],
                             env=processes.environment(TMPDIR=cls.temp), timeout=400)

    def report(self, program, unit="", document=None):
        for one in (document or self.document)["programs"]:
            if one["program"] == program and one["unit"] == (unit and unit + ".service"):
                return one
        self.fail(f"no {program} {unit} in {json.dumps(self.document, indent=1)}")

    def finds(self, report, level, *ids):
        self.assertEqual(report["level"], level, json.dumps(report, indent=1))
        found = {finding["id"] for finding in report["findings"]}
        self.assertTrue(set(ids) <= found, json.dumps(report, indent=1))
        for finding in report["findings"]:
            if finding["level"] in ("warn", "FAIL"):
                self.assertTrue(finding["remedy"], finding)

    def test_programs_set_up_as_the_guides_say_are_armed_and_closed_without_the_module(self):
        for program, unit in (("nginx", "nginx"), ("apache", "apache2"), ("curl", ""), ("openssl", ""), ("python", "")):
            report = self.report(program, unit)
            self.finds(report, "ok")
            self.assertTrue(report["armed"])
            self.assertIn(report["without_module"], ("does not serve", "no TLS"))
            self.assertIn("OpenSSL 3.", report["openssl"])
            self.assertEqual(report["configuration"], str(self.good))

    def test_a_program_nobody_configured_is_off(self):
        self.finds(self.report("stunnel", "stunnel@"), "off")

    def test_a_chroot_that_hides_the_socket_is_named_with_its_remedy(self):
        report = self.report("haproxy", "haproxy")
        self.finds(report, "FAIL", "socket.chroot")
        self.assertIn("cmcd.json", json.dumps(report["findings"]))

    def test_a_sandbox_that_hides_the_user_and_a_plain_port_are_named(self):
        self.finds(self.report("redis", "redis-server"), "FAIL", "obstacle", "plaintext")

    def test_a_variable_in_the_wrong_place_is_named(self):
        report = self.report("postgresql", "postgresql@")
        self.finds(report, "FAIL", "obstacle")
        self.assertIn("environment", report["findings"][0]["remedy"])

    def test_a_configuration_that_lists_default_is_found_open(self):
        report = self.report("python", "my-python")
        self.finds(report, "FAIL", "module.missing")
        self.assertEqual((report["armed"], report["without_module"]), (True, "plain TLS"))

    def test_a_module_that_does_not_load_is_found(self):
        report = self.report("node", "my-node")
        self.finds(report, "FAIL", "module.not-armed")
        self.assertFalse(report["armed"])

    def test_libpq_s_fall_back_to_plain_text_is_seen_happening(self):
        self.finds(self.report("psql"), "warn", "plaintext")
        self.write("etc/profile.d/attest-libpq.sh", "export PGSSLMODE=verify-full\n")
        try:
            self.finds(self.report("psql", document=self.doctor("psql")), "ok")
        finally:
            (self.root / "etc/profile.d/attest-libpq.sh").unlink()

    def test_a_setuid_program_is_found(self):
        self.finds(self.report("redis-cli"), "FAIL", "program.privileged")

    def test_haproxy_with_the_default_provider_is_found_open_and_its_remedy_closes_it(self):
        config = self.root / "etc/haproxy/haproxy.cfg"
        before = config.read_text()
        try:
            config.write_text("global\n  ssl-provider default\n")
            self.finds(self.report("haproxy", "haproxy", self.doctor("haproxy")), "FAIL", "module.missing")
            config.write_text("global\n  ssl-provider attest\n  ssl-provider default\n")
            self.finds(self.report("haproxy", "haproxy", self.doctor("haproxy")), "ok")
        finally:
            config.write_text(before)

    def test_the_exit_code_and_the_text_say_the_same(self):
        self.assertEqual(self.document["exit"], 1)
        done = self.run_doctor("curl", "haproxy")
        self.assertEqual(done.code, 1)
        self.assertRegex(done.out, r"(?m)^ok +curl +armed; module missing -> no TLS$")
        self.assertRegex(done.out, r"(?m)^FAIL +haproxy \(haproxy.service\)")
        self.assertEqual(self.doctor("curl")["exit"], 0)

    def test_it_leaves_nothing_behind(self):
        self.assertEqual(os.listdir(self.temp), [])


if __name__ == "__main__":
    main()
