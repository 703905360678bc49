#!/usr/bin/env python3
"""Redis, unmodified: the server as its own user, redis-cli, and a replica that is a TLS client itself."""
from lab import processes, programs, redis
from lab.cases import main
from lab.pairing import Pairing, PairingTests


class RedisAndItsClient(PairingTests, Pairing):
    greeting = redis.HELLO
    names_reason = False  # redis-cli prints only that the connection failed
    services = {"redis": "redis"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        web = cls.world.web
        cls.redis = redis.Redis(cls.world.folder / "redis", web.cert("localhost"), web.key("localhost"), web.ca)

    def start(self, env, *more):
        return self.redis.start(env, *more)

    def start_tls12(self, env):
        return self.start(env, "--tls-protocols", "TLSv1.2")

    def ask(self, env, server, *command, **more):
        return redis.ask(env, server.port, self.world.web.ca, *command, **more)

    def ask_tls12(self, env, server):
        return programs.s_client(env, server.port, self.world.web.ca, "-tls1_2")

    def test_new_tls_settings_at_run_time_keep_attesting(self):
        """CONFIG SET of a certificate makes a new SSL_CTX, as a reload does."""
        server = self.start(self.world.server.env())
        self.addCleanup(server.stop)
        client = self.world.client.env()
        self.accepted(self.ask(client, server, "config", "set", "tls-session-caching", "no", "tls-cert-file", self.redis.cert), "OK")
        self.accepted(self.ask(client, server), redis.HELLO)
        self.refused(self.ask(self.plain(), server))

    def test_a_replica_attests_to_its_master_and_demands_the_same(self):
        for machine, expected in ((self.world.server, "up"), (self.world.changed, "down")):
            with self.subTest(machine=machine.name):
                self.replicate(machine, expected)

    def replicate(self, machine, expected):
        master = self.start(machine.env())
        web = self.world.web
        copy = redis.Redis(self.world.folder / "replica", web.cert("localhost"), web.key("localhost"), web.ca)
        replica = copy.start(self.world.client.env(), "--tls-replication", "yes", "--replicaof", "localhost", str(master.port))
        try:
            def info():
                return self.ask(self.world.server.env(), replica, "info", "replication").out
            if expected == "up":
                processes.wait_until(lambda: "master_link_status:up" in info(), "replication")
            else:
                processes.wait_until(lambda: "Error condition" in replica.output() or "SSL" in replica.output(), "refusal")
                self.assertIn("master_link_status:down", info())
                self.assertEqual(self.reason(self.world.client), "pcr.unexpected-event")
        finally:
            replica.stop()
            master.stop()


if __name__ == "__main__":
    main()
