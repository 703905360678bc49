#!/usr/bin/env python3
"""nginx, curl and python under valgrind: the module that openssl.cnf loads neither errs nor leaks, accepted or refused."""
import signal

from lab import processes, programs
from lab.cases import Cases, main
from lab.memcheck import Memcheck


class Valgrind(Cases):
    changed = False

    def setUp(self):
        web = self.world.web
        self.cert, self.key, self.ca = web.cert("localhost"), web.key("localhost"), web.ca
        self.memcheck = Memcheck(self.world.folder / self.id().split(".")[-1])

    def clean(self):
        self.assertTrue(self.memcheck.reports())
        self.assertEqual(self.memcheck.errors(), [])

    def server(self, env):
        server = programs.s_server(env, self.world.log("s_server"), self.cert, self.key)
        self.addCleanup(server.stop)
        return server

    def client_meets_both(self, *command):
        """Our client once with an attested server, once with one that has no evidence."""
        env = self.memcheck.environment(self.world.client.env())
        attested, plain = self.server(self.world.server.env()), self.server(processes.environment())
        run = lambda server: processes.run(self.memcheck.command(*[str(c).replace("PORT", str(server.port)) for c in command]), env=env)
        self.accepted(run(attested), "HTTP/1.0 200 ok")
        self.refused(run(plain))
        self.assertEqual(self.reason(self.world.client), "peer.silent")
        self.clean()

    def test_curl(self):
        self.client_meets_both(programs.CURL, "-sS", "-i", "--max-time", "100", "--cacert", self.ca, "https://localhost:PORT/")

    def test_python(self):
        script = programs.PYTHON_CLIENT.replace("timeout=60).read()", "timeout=100).read()").replace(
            "sys.stdout.write(", "sys.stdout.write('HTTP/1.0 200 ok' + ")
        self.client_meets_both(programs.PYTHON, "-c", script, "PORT", self.ca)

    def test_nginx(self):
        server = programs.Nginx(self.memcheck.environment(self.world.server.env()), self.world.folder / "nginx",
                                [programs.nginx_server(port := processes.free_port(), self.cert, self.key)])
        server.under(self.memcheck).start(port)
        self.accepted(programs.curl(self.world.client.env(), port, self.ca), programs.HELLO)
        self.refused(programs.curl(processes.environment(), port, self.ca))
        self.refused(programs.s_client(processes.environment(), port, self.ca, "-tls1_2"))
        server.server.stop(signal.SIGQUIT)
        self.assertGreaterEqual(len(self.memcheck.reports()), 2, "master and worker")
        self.clean()

    def test_the_instrument_finds_what_it_is_for(self):
        """A definite leak and a bad read in a module of this name are seen; the same elsewhere are not ours."""
        source = self.world.folder / "wrong.c"
        source.write_text("#include <stdlib.h>\nint wrong(void) { char *p = malloc(9); int v = p[3] ? 2 : 1; return v; }\n")
        program = self.world.folder / "wrong_main.c"
        program.write_text("int wrong(void);\nint main(void) { return wrong() == 7; }\n")
        for name, ours in (("attest.so", True), ("libother.so", False)):
            folder = self.world.folder / f"wrong-{name}"
            folder.mkdir()
            library = folder / name
            processes.must(["cc", "-g", "-shared", "-fPIC", "-o", library, source])
            processes.must(["cc", "-o", folder / "main", program, library, f"-Wl,-rpath,{folder}"])
            memcheck = Memcheck(folder / "reports")
            processes.must(memcheck.command(folder / "main"))
            kinds = sorted(e.split(":")[0] for e in memcheck.errors())
            self.assertEqual(kinds, ["Leak_DefinitelyLost", "UninitCondition"] if ours else [])


if __name__ == "__main__":
    main()
