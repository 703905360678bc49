"""stunnel in both roles, and the plain server behind it."""
import contextlib
import pathlib
import socket
import threading

from . import processes
from .paths import STUNNEL
from .users import User

HELLO = "hello through stunnel"


class Backend:
    """A server on a free port of 127.0.0.1 that says hello to whoever connects, in plain text."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), connection:
                connection.sendall((HELLO + "\n").encode())

    def close(self):
        self.socket.close()


class Stunnel:
    """One stunnel process with one service; it runs as stunnel4 where it can, in the foreground."""

    def __init__(self, env, folder, name, service):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.env, self.name = env, name
        self.port = processes.free_port()
        self.conf = self.folder / f"{name}.conf"
        self.log = self.folder / f"{name}.log"
        self.write(service)

    def write(self, service):
        user = User("stunnel4")
        drop = f"setuid = {user.name}\nsetgid = {user.as_user['group']}\n" if user.as_user else ""
        self.conf.write_text(f"foreground = yes\npid =\ndebug = info\nsyslog = no\n{drop}[{self.name}]\naccept = 127.0.0.1:{self.port}\n"
                             f"TIMEOUTbusy = 90\nTIMEOUTconnect = 60\nTIMEOUTclose = 1\n{service}")

    def start(self):
        self.log.unlink(missing_ok=True)
        self.server = processes.Server([STUNNEL, self.conf], self.log, env=self.env, cwd=self.folder)
        self.server.port = self.port
        return self.server.wait_for_port(self.port)


def server(env, folder, backend_port, cert, key, more=""):
    """A reload reads the key again, as the user stunnel became: the key is that user's."""
    own = pathlib.Path(folder) / "server.key"
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_bytes(pathlib.Path(key).read_bytes())
    User("stunnel4").own(own)
    return Stunnel(env, folder, "server", f"connect = 127.0.0.1:{backend_port}\ncert = {cert}\nkey = {own}\n{more}").start()


def client(env, folder, server_port, ca, host="localhost"):
    return Stunnel(env, folder, "client", f"client = yes\nconnect = 127.0.0.1:{server_port}\nCAfile = {ca}\nverifyChain = yes\n"
                                          f"checkHost = {host}\nsni = localhost\n").start()


def read_all(port, seconds=90):
    """What a plain client gets through a tunnel; "" if the tunnel closes without a word."""
    parts = []
    with contextlib.suppress(ConnectionResetError), socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        while part := connection.recv(4096):
            parts.append(part)
    return b"".join(parts).decode(errors="replace")
