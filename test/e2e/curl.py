#!/usr/bin/env python3
"""curl, unmodified, against nginx, unmodified."""
from lab import programs
from lab.cases import main
from lab.ends import CurlClient, NginxServer
from lab.pairing import Pairing, PairingTests


class Curl(PairingTests, NginxServer, CurlClient, Pairing):
    greeting = programs.HELLO

    def test_curl_k_still_demands_evidence(self):
        """-k switches the certificate check off, not the attestation."""
        def ask(env, server):
            return self.ask(env, server, "-k")
        self.accepted(self.meet(self.world.server.env(), self.world.client.env(), ask=ask), self.greeting)
        self.client_refuses(self.meet(self.world.changed.env(), self.world.client.env(), ask=ask), "pcr.unexpected-event")
        self.client_refuses(self.meet(self.plain(), self.world.client.env(), ask=ask), "peer.silent")

    def test_good_evidence_does_not_replace_the_certificate_check(self):
        def ask(env, server):
            return programs.curl(env, server.port, self.world.authority.ca / "ak-root.pem")
        self.refused(self.meet(self.world.server.env(), self.world.client.env(), ask=ask), "certificate")

    def test_curl_without_a_certificate_of_its_own_attests_with_the_machine_s(self):
        server = self.start(self.world.server.env())
        try:
            self.accepted(self.ask(self.world.client.env(), server), self.greeting)
        finally:
            server.stop()
        verdicts = self.world.server.must("verdicts", "-n", "1")
        self.assertIn("accepted", verdicts)
        self.assertIn("as client", verdicts)


if __name__ == "__main__":
    main()
