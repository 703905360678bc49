"""PostgreSQL: it refuses to run as root, so it runs as the user it came with, or as nobody."""
import os
import pathlib
import pwd
import shutil
import signal

from . import processes
from .paths import POSTGRES_BIN, PSQL


def _user():
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("neither a user postgres nor a user nobody")


# Where the tree stands in a folder that user may not enter (/root, say), a user namespace gives root another name.
RENAMED = ["unshare", "--user", "--map-user=65534", "--map-group=65534", "--"]


def _entering(user):
    """Where there are no user namespaces either (a container), another user who may enter root's folders."""
    may = "-all,+dac_override"
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", f"--inh-caps={may}",
            f"--ambient-caps={may}", "--"]


class Postgres:
    """A cluster in a folder, TLS on, trust authentication: what lets a client in is TLS alone."""

    def __init__(self, folder, cert, key):
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.cert, self.key = cert, key
        self.port = processes.free_port()
        self.as_user = {}
        self.owner = None  # of the files, where it is not us
        self.prefix = []

    def prepare(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            self._leave_root()
        processes.must([*self.prefix, POSTGRES_BIN / "initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "--no-sync",
                        "-E", "UTF8"], env=processes.environment(), cwd=self.folder, **self.as_user)
        for name, source, mode in (("server.crt", self.cert, 0o644), ("server.key", self.key, 0o600)):
            shutil.copy(source, self.data / name)
            if self.owner:
                os.chown(self.data / name, self.owner.pw_uid, self.owner.pw_gid)
            os.chmod(self.data / name, mode)
        (self.data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 trust\n")
        return self

    def _leave_root(self):
        user = _user()
        as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        if processes.run(["test", "-x", self.folder], **as_user).code == 0:
            self.as_user = as_user
            self.owner = user
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        elif processes.run([*RENAMED, "true"]).code == 0:
            self.prefix = RENAMED
        elif processes.run([*_entering(user), "env", "-C", self.folder, "true"]).code == 0:
            self.prefix = _entering(user)
            self.owner = user
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        else:
            raise RuntimeError(f"PostgreSQL refuses to run as root, and user {user.pw_name} cannot enter {self.folder}: build in a "
                               "folder others may enter")

    def start(self, env, **more):
        settings = {"ssl": "on", "listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "",
                    "fsync": "off", "max_connections": "20", "shared_buffers": "16MB", "log_min_messages": "info", **more}
        command = [*self.prefix, POSTGRES_BIN / "postgres", "-D", self.data] + [f"--{k}={v}" for k, v in settings.items()]
        log = self.folder / "postgres.log"
        log.unlink(missing_ok=True)
        self.server = processes.Server(command, log, env=env, cwd=self.folder, **self.as_user)
        self.server.wait_for(lambda: "ready to accept connections" in self.server.output(), "database")
        return self

    def output(self):
        return self.server.output()

    def stop(self):
        self.server.stop(signal.SIGINT)  # fast shutdown

    def reload(self):
        """SIGHUP, as pg_ctl reload: a new SSL_CTX for the connections to come."""
        before = self.server.output().count("received SIGHUP")
        self.server.send(signal.SIGHUP)
        processes.wait_until(lambda: self.server.output().count("received SIGHUP") > before, "reload")

    def ask(self, env, ca, sql="select version()", sslmode="verify-full", host="localhost"):
        conninfo = f"host={host} hostaddr=127.0.0.1 port={self.port} user=postgres dbname=postgres connect_timeout=60"
        conninfo += f" sslmode={sslmode}" if sslmode else ""
        conninfo += f" sslrootcert={ca}" if ca else ""
        return processes.run([PSQL, "-XAt", conninfo, "-c", sql], env=env)
