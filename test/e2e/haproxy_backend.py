#!/usr/bin/env python3
"""HAProxy, unmodified, as a TLS client of its backends, in a chroot as well."""
from lab import haproxy, processes, programs
from lab.cases import main
from lab.chroots import Chroots
from lab.ends import NginxServer
from lab.pairing import Pairing, PairingTests


class HaproxyAsClient(PairingTests, NginxServer, Pairing):
    greeting = programs.HELLO
    names_reason = False  # its client sees "503"
    services = {"haproxy": "haproxy"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.chroots = Chroots(cls.world)

    def ask(self, env, server):
        port = processes.free_port()
        env, chroot = self.chroots.inside(env)
        front = haproxy.Haproxy(env, self.world.folder / "haproxy", haproxy.forward(port, server.port, self.world.web.ca), chroot)
        front = front.start(port)
        try:
            return processes.run([programs.CURL, "-sS", "-f", "--max-time", "100", f"http://127.0.0.1:{port}/"], env=self.plain())
        finally:
            front.stop()

    def ask_tls12(self, env, server):
        return programs.curl(env, server.port, self.world.web.ca, "--tls-max", "1.2")

    def test_its_check_of_the_name_holds_besides_the_evidence(self):
        self.refused(self.meet(self.world.server.env(), self.world.client.env(), start=self.start_misnamed), "503")


if __name__ == "__main__":
    main()
