"""What must hold for every pair of programs, whichever they are."""
from . import processes
from .cases import Cases


class Pairing(Cases):
    """A file that tests a pair derives from this and says how the pair meets. The tests below then run for it.

    start(env) starts the server program in an environment and returns it (with .stop()); ask(env, server) runs the client program
    against it and returns Done. `greeting` is what an accepted client prints; `names_reason`: the client program shows OpenSSL's
    error queue, so the reason of a refusal must stand in its output."""

    greeting = ""
    names_reason = True
    start_tls12 = None  # as start, for a server that speaks nothing above TLS 1.2
    ask_tls12 = None

    def meet(self, server_env, client_env, start=None, ask=None):
        """One handshake. A program that ends before it serves is a refusal; one that hangs is an error."""
        server = None
        try:
            server = (start or self.start)(server_env)
            return (ask or self.ask)(client_env, server)
        except processes.Ended as error:
            return processes.Done(1, str(error))
        finally:
            if server:
                server.stop()

    def plain(self):
        return processes.environment()

    def client_refuses(self, done, name):
        self.refused(done, *([name] if self.names_reason else []))
        self.assertEqual(self.reason(self.world.client), name)

    def server_refuses(self, done, name):
        self.refused(done)
        self.assertEqual(self.reason(self.world.server), name)


class PairingTests:
    """The tests themselves; mixed into a class derived from Pairing."""

    def test_two_machines_with_good_evidence_accept_each_other(self):
        self.accepted(self.meet(self.world.server.env(), self.world.client.env()), self.greeting)

    def test_the_client_refuses_a_server_whose_machine_changed(self):
        done = self.meet(self.world.changed.env(), self.world.client.env())
        self.client_refuses(done, "pcr.unexpected-event")

    def test_the_server_refuses_a_client_whose_machine_changed(self):
        self.server_refuses(self.meet(self.world.server.env(), self.world.changed.env()), "pcr.unexpected-event")

    def test_the_client_refuses_a_plain_server(self):
        self.client_refuses(self.meet(self.plain(), self.world.client.env()), "peer.silent")

    def test_the_server_refuses_a_plain_client(self):
        self.server_refuses(self.meet(self.world.server.env(), self.plain()), "peer.silent")

    def test_the_client_refuses_a_server_without_evidence(self):
        done = self.meet(self.world.server.env_with("mute", attest_evidence="no"), self.world.client.env())
        self.client_refuses(done, "peer.silent")

    def test_the_client_refuses_tls_1_2(self):
        self.refused(self.meet(self.plain(), self.world.client.env(), start=self.start_tls12))

    def test_the_server_refuses_tls_1_2(self):
        self.refused(self.meet(self.world.server.env(), self.plain(), ask=self.ask_tls12))

    def test_without_its_module_the_client_does_not_connect(self):
        env = self.world.client.env_with("no-module", module="/nonexistent/attest.so")
        self.refused(self.meet(self.world.server.env(), env))
        self.refused(self.meet(self.plain(), env))

    def test_without_its_module_the_server_does_not_serve(self):
        env = self.world.server.env_with("no-module", module="/nonexistent/attest.so")
        self.refused(self.meet(env, self.world.client.env()))
        self.refused(self.meet(env, self.plain()))

    def test_without_the_daemon_s_socket_the_client_does_not_connect(self):
        env = self.world.client.env_with("no-socket", attest_socket="/nonexistent/attest.sock")
        self.refused(self.meet(self.world.server.env(), env), *(["/nonexistent/attest.sock"] if self.names_reason else []))
        self.refused(self.meet(self.plain(), env))

    def test_without_the_daemon_s_socket_the_server_does_not_serve(self):
        env = self.world.server.env_with("no-socket", attest_socket="/nonexistent/attest.sock")
        self.refused(self.meet(env, self.world.client.env()))
        self.refused(self.meet(env, self.plain()))

    def test_with_the_daemons_stopped_nothing_connects_until_they_are_back(self):
        for machine, other in ((self.world.server, self.world.client), (self.world.client, self.world.server)):
            machine.stop_daemon()
            try:
                self.refused(self.meet(self.world.server.env(), self.world.client.env()))
            finally:
                machine.start_daemon()
        self.accepted(self.meet(self.world.server.env(), self.world.client.env()), self.greeting)
