"""A distributor of Epoch IDs: a machine of its own in real life."""
from . import processes


class Distributor:
    def __init__(self, world, name):
        self.world, self.name = world, name
        self.state = world.folder / f"epochd-{name}"
        self.public_key = self.state / "epochd.pem"
        self.port = None
        self.server = None
        self._run("init", "--state", self.state)

    @property
    def _program(self):
        return self.world.build.epochd

    def _run(self, *args):
        return processes.must([self._program, *args], env=processes.environment())

    def _start(self, what, *args):
        return processes.Server([self._program, *args], self.world.log(f"epochd-{self.name}-{what}"), env=processes.environment())

    def serve_https(self, *more):
        self.port = processes.free_port()
        web = self.world.web
        self.server = self._start("serve", "serve", "--state", self.state, "--listen", f"127.0.0.1:{self.port}",
                                  "--cert", web.cert("localhost"), "--cert-key", web.key("localhost"), *more)
        return self.server.wait_for_port(self.port)

    def serve_file(self, file, *more):
        self.server = self._start("serve", "serve", "--state", self.state, "--file", file, *more)
        return self.server.wait_for(file.exists, f"file {file}")

    def fetch(self, file):
        """What attest-epoch-fetch.service runs on each machine."""
        fetcher = self._start("fetch", "fetch", f"https://localhost:{self.port}/epoch-id", "--key", self.public_key,
                              "--ca", self.world.web.ca, "--out", file, "--every", "1")
        return fetcher.wait_for(file.exists, f"file {file}")
