#!/usr/bin/env python3
"""Python's ssl module, server and client, with nothing but OPENSSL_CONF."""
from lab import processes, programs
from lab.cases import main
from lab.pairing import Pairing, PairingTests


class PythonSsl(PairingTests, Pairing):
    greeting = "hello from python"
    names_reason = False  # Python shows the last error of the queue, and OpenSSL's own comes last

    def start(self, env):
        web = self.world.web
        return programs.python_server(env, self.world.log("python"), web.cert("localhost"), web.key("localhost"))

    def start_tls12(self, env):
        web = self.world.web
        return programs.s_server(env, self.world.log("tls12"), web.cert("localhost"), web.key("localhost"), "-tls1_2")

    def ask(self, env, server, *more):
        return programs.python_client(env, server.port, self.world.web.ca, *more)

    def ask_tls12(self, env, server):
        return programs.s_client(env, server.port, self.world.web.ca, "-tls1_2")

    def test_a_program_that_forks_after_loading_the_module_still_attests(self):
        server = self.start(self.world.server.env())
        script = ("import os, ssl, sys\nssl.create_default_context()\npid = os.fork()\n"
                  "if pid: sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n" + programs.PYTHON_CLIENT)
        try:
            done = processes.run([programs.PYTHON, "-c", script, server.port, self.world.web.ca], env=self.world.client.env())
            self.accepted(done, self.greeting)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
