#!/usr/bin/env python3
"""Node, unmodified: Debian's 18, which uses Debian's OpenSSL."""
import concurrent.futures
import signal

from lab import node, processes, programs
from lab.cases import main
from lab.debian_node import debian_node
from lab.pairing import Pairing, PairingTests


class Node18(PairingTests, node.NodePair, Pairing):
    installation = staticmethod(debian_node)

    def test_workers_of_a_cluster_attest_each(self):
        server = self.start(self.world.server.env(), node.WORKERS)
        self.addCleanup(server.stop)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for done in pool.map(lambda _: self.ask(self.world.client.env(), server), range(6)):
                self.accepted(done, node.HELLO)
        self.refused(self.ask(self.plain(), server))

    def test_curl_and_node_meet(self):
        server = self.start(self.world.server.env())
        self.addCleanup(server.stop)
        self.accepted(programs.curl(self.world.client.env(), server.port, self.world.web.ca), node.HELLO)
        self.refused(programs.curl(self.world.changed.env(), server.port, self.world.web.ca))

    def test_new_certificates_at_run_time_keep_attesting(self):
        script = node.SERVER + "process.on('SIGHUP', () => { server.setSecureContext(options); console.log('reloaded'); });"
        server = self.start(self.world.server.env(), script)
        self.addCleanup(server.stop)
        self.accepted(self.ask(self.world.client.env(), server), node.HELLO)
        server.send(signal.SIGHUP)
        processes.wait_until(lambda: "reloaded" in server.output(), "reload")
        self.accepted(self.ask(self.world.client.env(), server), node.HELLO)
        self.refused(self.ask(self.plain(), server))


if __name__ == "__main__":
    main()
