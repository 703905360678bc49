#!/usr/bin/env python3
"""libpq, unmodified, in every sslmode: which of them attestation can hold, and which leave TLS by themselves."""
from lab import processes
from lab.cases import Cases, main
from lab.postgres import Postgres

STRICT = ("require", "verify-ca", "verify-full")
LAX = ("allow", "prefer")
GREETING = "PostgreSQL"


class LibpqInEverySslmode(Cases):
    services = {"postgresql": "postgres"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        web = cls.world.web
        cls.database = Postgres(cls.world.folder / "postgres", web.cert("localhost"), web.key("localhost")).prepare()

    def ask(self, sslmode, env=None):
        return self.database.ask(env or self.world.client.env(), self.world.web.ca, sslmode=sslmode)

    def serve(self, env, hba="hostssl", **more):
        (self.database.data / "pg_hba.conf").write_text(f"{hba} all all 127.0.0.1/32 trust\n")
        server = self.database.start(env, **more)
        self.addCleanup(server.stop)
        return server

    def test_against_a_server_with_good_evidence_every_mode_that_speaks_tls_is_accepted(self):
        self.serve(self.world.server.env())
        for mode in STRICT + LAX:
            with self.subTest(sslmode=mode):
                self.accepted(self.ask(mode), GREETING)
        self.refused(self.ask("disable"))  # pg_hba.conf has hostssl alone

    def test_a_strict_mode_refuses_a_server_whose_machine_changed_and_never_falls_back(self):
        self.serve(self.world.changed.env(), hba="host")
        for mode in STRICT:
            with self.subTest(sslmode=mode):
                self.refused(self.ask(mode), "pcr.unexpected-event")

    def test_a_strict_mode_refuses_a_plain_tls_server_and_one_without_tls(self):
        server = self.serve(processes.environment(), hba="host")
        for mode in STRICT:
            with self.subTest(sslmode=mode):
                self.refused(self.ask(mode), "peer.silent")
        server.stop()
        self.serve(processes.environment(), hba="host", ssl="off")
        for mode in STRICT:
            with self.subTest(sslmode=mode, ssl="off"):
                self.refused(self.ask(mode), "does not support SSL")

    def test_a_lax_mode_leaves_tls_after_a_refusal_and_the_environment_of_the_drop_in_prevents_it(self):
        """libpq's own second attempt in plain text, which no TLS module sees; PGSSLMODE is what the drop-in sets."""
        self.serve(self.world.changed.env(), hba="host")
        for mode in LAX:
            with self.subTest(sslmode=mode):
                self.accepted(self.ask(mode), GREETING)
        env = {**self.world.client.env(), "PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(self.world.web.ca)}
        self.refused(self.database.ask(env, None, sslmode=None), "pcr.unexpected-event")

    def test_the_server_with_hostssl_refuses_clients_without_evidence_in_every_mode(self):
        self.serve(self.world.server.env())
        for mode in ("disable", *LAX, *STRICT):
            with self.subTest(sslmode=mode):
                self.refused(self.ask(mode, processes.environment()))
                self.refused(self.ask(mode, self.world.changed.env()))

    def test_after_a_reload_the_server_attests_and_demands_as_before(self):
        server = self.serve(self.world.server.env())
        self.accepted(self.ask("verify-full"), GREETING)
        server.reload()
        self.accepted(self.ask("verify-full"), GREETING)
        self.refused(self.ask("verify-full", processes.environment()))

    def test_without_module_or_daemon_no_strict_mode_connects(self):
        self.serve(self.world.server.env(), hba="host")
        for label, setting in (("no-module", {"module": "/nonexistent/attest.so"}), ("no-socket", {"attest_socket": "/nonexistent/s"})):
            env = self.world.client.env_with(label, **setting)
            for mode in STRICT:
                with self.subTest(sslmode=mode, fault=label):
                    self.refused(self.ask(mode, env))


if __name__ == "__main__":
    main()
