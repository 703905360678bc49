"""Apache httpd with a configuration of its own: two workers that run as www-data, as Debian's do."""
import os
import pathlib

from . import processes
from .paths import APACHE
from .users import User

HELLO = "hello from apache"
MODULES = pathlib.Path("/usr/lib/apache2/modules")


def virtual_host(port, cert, key, host="localhost", more=""):
    return (f"<VirtualHost 127.0.0.1:{port}>\nServerName {host}\nSSLEngine on\nSSLCertificateFile {cert}\nSSLCertificateKeyFile {key}\n"
            f"SSLVerifyClient optional_no_ca\n{more}\n</VirtualHost>\n")


class Apache:
    def __init__(self, env, folder, hosts, hello=HELLO):
        self.folder = pathlib.Path(folder)
        self.env, self.hosts = env, hosts
        (self.folder / "www").mkdir(parents=True, exist_ok=True)
        self.conf = self.folder / "apache.conf"
        self.greet(hello)

    def greet(self, hello):
        (self.folder / "www/index.html").write_text(hello + "\n")

    def write(self, port):
        user = User("www-data")
        drop = f"User {user.name}\nGroup #{user.as_user['group']}\n" if os.geteuid() == 0 else ""
        modules = "".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so\n" for name in
                          ("mpm_event", "authz_core", "dir", "socache_shmcb", "ssl", "proxy", "proxy_http"))
        self.conf.write_text(
            f"ServerRoot {self.folder}\nServerName localhost\nPidFile {self.folder}/apache.pid\nDefaultRuntimeDir {self.folder}\n"
            f"Mutex sem\nErrorLog {self.folder}/error.log\nLogLevel info\n{modules}{drop}"
            "StartServers 2\nServerLimit 4\nMinSpareThreads 4\nMaxSpareThreads 64\nThreadsPerChild 8\nMaxRequestWorkers 32\n"
            f"Listen 127.0.0.1:{port}\nDocumentRoot {self.folder}/www\nDirectoryIndex index.html\n"
            f"<Directory {self.folder}/www>\nRequire all granted\n</Directory>\n{''.join(self.hosts)}")

    def start(self, port):
        self.write(port)
        (self.folder / "error.log").unlink(missing_ok=True)
        command = [APACHE, "-d", self.folder, "-f", self.conf, "-DFOREGROUND"]
        self.server = processes.Server(command, self.folder / "out.log", env=self.env, cwd=self.folder)
        self.server.port = port
        try:
            return self.server.wait_for_port(port)
        except processes.Ended as error:
            raise processes.Ended(f"{error}\n{self.log()}") from None

    def log(self):
        log = self.folder / "error.log"
        return log.read_text(errors="replace") if log.exists() else ""


def apache(env, folder, cert, key, more="", port=None):
    """One Apache that says hello over TLS."""
    port = port or processes.free_port()
    return Apache(env, folder, [virtual_host(port, cert, key, more=more)]).start(port)
