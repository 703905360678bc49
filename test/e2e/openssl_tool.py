#!/usr/bin/env python3
"""openssl s_server and s_client, unmodified, on two machines."""
from lab import programs
from lab.cases import main
from lab.pairing import Pairing, PairingTests


class OpensslTool(PairingTests, Pairing):
    greeting = "HTTP/1.0 200 ok"

    def start(self, env, *more):
        web = self.world.web
        return programs.s_server(env, self.world.log("s_server"), web.cert("localhost"), web.key("localhost"), *more)

    def start_tls12(self, env):
        return self.start(env, "-tls1_2")

    def ask(self, env, server, *more):
        return programs.s_client(env, server.port, self.world.web.ca, *more)

    def ask_tls12(self, env, server):
        return self.ask(env, server, "-tls1_2")


if __name__ == "__main__":
    main()
