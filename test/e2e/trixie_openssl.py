#!/usr/bin/env python3
"""The module built against OpenSSL 3.0, unchanged on OpenSSL 3.5: the openssl tool of Debian 13 at both ends."""
import time

from lab import processes, programs, trixie
from lab.cases import main
from lab.ends import ToolPair
from lab.pairing import Pairing, PairingTests


class OpensslTool35(PairingTests, ToolPair, Pairing):
    services = {"lab": "nobody"}

    @classmethod
    def setUpClass(cls):
        tree = trixie.trixie()
        super().setUpClass()
        for machine in cls.world.machines:
            trixie.move_in(machine, tree, cls.world.folder)

    def both(self, *more, server=()):
        return self.meet(self.world.server.env(), self.world.client.env(), lambda env: self.start(env, *server),
                         lambda env, started: self.ask(env, started, *more))

    def test_it_is_openssl_3_5(self):
        done = processes.run([programs.OPENSSL, "list", "-providers", "-verbose"], env=self.world.client.env())
        self.accepted(done, "attest")
        self.assertRegex(processes.run([programs.OPENSSL, "version"], env=self.world.client.env()).out, r"OpenSSL 3\.[5-9]")

    def test_ml_kem_groups_are_attested(self):
        for group in ("X25519MLKEM768", "SecP256r1MLKEM768", "MLKEM768"):
            with self.subTest(group=group):
                done = self.both("-groups", group, server=("-groups", group))
                self.accepted(done, self.greeting)
                self.assertIn(group.lower(), done.out.lower())

    def test_raw_public_keys_are_refused(self):
        for more, server in ((["-enable_server_rpk"], ["-enable_server_rpk"]),
                             (["-enable_client_rpk"], ["-enable_client_rpk", "-Verify", "1"])):
            with self.subTest(options=more):
                done = self.both(*more, server=server)
                self.refused(done, "attest" if more == ["-enable_server_rpk"] else "alert number 40")

    def test_both_generations_of_openssl_accept_each_other(self):
        for old in (self.world.server, self.world.client):
            before, old.prefix = old.prefix, ()
            try:
                self.accepted(self.both(), self.greeting)
            finally:
                old.prefix = before

    # -- QUIC: the server attests; clients cannot yet, so a server that requires it refuses them ------------------
    def quic(self, server_env, client_env, until=""):
        """What the client says; the server stays until its log has `until`, or for ten seconds."""
        web, port = self.world.web, processes.free_port()
        block = (f"server {{ listen 127.0.0.1:{port} quic; listen 127.0.0.1:{port} ssl; server_name localhost;\n"
                 f"ssl_certificate {web.cert('localhost')}; ssl_certificate_key {web.key('localhost')}; return 200; }}\n")
        server = programs.Nginx(server_env, self.world.folder / "quic", [block], workers=1).start(port)  # workers share the socket, not its connections
        try:
            done = processes.run([programs.OPENSSL, "s_client", "-quic", "-alpn", "h3", "-connect", f"127.0.0.1:{port}", "-servername",
                                  "localhost", "-CAfile", web.ca, "-verify_return_error"], env=client_env)
            end = time.monotonic() + 10
            while until not in self.quic_log() and time.monotonic() < end:
                time.sleep(0.1)
            return done
        finally:
            server.stop()

    def quic_log(self):
        return (self.world.folder / "quic/logs/error.log").read_text()

    def test_over_quic_the_server_attests(self):
        lenient = {"attest_server": "off"}
        server = self.world.server
        done = self.quic(server.env_with("open", **lenient), self.world.client.env())
        self.accepted(done, "QUICv1")
        changed = self.quic(self.world.changed.env_with("open", **lenient), self.world.client.env())
        self.refused(changed, "pcr.unexpected-event")
        mute = self.quic(server.env_with("mute", attest_server="off", attest_evidence="no"), self.world.client.env())
        self.refused(mute, "peer.silent")

    def test_over_quic_a_server_that_requires_evidence_refuses_clients(self):
        """The client's own handshake is over before the refusal arrives: what counts stands in the server's log."""
        refusal = "SSL_do_handshake() failed"
        self.quic(self.world.server.env(), self.world.client.env(), until=refusal)
        self.assertIn(refusal, self.quic_log())


if __name__ == "__main__":
    main()
