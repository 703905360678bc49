#!/usr/bin/env python3
"""attestctl dial, listen, request, serve and proxy, and the examples of libattest, with stand-ins for the two agents."""
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from lab import processes
from lab.authority import WebCertificates
from lab.cases import main
from lab.fleet_agent import FleetAgent
from lab.paths import CURL, SOURCE, Build

HOST = "127.0.0.1"


class Atls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.build = Build(os.environ["ATTEST_BUILD"])
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="atls-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        cls.web = WebCertificates(cls.folder / "web").make("localhost", "client")
        cls.examples = cls.build.folder / "provider/libattest"

    def setUp(self):
        self.ours, self.theirs = self.agent(), self.agent()

    def agent(self, **how):
        agent = FleetAgent(str(self.folder), **how)
        self.addCleanup(agent.stop)
        return agent

    def server(self, command, *more, agent=None):
        """Starts `attestctl COMMAND` on a free port; .at is where it listens."""
        log = self.folder / f"{command}-{time.monotonic_ns()}.log"
        identity = [] if command == "proxy" else ["--cert", self.web.cert("localhost"), "--key", self.web.key("localhost")]
        server = processes.Server([self.build.attestctl, command, f"{HOST}:0", "--ca", self.web.ca, *identity, "--agent",
                                   (agent or self.theirs).path, "--timeout-ms", "60000", *more], log, env=processes.environment())
        self.addCleanup(server.stop)
        server.wait_for(lambda: "listening on" in server.output(), "its port")
        server.at = re.search(r"listening on (\S+)", server.output())[1]
        return server

    def run_client(self, command, *more, agent=None, **how):
        return processes.run([self.build.attestctl, command, "--ca", self.web.ca, "--agent", (agent or self.ours).path,
                              "--timeout-ms", "60000", *more], env=processes.environment(), **how)

    def dial(self, server, *more, **how):
        return self.run_client("dial", server.at, *more, **how)

    def identity(self):
        return ["--cert", self.web.cert("client"), "--key", self.web.key("client")]

    # -- dial and listen ------------------------------------------------------------------------------------------
    def test_every_mode_in_both_serialisations(self):
        for mode, proofs in (("mutual", 2), ("client", 1), ("server", 1), ("none", 0)):
            server = self.server("listen", "--mode", mode, "--serializer", "json")
            self.ours.calls.clear()
            self.theirs.calls.clear()
            done = self.dial(server, "--mode", mode, "--serializer", "cbor", *self.identity())
            self.assertEqual(done.code, 0, done)
            self.assertIn("hello", done.out)
            made = [kind for kind, _ in self.ours.calls + self.theirs.calls if kind == 1]
            self.assertEqual(len(made), proofs, mode)

    def test_a_refused_machine_gets_neither_data_nor_reasons(self):
        server = self.server("listen")
        done = self.dial(server, agent=self.agent(machine="changed"))
        self.assertEqual(done.code, 1, done)
        self.assertNotIn("hello", done.out)
        self.assertIn("attestation failed", done.out)
        done = self.dial(server, agent=self.agent(accepts=()))
        self.assertEqual(done.code, 1, done)
        self.assertEqual(self.dial(server).code, 0, "the server goes on")

    def test_modes_that_differ_are_refused_with_both_named(self):
        done = self.dial(self.server("listen", "--mode", "server"), "--mode", "none")
        self.assertEqual(done.code, 1, done)
        self.assertRegex(done.out, "mode server, ours is none")

    def test_a_stalled_client_holds_nobody_up(self):
        server = self.server("listen")
        host, port = server.at.rsplit(":", 1)
        with socket.create_connection((host, int(port))), socket.create_connection((host, int(port))):
            self.assertEqual(self.dial(server).code, 0)

    def test_the_result_is_one_json_document(self):
        done = self.dial(self.server("listen"), "--json")
        first = json.loads(done.out.splitlines()[0])
        self.assertTrue(first["accepted"])
        self.assertEqual(first["result"]["summary"]["status"], "success")

    def test_streams_go_both_ways_until_the_client_ends(self):
        text = "0123456789abcdef" * 40000
        done = self.dial(self.server("listen"), "--stream", stdin=text)
        self.assertEqual(done.code, 0, done)
        self.assertEqual(done.out.count("0123456789abcdef"), 40000)

    def streaming(self, server):
        """A dial whose stdin stays open, once the first line came back."""
        command = [self.build.attestctl, "dial", server.at, "--ca", self.web.ca, "--agent", self.ours.path,
                   "--timeout-ms", "60000", "--stream"]
        client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=processes.environment())
        self.addCleanup(client.wait)
        self.addCleanup(client.kill)
        client.stdin.write(b"one\n")
        client.stdin.flush()
        self.assertEqual(client.stdout.readline(), b"one\n")
        return client

    def test_half_a_stream_is_no_whole_one(self):
        server = self.server("listen")
        client = self.streaming(server)
        os.kill(server.pid, signal.SIGKILL)
        _, errors = client.communicate(timeout=30)
        self.assertEqual(client.returncode, 3, errors)
        self.assertIn(b"broke off", errors)

    def test_a_server_that_falls_silent_holds_no_client(self):
        server = self.server("listen")
        client = self.streaming(server)
        os.kill(server.pid, signal.SIGSTOP)
        self.addCleanup(os.kill, server.pid, signal.SIGCONT)
        tasks = pathlib.Path(f"/proc/{server.pid}/task")
        processes.wait_until(lambda: all("State:\tT" in (task / "status").read_text() for task in tasks.iterdir()), "all its threads stop")
        _, errors = client.communicate(timeout=100)  # a minute after the end of stdin
        self.assertEqual(client.returncode, 3, errors)
        self.assertIn(b"said nothing", errors)

    def test_a_server_learns_that_the_agent_of_its_client_failed(self):
        server = self.server("listen")
        absent = FleetAgent(str(self.folder))
        absent.stop()
        os.unlink(absent.path)
        self.assertEqual(self.dial(server, agent=absent).code, 3)
        server.wait_for(lambda: "refused" in server.output(), "what became of the client")
        self.assertIn("the peer cannot prove itself: attestation failed", server.output())

    def test_wrong_usage_is_told_apart(self):
        for more in (["--mode", "all"], ["--reattest=-5"], ["--serializer", "xml"], ["--cert", self.web.cert("client")]):
            self.assertEqual(self.run_client("dial", f"{HOST}:1", *more).code, 2, more)
        for more in ([], ["--ca", self.web.ca, "--timeout-ms", "0"]):  # without --ca; no time at all
            self.assertEqual(processes.run([self.build.attestctl, "dial", f"{HOST}:1", *more], env=processes.environment()).code, 2, more)
        done = self.run_client("listen", f"{HOST}:99999", "--cert", self.web.cert("localhost"), "--key", self.web.key("localhost"))
        self.assertIn("up to 65535", done.out)

    def test_a_request_is_one_message(self):
        server = self.server("serve")
        for more in (["-d", "abc", "-H", "Content-Length: 1"], ["-H", "Content-Length: 5"], ["-H", "Transfer-Encoding: chunked"]):
            done = self.run_client("request", f"https://{server.at}/", *more, timeout=30)
            self.assertEqual(done.code, 3, done)
            self.assertIn("http" if "-d" in more else "--header", done.out)
        self.assertNotIn("accepted", server.output(), "nothing was sent")

    def test_a_secret_in_a_broken_head_is_not_logged(self):
        proxy = self.server("proxy", agent=self.ours)
        host, port = proxy.at.rsplit(":", 1)
        for field in (b"Proxy-Authorization : Basic c2VjcmV0", b"X: y\r\n Basic c2VjcmV0"):
            with socket.create_connection((host, int(port))) as client:
                client.sendall(b"GET http://h/ HTTP/1.1\r\n" + field + b"\r\n\r\n")
                self.assertIn(b"400", client.recv(1000))
        proxy.wait_for(lambda: proxy.output().count("dropped") == 2, "both lines")
        self.assertNotIn("c2VjcmV0", proxy.output())

    def test_a_server_under_another_name_is_refused(self):
        done = self.dial(self.server("listen"), "--name", "other.example")
        self.assertNotEqual(done.code, 0, done)
        self.assertEqual([kind for kind, _ in self.ours.calls if kind == 1], [])

    def test_without_a_certificate_nothing_is_kept_of_a_client(self):
        server = self.server("listen")
        self.assertEqual(self.dial(server).code, 0)
        self.assertEqual([c for k, c in self.theirs.calls if k == 6], [])
        self.assertEqual([c.get("peer", "") for k, c in self.theirs.calls if k == 2], [""])
        self.assertEqual(self.dial(server, *self.identity()).code, 0)
        self.assertEqual(len([c for k, c in self.theirs.calls if k == 6]), 1)

    def test_a_machine_that_changes_is_dropped(self):
        server = self.server("listen", "--reattest", "1")
        client = processes.Server([self.build.attestctl, "dial", server.at, "--ca", self.web.ca, "--agent", self.ours.path,
                                   "--reattest", "1", "--hold", "120", "--timeout-ms", "60000"], self.folder / "hold.log",
                                  env=processes.environment())
        self.addCleanup(client.stop)
        again = lambda: len([1 for kind, _ in self.theirs.calls if kind == 2]) >= 3
        client.wait_for(again, "two further proofs")
        self.ours.machine = "changed"
        server.wait_for(lambda: "dropped" in server.output(), "the changed client is dropped")
        self.assertIn("the peer has changed", server.output())

    def test_streams_go_on_while_the_peer_proves_itself(self):
        text = "0123456789abcdef" * 400000
        done = self.dial(self.server("listen", "--reattest", "1"), "--stream", "--reattest", "1", stdin=text)
        self.assertEqual(done.code, 0, done)
        self.assertEqual(done.out.count("0123456789abcdef"), 400000)

    def proofs(self, agent, count):
        """Waits until the agent judged so many reports."""
        processes.wait_until(lambda: len([1 for kind, _ in agent.calls if kind == 2]) >= count, "further proofs")

    def test_a_client_that_changes_during_its_request_is_dropped(self):
        server = self.server("serve", "--reattest", "1")
        client = subprocess.Popen([self.build.attestctl, "request", "-d", "@-", f"https://{server.at}/post", "--ca", self.web.ca, "--agent",
                                   self.ours.path, "--reattest", "1", "--timeout-ms", "60000"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=processes.environment())
        self.addCleanup(client.kill)
        self.proofs(self.theirs, 3)
        self.ours.machine = "changed"
        server.wait_for(lambda: "dropped" in server.output(), "the changed client is dropped")
        self.assertIn("the peer has changed", server.output())
        out, _ = client.communicate(timeout=60)
        self.assertNotIn("bytes", out)
        self.assertNotEqual(client.returncode, 0)

    def test_a_server_that_changes_is_dropped_by_the_proxy(self):
        for tunnel in (False, True):
            theirs = self.agent()
            server = self.server("serve", "--reattest", "1", agent=theirs)
            ours = self.agent()
            proxy = self.server("proxy", "--reattest", "1", agent=ours)
            host, port = proxy.at.rsplit(":", 1)
            with socket.create_connection((host, int(port)), timeout=60) as program, program.makefile("rb") as answers:
                if tunnel:
                    program.sendall(f"CONNECT {server.at} HTTP/1.1\r\nHost: {server.at}\r\n\r\n".encode())
                    self.assertIn(b" 200 ", answers.readline())
                    self.assertEqual(answers.readline(), b"\r\n")
                program.sendall(f"GET {'' if tunnel else 'http://' + server.at}/ HTTP/1.1\r\nHost: {server.at}\r\n\r\n".encode())
                self.assertIn(b" 200 ", answers.readline())
                self.proofs(ours, 3)  # nobody asks for anything meanwhile
                theirs.machine = "changed"
                proxy.wait_for(lambda: "dropped" in proxy.output(), "the changed server is dropped")
                self.assertIn("the peer has changed", proxy.output())
                said, reset = self.rest(answers)
                self.assertTrue(said.endswith(b"hello over attested TLS\n"), "the program's connection ends too")
                self.assertEqual(reset, tunnel, "half a stream does not end as a whole one does")

    @staticmethod
    def rest(stream):
        """What comes until the end, and whether that was a reset."""
        said = b""
        try:
            while piece := stream.read1(4096):
                said += piece
        except ConnectionResetError:
            return said, True
        return said, False

    # -- HTTP -----------------------------------------------------------------------------------------------------
    def test_requests_share_a_connection(self):
        server = self.server("serve")
        done = self.run_client("request", f"https://{server.at}/", f"https://{server.at}/data", f"https://{server.at}/")
        self.assertEqual(done.code, 0, done)
        self.assertEqual(done.out.count("hello over attested TLS"), 2)
        self.assertEqual(server.output().count("accepted"), 1)

    def test_bodies_of_any_length_are_streamed(self):
        server, big = self.server("serve"), self.folder / "big"
        big.write_bytes(os.urandom(1 << 20) * 24)
        for method in ("POST", "PUT"):
            done = self.run_client("request", "-X", method, "-d", f"@{big}", f"https://{server.at}/post")
            self.assertEqual(done.code, 0, done)
            self.assertIn(hashlib.sha256(big.read_bytes()).hexdigest(), done.out)

    def test_a_refused_server_gets_no_request(self):
        server = self.server("serve", agent=self.agent(machine="changed"))
        done = self.run_client("request", "-d", "secret", f"https://{server.at}/post")
        self.assertEqual(done.code, 1, done)
        self.assertNotIn("bytes", done.out)

    # -- the proxy ------------------------------------------------------------------------------------------------
    def curl(self, proxy, *more):
        return processes.run([CURL, "-sS", "--max-time", "60", "-x", f"http://{proxy.at}", *more], env=processes.environment())

    def test_programs_reach_attested_servers_through_the_proxy(self):
        server, proxy = self.server("serve"), self.server("proxy", agent=self.ours)
        for form in ([], ["-p"]):  # absolute form, CONNECT
            done = self.curl(proxy, *form, f"http://{server.at}/", f"http://{server.at}/data")
            self.assertEqual(done.code, 0, done)
            self.assertIn("hello over attested TLS", done.out)
        done = self.curl(proxy, "--data-binary", "x" * 100000, f"http://{server.at}/post")
        self.assertIn('"bytes": 100000', done.out)
        self.assertEqual(server.output().count("accepted"), 3)

    def test_the_proxy_refuses_what_its_agent_refuses(self):
        server, proxy = self.server("serve", agent=self.agent(machine="changed")), self.server("proxy", agent=self.ours)
        status = ["-o", "/dev/null", "-w", "%{http_code} %{http_connect}"]
        self.assertIn("502", self.curl(proxy, *status, f"http://{server.at}/").out)
        self.assertIn("500", self.curl(proxy, *status, "-p", f"http://{server.at}/").out)

    def test_answers_before_the_end_of_a_body_arrive(self):
        server, proxy, big = self.server("serve"), self.server("proxy", agent=self.ours), self.folder / "unwanted"
        big.write_bytes(bytes(1 << 20) * 24)
        done = self.run_client("request", "-d", f"@{big}", f"https://{server.at}/nothing")
        self.assertIn("status 404", done.out, done)
        status = ["-o", "/dev/null", "-w", "%{http_code}\n", "--data-binary", f"@{big}"]
        self.assertIn("404", self.curl(proxy, *status, "-H", "Expect:", f"http://{server.at}/nothing").out)
        # A program that sends its body only when it is told to.
        held = ["-H", "Expect: 100-continue", "--expect100-timeout", "600"]
        self.assertIn("200", self.curl(proxy, *status, *held, f"http://{server.at}/post").out)
        self.assertIn("405", self.curl(proxy, *status, *held, f"http://{server.at}/").out)

    def test_a_proxy_asked_for_itself_says_no(self):
        proxy = self.server("proxy", agent=self.ours)
        self.assertIn("502", self.curl(proxy, "-o", "/dev/null", "-w", "%{http_code}", f"http://{proxy.at}/").out)

    def test_the_proxy_notices_a_loop(self):
        server, proxy = self.server("serve"), self.server("proxy", agent=self.ours)
        seen = self.curl(proxy, "-D", "-", f"http://{server.at}/").out
        via = re.search(r"(?im)^via: (.*?)\r?$", seen)[1]
        done = self.curl(proxy, "-o", "/dev/null", "-w", "%{http_code}", "-H", f"Via: 1.0 other, {via}", f"http://{server.at}/")
        self.assertEqual(done.out.strip(), "508")

    # -- libattest ------------------------------------------------------------------------------------------------
    def test_the_examples_of_libattest_meet_attestctl(self):
        for often in ([], ["3600"]):  # without and with links
            at = self.server("listen", *(["--reattest", *often] if often else [])).at
            settings = [f"agent={self.ours.path}", *(f"reattest-s={seconds}" for seconds in often)]
            done = processes.run([self.examples / "atls-client", at, self.web.ca, *settings], env=processes.environment())
            self.assertEqual((done.code, done.out), (0, "hello\n"))
        log = self.folder / "example.log"
        server = processes.Server([self.examples / "atls-server", f"{HOST}:0", self.web.cert("localhost"), self.web.key("localhost"),
                                   "2", f"agent={self.theirs.path}", "serializer=json"], log, env=processes.environment())
        self.addCleanup(server.stop)
        server.wait_for(lambda: "listening on" in server.output(), "its port")
        server.at = re.search(r"listening on (\S+)", server.output())[1]
        self.assertEqual(self.dial(server, agent=self.agent(machine="changed")).code, 1)
        self.assertEqual(self.dial(server).code, 0)

    def test_the_examples_build_with_what_pkg_config_says(self):
        flags = subprocess.run(["pkg-config", "--libs", "libattest"], capture_output=True, text=True, check=True,
                               env=processes.environment(PKG_CONFIG_PATH=self.examples)).stdout.split()
        source = SOURCE / "provider/libattest"
        for language in ("c", "c++"):
            for name in ("client", "server"):
                program = self.folder / f"{name}-{language}"
                done = processes.run(["cc", "-Wall", "-Wextra", "-Werror", "-x", language, source / f"examples/{name}.c", "-x", "none", "-I",
                                      source, "-L", self.examples, *flags, "-o", program], env=processes.environment())
                self.assertEqual(done.code, 0, done)
        done = processes.run([self.folder / "client-c", f"{HOST}:1", self.web.ca], env=processes.environment(LD_LIBRARY_PATH=self.examples))
        self.assertEqual(done.code, 1, done)
        self.assertIn("connect", done.out)

    def test_a_peer_without_links_is_refused_where_they_are_demanded(self):
        done = self.dial(self.server("listen"), "--reattest", "5")
        self.assertEqual(done.code, 1, done)
        self.assertIn("attest-atls/1+links", done.out)
        self.assertEqual([kind for kind, _ in self.ours.calls if kind == 1], [])

    def test_libattest_shows_its_functions_alone(self):
        library = self.examples / "libattest.so"
        names = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
        self.assertEqual([n for n in re.findall(r" [TtDdBbWw] (\S+)", names) if not n.startswith("attest_")], [])


if __name__ == "__main__":
    main()
