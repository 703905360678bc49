#!/usr/bin/env python3
"""stunnel, unmodified, at both ends of a tunnel."""
import signal

from lab import processes, programs, stunnel
from lab.cases import main
from lab.pairing import Pairing, PairingTests


class Stunnel(PairingTests, Pairing):
    greeting = stunnel.HELLO
    services = {"stunnel": "stunnel4"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.backend = stunnel.Backend()
        cls.addClassCleanup(cls.backend.close)

    def start(self, env, more=""):
        web = self.world.web
        return stunnel.server(env, self.world.folder / "tunnel", self.backend.port, web.cert("localhost"), web.key("localhost"), more)

    def start_tls12(self, env):
        return self.start(env, "sslVersion = TLSv1.2\n")

    def ask(self, env, server, **more):
        tunnel = stunnel.client(env, self.world.folder / "tunnel", server.port, self.world.web.ca, **more)
        try:
            got = stunnel.read_all(tunnel.port)
        finally:
            tunnel.stop()
        return processes.Done(0 if stunnel.HELLO in got else 1, got + tunnel.output())

    def ask_tls12(self, env, server):
        return programs.s_client(env, server.port, self.world.web.ca, "-tls1_2")

    def test_a_reload_of_the_server_keeps_attesting(self):
        server = self.start(self.world.server.env())
        self.addCleanup(server.stop)
        self.accepted(self.ask(self.world.client.env(), server), stunnel.HELLO)
        before = server.output().count("Configuration successful")
        server.send(signal.SIGHUP)
        processes.wait_until(lambda: server.output().count("Configuration successful") > before, "reload")
        for _ in range(2):
            self.accepted(self.ask(self.world.client.env(), server), stunnel.HELLO)
            self.refused(self.ask(self.plain(), server))

    def test_its_own_certificate_check_holds_besides_the_evidence(self):
        def ask(env, server):
            return self.ask(env, server, host="other.example")
        self.refused(self.meet(self.world.server.env(), self.world.client.env(), ask=ask))

    def test_a_reused_session_is_not_resumed(self):
        """stunnel keeps its last session and offers it again."""
        server = self.start(self.world.server.env())
        self.addCleanup(server.stop)
        tunnel = stunnel.client(self.world.client.env(), self.world.folder / "tunnel", server.port, self.world.web.ca)
        self.addCleanup(tunnel.stop)
        for _ in range(3):
            self.assertIn(stunnel.HELLO, stunnel.read_all(tunnel.port))
        self.assertNotIn("session reused", tunnel.output())


if __name__ == "__main__":
    main()
