#!/usr/bin/env python3
"""PostgreSQL and psql, unmodified: the server as its own user, the client as ours."""
from lab import processes, programs
from lab.cases import main
from lab.pairing import Pairing, PairingTests
from lab.postgres import Postgres


class PostgresqlAndPsql(PairingTests, Pairing):
    greeting = "PostgreSQL"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        web = cls.world.web
        cls.database = Postgres(cls.world.folder / "postgres", web.cert("localhost"), web.key("localhost")).prepare()

    def start(self, env):
        return self.database.start(env)

    def start_tls12(self, env):
        """libpq asks for TLS in a message of its own first, so a TLS 1.2 server is PostgreSQL as well."""
        return self.database.start(env, ssl_max_protocol_version="TLSv1.2")

    def ask(self, env, server):
        return server.ask(env, self.world.web.ca)

    def ask_tls12(self, env, server):
        return processes.run([programs.OPENSSL, "s_client", "-starttls", "postgres", "-connect", f"127.0.0.1:{server.port}",
                              "-tls1_2"], env=env)

    def test_sslmode_require_without_certificate_check_still_demands_evidence(self):
        def ask(env, server):
            return server.ask(env, self.world.web.ca, sslmode="require")
        self.accepted(self.meet(self.world.server.env(), self.world.client.env(), ask=ask), self.greeting)
        self.client_refuses(self.meet(self.world.changed.env(), self.world.client.env(), ask=ask), "pcr.unexpected-event")


if __name__ == "__main__":
    main()
