#!/usr/bin/env python3
"""nginx, unmodified: several names, reload, and as a client of an upstream."""
import signal
import time

from lab import processes, programs
from lab.cases import Cases, main


class NginxAsServer(Cases):
    def setUp(self):
        web, self.port = self.world.web, processes.free_port()
        hosts = [programs.nginx_server(self.port, web.cert(h), web.key(h), h, f"hello from {h}", "ssl_protocols TLSv1.3;")
                 for h in ("localhost", "other.example")]
        self.config = programs.Nginx(self.world.server.env(), self.world.folder / "nginx", hosts)
        self.nginx = self.config.start(self.port)
        self.addCleanup(self.nginx.stop)

    def curl(self, host="localhost", machine=None):
        return programs.curl((machine or self.world.client).env(), self.port, self.world.web.ca, host=host)

    def test_every_name_of_a_server_is_attested(self):
        for host in ("localhost", "other.example"):
            self.accepted(self.curl(host), f"hello from {host}")

    def test_every_name_of_a_server_demands_evidence_of_its_clients(self):
        for host in ("localhost", "other.example"):
            self.refused(programs.curl(processes.environment(), self.port, self.world.web.ca, host=host))
            self.refused(self.curl(host, machine=self.world.changed))

    def test_the_server_s_log_names_the_refusal(self):
        self.refused(self.curl(machine=self.world.changed))
        self.assertEqual(self.reason(self.world.server), "pcr.unexpected-event")
        self.assertIn("pcr.unexpected-event", programs.nginx_log(self.nginx))

    def test_after_a_reload_it_attests_and_demands_as_before(self):
        self.accepted(self.curl(), "hello from localhost")
        self.config.servers[0] = self.config.servers[0].replace("hello from localhost", "hello again")
        self.config.write()
        self.nginx.send(signal.SIGHUP)
        deadline = time.monotonic() + 60
        while "hello again" not in self.curl().out:
            self.assertLess(time.monotonic(), deadline, "nginx did not reload")
            time.sleep(0.1)
        self.refused(programs.curl(processes.environment(), self.port, self.world.web.ca))

    def test_a_session_that_was_kept_is_not_resumed(self):
        session = self.world.folder / "session.pem"
        self.accepted(programs.s_client(self.world.client.env(), self.port, self.world.web.ca, "-sess_out", session))
        if session.exists():  # no ticket, no file: there is nothing to resume
            done = programs.s_client(self.world.client.env(), self.port, self.world.web.ca, "-sess_in", session)
            self.assertNotIn("Reused, TLSv1.3", done.out)

    def test_while_the_daemon_is_stopped_it_serves_nobody(self):
        self.world.server.stop_daemon()
        try:
            self.refused(self.curl())
        finally:
            self.world.server.start_daemon()
        self.accepted(self.curl(), "hello from localhost")


class NginxAsUpstreamClient(Cases):
    """A front nginx on the client's machine, plain HTTP before it, TLS to an nginx on the server's machine behind it."""

    def front(self, env, upstream_port):
        port = processes.free_port()
        server = (f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass https://127.0.0.1:{upstream_port}; "
                  f"proxy_connect_timeout 60s; }} }}\n")
        front = programs.Nginx(env, self.world.folder / "front", [server]).start(port)
        self.addCleanup(front.stop)
        return front

    def upstream(self, env, protocols="TLSv1.2 TLSv1.3"):
        web = self.world.web
        upstream = programs.nginx(env, self.world.folder / "upstream", web.cert("localhost"), web.key("localhost"),
                                  more=f"ssl_protocols {protocols};")
        self.addCleanup(upstream.stop)
        return upstream

    def ask(self, front):
        return processes.run([programs.CURL, "-sS", "-f", "--max-time", "90", f"http://127.0.0.1:{front.port}/"],
                             env=processes.environment())

    def meet(self, upstream_env, front_env, **how):
        front = self.front(front_env, self.upstream(upstream_env, **how).port)
        return self.ask(front), front

    def test_it_attests_to_its_upstream_and_demands_the_same(self):
        done, _ = self.meet(self.world.server.env(), self.world.client.env())
        self.accepted(done, programs.HELLO)

    def test_it_refuses_an_upstream_that_changed(self):
        done, front = self.meet(self.world.changed.env(), self.world.client.env())
        self.refused(done, "502")
        self.assertEqual(self.reason(self.world.client), "pcr.unexpected-event")
        self.assertIn("pcr.unexpected-event", programs.nginx_log(front))

    def test_it_refuses_a_plain_upstream(self):
        done, _ = self.meet(processes.environment(), self.world.client.env())
        self.refused(done, "502")
        self.assertEqual(self.reason(self.world.client), "peer.silent")

    def test_it_refuses_an_upstream_with_tls_1_2(self):
        done, _ = self.meet(processes.environment(), self.world.client.env(), protocols="TLSv1.2")
        self.refused(done, "502")

    def test_without_the_daemon_it_forwards_nothing(self):
        env = self.world.client.env_with("no-socket", attest_socket="/nonexistent/attest.sock")
        done, front = self.meet(self.world.server.env(), env)
        self.refused(done, "502")
        self.assertIn("/nonexistent/attest.sock", programs.nginx_log(front))

    def test_without_the_module_it_does_not_start_or_forwards_nothing(self):
        env = self.world.client.env_with("no-module", module="/nonexistent/attest.so")
        try:
            done, _ = self.meet(self.world.server.env(), env)
        except RuntimeError as error:
            done = processes.Done(1, str(error))
        self.refused(done)


if __name__ == "__main__":
    main()
