#!/usr/bin/env python3
"""Node, unmodified, with an OpenSSL 3 of its own inside: the module must bind to that one or refuse."""
from lab import node, programs
from lab.cases import main
from lab.debian_node import other_node
from lab.pairing import Pairing, PairingTests


class NodeWithItsOwnOpenssl(PairingTests, Pairing):
    greeting = node.HELLO
    services = {"node": node.user().name}
    names_reason = False

    @classmethod
    def setUpClass(cls):
        cls.node = other_node()
        super().setUpClass()
        cls.key = cls.world.folder / "node.key"
        cls.key.write_bytes(cls.world.web.key("localhost").read_bytes())
        node.user().own(cls.key)

    def start(self, env):
        return self.node.start(env, self.world.log("node"), self.world.web.cert("localhost"), self.key)

    def start_tls12(self, env):
        web = self.world.web
        return programs.s_server(env, self.world.log("tls12"), web.cert("localhost"), web.key("localhost"), "-tls1_2")

    def ask(self, env, server, *more):
        return self.node.run(env, node.CLIENT, server.port, self.world.web.ca, *more)

    def ask_tls12(self, env, server):
        return self.ask(env, server, "TLSv1.2")


if __name__ == "__main__":
    main()
