#!/usr/bin/env python3
"""attestctl's attested TLS with a peer in Go (go_peer/), whose TLS stack is that of CMC's programs, in both roles. Two machines that accept
each other, a third that nobody accepts; their daemons make and judge the reports of both programs."""
import hashlib
import os
import pathlib
import re
import time
import unittest

from lab import processes
from lab.cases import Cases, main
from lab.fleet_agent import FleetAgent
from lab.machine import USER
from lab.paths import GO, SOURCE
from lab.world import CLIENT_IMAGE, HOST, SERVER_IMAGE

MODES = ("mutual", "client", "server", "none")
ATTEST, VERIFY, PEER_CACHE = 1, 2, 6  # calls of an agent
QUICK = 5  # seconds; a server of CMC's hangs up after 10
BODY = 5 << 20
TODAY = "tlsmlkem=1,tlssecpmlkem=1,tlsunsafeekm=0"  # TLS as a module of a present Go has it, which a build of mere files has not
TOLD = "Complete of the peer: success=false attestation failed"


def build_peer(folder):
    """Begins to build the peer in a folder: everything that Go writes stays there."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = sorted((SOURCE / "test/e2e/go_peer").glob("*.go"))
    env = processes.environment(GO111MODULE="off", GOFLAGS="", GOTOOLCHAIN="local", CGO_ENABLED="0", GOCACHE=folder / "cache",
                                GOPATH=folder / "path", HOME=folder)
    (folder / "build.log").unlink(missing_ok=True)
    return processes.Server([GO, "build", "-o", folder / "peer", *sources], folder / "build.log", env=env)


def join_fleet(machine, authority, image):
    """Gives a machine the member `cmc`: its socket, whom it trusts, and the signed items that describe it."""
    machine.agent = machine.socket.parent / "cmc.sock"
    roots = {member: [str(authority.ca / name)] for member, name in (("signer_roots", "metadata-root.pem"), ("ak_roots", "ak-root.pem"))}
    machine.configure(callers=[*machine.settings().get("callers", []), {"name": "fleet", "uid": USER, "rights": ["raw", "judge"]}],
                      cmc={"sockets": [{"path": str(machine.agent), "mode": "0600"}], "name": f"{machine.name}.example", **roots,
                           "metadata": [str(item) for item in authority.described(image)]})
    machine.stop_daemon()
    machine.start_daemon()
    machine.daemon.wait_for(lambda: processes.answers(machine.agent), f"socket {machine.agent}")


@unittest.skipUnless(GO, "no Go here: apt-get install golang-go")
class GoPeer(Cases):
    @classmethod
    def setUpClass(cls):
        folder = pathlib.Path(os.environ["ATTEST_BUILD"]).resolve() / "e2e/go"
        building = build_peer(folder)
        cls.addClassCleanup(building.stop)
        super().setUpClass()
        world = cls.world
        for machine, image in ((world.server, SERVER_IMAGE), (world.client, CLIENT_IMAGE), (world.changed, SERVER_IMAGE)):
            join_fleet(machine, world.authority, image)
        if building.child.wait(300) != 0:
            raise RuntimeError(f"go build: {building.output()}")
        cls.peer = folder / "peer"

    # -- our programs ---------------------------------------------------------------------------------------------
    def common(self, agent):
        return ["--ca", self.world.web.ca, "--agent", agent, "--serializer", "json", "--timeout-ms", "60000"]

    def server(self, command, *more, agent=None):
        """Starts `attestctl COMMAND` on the server machine; .at is where it listens."""
        web = self.world.web
        identity = [] if command == "proxy" else ["--cert", web.cert(HOST), "--key", web.key(HOST)]
        return self.listening([self.world.build.attestctl, command, "127.0.0.1:0", *self.common(agent or self.world.server.agent),
                               *identity, *more])

    def listening(self, command, **env):
        server = processes.Server(command, self.world.log(f"{command[1]}-{time.monotonic_ns()}"), env=processes.environment(**env))
        self.addCleanup(server.stop)
        server.wait_for(lambda: re.search(r"listening on \S+\n", server.output()), "its port")
        server.at = re.search(r"listening on (\S+)", server.output())[1]
        return server

    def client(self, command, *more, agent=None, **how):
        """Runs `attestctl COMMAND` on the client machine."""
        return processes.run([self.world.build.attestctl, command, *self.common(agent or self.world.client.agent), *more],
                             env=processes.environment(), **how)

    # -- the peer -------------------------------------------------------------------------------------------------
    def peer_command(self, command, host, agent, *more):
        web = self.world.web
        identity = ["-cert", web.cert(host), "-key", web.key(host)] if host else []
        return [self.peer, command, "-ca", web.ca, "-agent", agent, *identity, *more]

    def go_server(self, command, *more, machine=None):
        """Starts the peer's server on the server machine."""
        machine = machine or self.world.server
        return self.listening(self.peer_command(command, HOST, machine.agent, *more), GODEBUG=TODAY)

    def go_client(self, command, at, *more, machine=None, host="client.example"):
        """Runs the peer's client on the client machine; host="": without a certificate."""
        machine = machine or self.world.client
        return processes.run(self.peer_command(command, host, machine.agent, "-connect", at, *more),
                             env=processes.environment(GODEBUG=TODAY))

    def logged(self, server, text):
        server.wait_for(lambda: text in server.output(), text)

    # -- connections ----------------------------------------------------------------------------------------------
    def test_our_server_and_a_client_in_go_in_every_mode(self):
        for mode in MODES:
            for host in ("", "client.example"):
                server = self.server("listen", "--mode", mode)
                self.accepted(self.go_client("client", server.at, "-mode", mode, host=host), "echoed   300000 bytes")
                self.logged(server, "accepted")

    def test_our_client_and_a_server_in_go_in_every_mode(self):
        text = "0123456789abcdef" * 20000
        for mode in MODES:
            server = self.go_server("server", "-mode", mode)
            self.accepted(self.client("dial", server.at, "--mode", mode), "hello")
            self.accepted(self.client("dial", server.at, "--mode", mode, "--stream", stdin=text), text)
            self.assertEqual(server.output().count("accepted"), 2)

    def test_what_the_peer_holds_does_not_travel_again(self):
        ours, theirs = self.server("listen"), self.go_server("server")
        for _ in range(2):
            asked = self.go_client("client", ours.at)
            self.accepted(asked)
            self.accepted(self.client("dial", theirs.at))
        for lines in (asked.out, theirs.output()):
            self.assertGreater(int(re.findall(r"the peer holds (\d+) items", lines)[-1]), 0)

    def test_a_server_in_go_with_protocols_of_its_own_is_reached(self):
        protocols = ("-protocols", "h2,http/1.1")
        web, plain = self.go_server("web", *protocols), self.go_server("server", *protocols)
        self.accepted(self.client("request", f"https://{web.at}/"), "hello from Go")
        self.accepted(self.client("dial", plain.at), "hello")
        self.logged(web, 'protocol "http/1.1"')

    # -- HTTP -----------------------------------------------------------------------------------------------------
    def test_the_http_client_of_go_keeps_its_connection_to_our_server(self):
        server = self.server("serve")
        self.accepted(self.go_client("web", server.at), "five requests, one connection")
        self.logged(server, "accepted")
        self.assertEqual(server.output().count("accepted"), 1)

    def test_our_http_client_and_the_http_server_of_go(self):
        server, body = self.go_server("web"), self.world.folder / "body"
        url = f"https://{server.at}"
        done = self.client("request", f"{url}/", f"{url}/pieces", f"{url}/")
        self.accepted(done, "p" * 500000)
        self.assertEqual(done.out.count("hello from Go"), 2)
        self.assertEqual(server.output().count("accepted"), 1)
        body.write_bytes(os.urandom(BODY))
        for method in ("POST", "PUT"):
            done = self.client("request", "-X", method, "-d", f"@{body}", f"{url}/")
            self.accepted(done, hashlib.sha256(body.read_bytes()).hexdigest())

    def test_programs_in_go_reach_servers_in_go_through_our_proxy(self):
        server, proxy = self.go_server("web"), self.server("proxy", agent=self.world.client.agent)
        for form in ([], ["-tunnel"]):  # absolute form, CONNECT
            done = self.go_client("web", server.at, "-proxy", proxy.at, *form, host="")
            self.accepted(done, "five requests, one connection")
        self.assertEqual(server.output().count("accepted"), 2)

    # -- refusals -------------------------------------------------------------------------------------------------
    def refused_quickly(self, start, done, *texts):
        self.assertLess(time.monotonic() - start, QUICK, done)
        for text in texts:
            self.assertIn(text, done.out)

    def test_modes_that_differ_are_refused_by_both_at_once(self):
        for mode, other in (("mutual", "server"), ("client", "mutual"), ("server", "none"), ("none", "client")):
            ours, theirs = self.server("listen", "--mode", mode), self.go_server("server", "-mode", mode)
            start = time.monotonic()
            done = self.go_client("client", ours.at, "-mode", other, "-expect", "refused")
            self.accepted(done, TOLD)
            self.refused_quickly(start, done, "here: the peer's mode is")
            self.logged(ours, f"the peer wants mode {other}, ours is {mode}")
            start = time.monotonic()
            done = self.client("dial", theirs.at, "--mode", other)
            self.assertEqual(done.code, 1, done)
            self.refused_quickly(start, done, f"the peer wants mode {mode}, ours is {other}")
            self.logged(theirs, TOLD)

    def test_a_go_peer_on_a_changed_machine_is_refused_and_told(self):
        server = self.server("listen")
        self.accepted(self.go_client("client", server.at, "-expect", "refused", machine=self.world.changed), f"here: <nil>; {TOLD}")
        self.logged(server, "refused")
        server = self.go_server("server", machine=self.world.changed)
        done = self.client("dial", server.at)
        self.assertEqual(done.code, 1, done)
        self.assertNotIn("hello", done.out)
        self.logged(server, TOLD)

    def test_our_changed_machine_is_refused_by_a_go_peer(self):
        server = self.server("listen", agent=self.world.changed.agent)
        self.accepted(self.go_client("client", server.at, "-expect", "refused"), 'here: the verdict is "fail"')
        self.logged(server, "refused")
        server = self.go_server("server")
        done = self.client("dial", server.at, agent=self.world.changed.agent)
        self.assertEqual(done.code, 1, done)
        self.assertNotIn("hello", done.out)
        self.logged(server, 'here: the verdict is "fail"')

    # -- an agent that fails --------------------------------------------------------------------------------------
    def broken_agent(self, *calls):
        agent = FleetAgent(str(self.world.folder), fails=calls)
        self.addCleanup(agent.stop)
        return agent.path

    def heard_to_the_end(self, line):
        """The peer read our Complete although it was sending a long Response of its own."""
        self.assertIn(TOLD, line)
        self.assertGreater(int(re.search(r"response of (\d+) bytes", line)[1]), 200000, "long enough to fill every buffer")

    def test_a_client_in_go_hears_that_the_agent_of_our_server_failed(self):
        for agent in (self.broken_agent(ATTEST), self.world.folder / "no-agent.sock"):
            server = self.server("listen", agent=agent)
            done = self.go_client("client", server.at, "-expect", "refused", host="")
            self.accepted(done)
            self.heard_to_the_end(done.out)

    def test_a_server_in_go_hears_that_the_agent_of_our_client_failed(self):
        server = self.go_server("server")
        self.refused(self.client("dial", server.at, agent=self.broken_agent(VERIFY)), "out of order")
        self.logged(server, "refused")
        self.heard_to_the_end(server.output())

    def test_a_client_whose_agent_fails_at_once_asks_all_the_same(self):
        server, start = self.go_server("server"), time.monotonic()
        done = self.client("dial", server.at, agent=self.broken_agent(PEER_CACHE))
        self.refused(done, "out of order")
        self.refused_quickly(start, done)
        self.logged(server, "refused")
        self.heard_to_the_end(server.output())


if __name__ == "__main__":
    main()
