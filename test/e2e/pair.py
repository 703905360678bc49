#!/usr/bin/env python3
"""A client and a server written in plain OpenSSL, as found in a thousand programs."""
from lab import processes, programs
from lab.cases import main
from lab.pairing import Pairing, PairingTests


class Pair(PairingTests, Pairing):
    greeting = "hello over TLSv1.3"

    def start(self, env):
        web, port = self.world.web, processes.free_port()
        server = processes.Server([self.world.build.pair, "server", f"127.0.0.1:{port}", web.cert("localhost"), web.key("localhost")],
                                  self.world.log("pair"), env=env)
        server.port = port
        return server.wait_for_port(port)

    def start_tls12(self, env):
        web = self.world.web
        return programs.s_server(env, self.world.log("tls12"), web.cert("localhost"), web.key("localhost"), "-tls1_2")

    def ask(self, env, server):
        return processes.run([self.world.build.pair, "client", f"127.0.0.1:{server.port}", "localhost", self.world.web.ca], env=env)

    def ask_tls12(self, env, server):
        return programs.s_client(env, server.port, self.world.web.ca, "-tls1_2")


if __name__ == "__main__":
    main()
