#!/usr/bin/env python3
"""Apache, unmodified, as a reverse proxy: plain HTTP before it, TLS to a server on another machine behind it."""
from lab import apache, processes, programs
from lab.cases import main
from lab.ends import NginxServer
from lab.pairing import Pairing, PairingTests


class ApacheProxy(PairingTests, NginxServer, Pairing):
    greeting = programs.HELLO
    names_reason = False  # its client sees "502"; the reason stands in error.log
    services = {"apache": "www-data"}

    def front(self, env, server, certificate=True):
        port = processes.free_port()
        own = f"SSLProxyMachineCertificateFile {self.own}\n" if certificate else ""
        host = (f"<VirtualHost 127.0.0.1:{port}>\nSSLProxyEngine on\nSSLProxyCACertificateFile {self.world.web.ca}\n"
                f"{own}SSLProxyVerify require\nSSLProxyCheckPeerName on\nProxyTimeout 90\n"
                f"ProxyPass / https://localhost:{server.port}/\n</VirtualHost>\n")
        config = apache.Apache(env, self.world.folder / "front", [host])
        return config, config.start(port)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        web = cls.world.web
        cls.own = cls.world.folder / "front.pem"
        cls.own.write_text(web.cert("client.example").read_text() + web.key("client.example").read_text())

    def ask(self, env, server, **more):
        self.config, front = self.front(env, server, **more)
        try:
            return processes.run([programs.CURL, "-sS", "-f", "--max-time", "100", f"http://127.0.0.1:{front.port}/"], env=self.plain())
        finally:
            front.stop()

    def ask_tls12(self, env, server):
        return programs.curl(env, server.port, self.world.web.ca, "--tls-max", "1.2")

    def test_without_a_certificate_of_its_own_it_gives_no_evidence_and_gets_nothing(self):
        """mod_ssl answers the question for a client certificate itself, so the machine's is never asked for."""
        def ask(env, server):
            return self.ask(env, server, certificate=False)
        self.refused(self.meet(self.world.server.env(), self.world.client.env(), ask=ask), "502")

    def test_its_log_names_the_refusal(self):
        self.refused(self.meet(self.world.changed.env(), self.world.client.env()), "error: 50")
        self.assertIn("pcr.unexpected-event", self.config.log())

    def test_its_check_of_the_name_holds_besides_the_evidence(self):
        self.refused(self.meet(self.world.server.env(), self.world.client.env(), start=self.start_misnamed))


if __name__ == "__main__":
    main()
