"""Redis with TLS alone: server as user redis, redis-cli as ours."""
import pathlib
import shutil

from . import processes
from .paths import REDIS_CLI, REDIS_SERVER
from .users import User

HELLO = "PONG"


class Redis:
    def __init__(self, folder, cert, key, ca):
        self.user = User("redis")
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.cert, self.key, self.ca = cert, self.folder / "server.key", ca
        shutil.copy(key, self.key)
        self.user.own(self.folder, self.key)
        self.log = self.folder / "redis.log"

    def start(self, env, *more):
        port = processes.free_port()
        self.log.unlink(missing_ok=True)
        command = [REDIS_SERVER, "--port", "0", "--tls-port", port, "--bind", "127.0.0.1", "--dir", self.folder, "--save", "",
                   "--daemonize", "no", "--tls-cert-file", self.cert, "--tls-key-file", self.key, "--tls-ca-cert-file", self.ca,
                   "--tls-auth-clients", "no", *more]
        server = processes.Server(command, self.log, env=env, cwd=self.folder, **self.user.as_user)
        server.port = port
        return server.wait_for_port(port)


def ask(env, port, ca, *command, more=()):
    return processes.run([REDIS_CLI, "-e", "--tls", "--sni", "localhost", "-h", "127.0.0.1", "-p", port, "--cacert", ca, *more,
                          *(command or ("ping",))], env=env)
