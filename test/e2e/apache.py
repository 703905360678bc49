#!/usr/bin/env python3
"""Apache, unmodified, as a server: two workers as www-data, graceful reload, its own client checks."""
import concurrent.futures
import signal
import time

from lab import apache, processes, programs
from lab.cases import main
from lab.pairing import Pairing, PairingTests
from lab.users import User


class Apache(PairingTests, Pairing):
    greeting = apache.HELLO
    services = {"apache": "www-data"}

    def start(self, env, more=""):
        web = self.world.web
        return apache.apache(env, self.world.folder / "apache", web.cert("localhost"), web.key("localhost"), more)

    def start_tls12(self, env):
        return self.start(env, "SSLProtocol TLSv1.2")

    def ask(self, env, server, *more):
        return programs.curl(env, server.port, self.world.web.ca, *more)

    def ask_tls12(self, env, server):
        return self.ask(env, server, "--tls-max", "1.2")

    def configured(self, more=""):
        web, port = self.world.web, processes.free_port()
        hosts = [apache.virtual_host(port, web.cert(h), web.key(h), h, more) for h in ("localhost", "other.example")]
        config = apache.Apache(self.world.server.env(), self.world.folder / "apache", hosts)
        server = config.start(port)
        self.addCleanup(server.stop)
        return config, server

    def test_every_virtual_host_attests_and_demands_evidence(self):
        _, server = self.configured()
        for host in ("localhost", "other.example"):
            self.accepted(programs.curl(self.world.client.env(), server.port, self.world.web.ca, host=host), apache.HELLO)
            self.refused(programs.curl(self.plain(), server.port, self.world.web.ca, host=host))

    def test_its_log_names_the_refusal(self):
        config, server = self.configured()
        self.refused(self.ask(self.world.changed.env(), server))
        self.assertEqual(self.reason(self.world.server), "pcr.unexpected-event")
        self.assertIn("pcr.unexpected-event", config.log())

    def test_after_a_graceful_reload_it_attests_and_demands_as_before(self):
        config, server = self.configured()
        self.accepted(self.ask(self.world.client.env(), server), apache.HELLO)
        reloads = config.log().count("resuming normal operations")
        server.send(signal.SIGUSR1)
        processes.wait_until(lambda: config.log().count("resuming normal operations") > reloads, "graceful reload")
        for _ in range(3):
            self.accepted(self.ask(self.world.client.env(), server), apache.HELLO)
            self.refused(self.ask(self.plain(), server))

    def test_many_clients_at_once_are_served_by_workers_that_are_not_root(self):
        _, server = self.configured()
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            done = list(pool.map(lambda _: self.ask(self.world.client.env(), server), range(12)))
        for one in done:
            self.accepted(one, apache.HELLO)
        self.refused(self.ask(self.world.changed.env(), server))
        self.assertIn(f"(uid {User('www-data').uid})", self.world.server.must("explain"))

    def test_its_own_client_check_holds_besides_the_evidence(self):
        """SSLVerifyClient require with a CA of its own: the machine's certificate is none of that CA, however good its evidence."""
        web = self.world.web
        _, server = self.configured(f"SSLVerifyClient require\nSSLCACertificateFile {web.ca}")
        self.refused(self.ask(self.world.client.env(), server))
        own = ("--cert", web.cert("client.example"), "--key", web.key("client.example"))
        self.accepted(self.ask(self.world.client.env(), server, *own), apache.HELLO)
        self.refused(self.ask(self.plain(), server, *own))

    def test_a_graceful_stop_ends_it(self):
        _, server = self.configured()
        self.accepted(self.ask(self.world.client.env(), server), apache.HELLO)
        server.send(signal.SIGWINCH)
        deadline = time.monotonic() + 60
        while server.alive():
            self.assertLess(time.monotonic(), deadline, "not ended")
            time.sleep(0.05)
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    main()
