#!/usr/bin/env python3
"""HAProxy, unmodified, as a TLS server in a chroot: the daemon's socket lies inside it."""
import os
import pathlib
import signal
import time

from lab import haproxy, processes, programs
from lab.cases import main
from lab.chroots import Chroots
from lab.pairing import Pairing, PairingTests


class HaproxyAsServer(PairingTests, Pairing):
    greeting = haproxy.HELLO
    services = {"haproxy": "haproxy"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.chroots = Chroots(cls.world)

    def configured(self, env, more="", more_global="", hello=haproxy.HELLO):
        web, port, folder = self.world.web, processes.free_port(), self.world.folder / "haproxy"
        pem = haproxy.bundle(folder, web.cert("localhost"), web.key("localhost"))
        env, chroot = self.chroots.inside(env)
        config = haproxy.Haproxy(env, folder, haproxy.frontend(port, pem, hello, more), chroot, more_global)
        return config, config.start(port)

    def start(self, env, **more):
        return self.configured(env, **more)[1]

    def start_tls12(self, env):
        return self.start(env, more="ssl-max-ver TLSv1.2")

    def ask(self, env, server, *more):
        return programs.curl(env, server.port, self.world.web.ca, *more)

    def ask_tls12(self, env, server):
        return self.ask(env, server, "--tls-max", "1.2")

    @staticmethod
    def workers(server):
        """Processes of the master: pid and root folder."""
        children = pathlib.Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        return {int(pid): os.readlink(f"/proc/{pid}/root") for pid in children}

    def test_its_worker_attests_from_inside_the_chroot(self):
        if os.geteuid() != 0:
            self.skipTest("only root can put a program into a chroot")
        config, server = self.configured(self.world.server.env())
        self.addCleanup(server.stop)
        self.assertEqual(set(self.workers(server).values()), {str(self.chroots.folder(self.world.server))})
        self.accepted(self.ask(self.world.client.env(), server), haproxy.HELLO)

    def test_after_a_reload_a_new_worker_attests_and_demands_as_before(self):
        config, server = self.configured(self.world.server.env())
        self.addCleanup(server.stop)
        self.accepted(self.ask(self.world.client.env(), server), haproxy.HELLO)
        config.sections = config.sections.replace(haproxy.HELLO, "hello again")
        config.write()
        server.send(signal.SIGUSR2)
        deadline = time.monotonic() + 60
        while "hello again" not in self.ask(self.world.client.env(), server).out:
            self.assertLess(time.monotonic(), deadline, "haproxy did not reload")
            time.sleep(0.2)
        self.refused(self.ask(self.plain(), server))
        self.refused(self.ask(self.world.changed.env(), server))

    def test_where_its_configuration_loads_the_default_provider_naming_ours_keeps_it_closed(self):
        both = "  ssl-provider attest\n  ssl-provider default\n"
        def start(env):
            return self.start(env, more_global=both)
        self.accepted(self.meet(self.world.server.env(), self.world.client.env(), start=start), haproxy.HELLO)
        missing = self.world.server.env_with("no-module", module="/nonexistent/attest.so")
        self.refused(self.meet(missing, self.plain(), start=start), "unknown provider")

    def test_a_client_certificate_it_asks_for_is_checked_besides_the_evidence(self):
        web = self.world.web
        def start(env):
            return self.start(env, more=f"verify required ca-file {web.ca}")
        own = ("--cert", web.cert("client.example"), "--key", web.key("client.example"))
        self.refused(self.meet(self.world.server.env(), self.world.client.env(), start=start))
        self.accepted(self.meet(self.world.server.env(), self.world.client.env(), start=start,
                                ask=lambda env, server: self.ask(env, server, *own)), haproxy.HELLO)


if __name__ == "__main__":
    main()
