#!/usr/bin/env python3
"""The module built against OpenSSL 3.0, unchanged under Debian 13's nginx, curl and Python."""
import signal
import time

from lab import processes, programs, trixie
from lab.cases import main
from lab.ends import CurlClient, NginxServer
from lab.pairing import Pairing, PairingTests


class NginxAndCurl35(PairingTests, NginxServer, CurlClient, Pairing):
    greeting = programs.HELLO
    services = {"lab": "nobody"}

    @classmethod
    def setUpClass(cls):
        tree = trixie.trixie()
        super().setUpClass()
        for machine in cls.world.machines:
            trixie.move_in(machine, tree, cls.world.folder)

    def test_they_use_openssl_3_5(self):
        env = self.world.client.env()
        asks = {"nginx": [programs.NGINX, "-V"], "curl": [programs.CURL, "--version"],
                "python": [programs.PYTHON, "-c", "import ssl; print(ssl.OPENSSL_VERSION)"]}
        for name, command in asks.items():
            with self.subTest(program=name):
                self.assertRegex(processes.run(command, env=env).out, r"OpenSSL[ /]3\.[5-9]")

    def test_nginx_attests_after_a_reload(self):
        server = self.start(self.world.server.env())
        self.addCleanup(server.stop)
        conf = server.folder / "nginx.conf"
        conf.write_text(conf.read_text().replace(programs.HELLO, "hello again"))
        server.send(signal.SIGHUP)
        deadline = time.monotonic() + 60
        while "hello again" not in self.ask(self.world.client.env(), server).out:
            self.assertLess(time.monotonic(), deadline, "nginx did not reload")
            time.sleep(0.1)
        self.refused(self.ask(self.plain(), server))

    def test_python_attests_in_both_roles(self):
        web = self.world.web
        server = programs.python_server(self.world.server.env(), self.world.log("python"), web.cert("localhost"), web.key("localhost"))
        self.addCleanup(server.stop)
        self.accepted(programs.python_client(self.world.client.env(), server.port, web.ca), "hello from python")
        self.refused(programs.python_client(self.world.changed.env(), server.port, web.ca))
        self.refused(programs.python_client(processes.environment(), server.port, web.ca))


if __name__ == "__main__":
    main()
