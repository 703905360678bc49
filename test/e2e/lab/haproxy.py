"""HAProxy: a master, and a worker with two threads that runs as haproxy inside a chroot, as Debian's haproxy.cfg has it."""
import os
import pathlib

from . import processes
from .paths import HAPROXY
from .users import User

HELLO = "hello from haproxy"
INSIDE = "/run/attest.sock"  # the daemon's socket as it looks from inside the chroot

# As in the haproxy.cfg of Debian: the suites are set explicitly.
GLOBAL = """global
  log stdout format raw local0 info
  nbthread 2
  ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256
  ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets
"""
DEFAULTS = """defaults
  mode http
  log global
  retries 0
  timeout connect 60s
  timeout client 90s
  timeout server 90s
"""


class Haproxy:
    """`sections` follow global and defaults. A chroot needs root; `chroot` None runs it without."""

    def __init__(self, env, folder, sections, chroot=None, more_global=""):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.env, self.sections = env, sections
        self.global_ = GLOBAL + more_global
        if os.geteuid() == 0:
            user = User("haproxy")
            self.global_ += f"  user {user.name}\n  gid {user.as_user['group']}\n" + (f"  chroot {chroot}\n" if chroot else "")
        self.conf = self.folder / "haproxy.cfg"

    def write(self):
        self.conf.write_text(self.global_ + DEFAULTS + self.sections)

    def start(self, port):
        self.write()
        log = self.folder / "haproxy.log"
        log.unlink(missing_ok=True)
        self.server = processes.Server([HAPROXY, "-W", "-f", self.conf], log, env=self.env, cwd=self.folder)
        self.server.port = port
        return self.server.wait_for_port(port)


def bundle(folder, cert, key):
    """HAProxy wants certificate and key in one file."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    both = folder / "bundle.pem"
    both.write_text(pathlib.Path(cert).read_text() + pathlib.Path(key).read_text())
    return both


def frontend(port, pem, hello=HELLO, more=""):
    return (f"frontend web\n  bind 127.0.0.1:{port} ssl crt {pem} {more}\n"
            f'  http-request return status 200 content-type text/plain string "{hello}\\n"\n')


def forward(port, upstream_port, ca, name="localhost"):
    return (f"frontend plain\n  bind 127.0.0.1:{port}\n  default_backend up\n"
            f"backend up\n  server up 127.0.0.1:{upstream_port} ssl verify required ca-file {ca} sni str({name}) verifyhost {name}\n")
