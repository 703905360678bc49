"""Unmodified programs: how each is started and asked. None of them is told anything about attestation but OPENSSL_CONF."""
import os
import pathlib

from . import processes
from .paths import CURL, NGINX, OPENSSL, PYTHON

HELLO = "hello from nginx"


def s_server(env, log, cert, key, *more, port=None):
    port = port or processes.free_port()
    server = processes.Server([OPENSSL, "s_server", "-accept", f"127.0.0.1:{port}", "-cert", cert, "-key", key, "-naccept", "100",
                               "-www", *more], log, env=env)
    server.port = port
    return server.wait_for_port(port)


def s_client(env, port, ca, *more, name="localhost"):
    """Connects, sends nothing, reads the server's first bytes: with TLS 1.3 a server's refusal arrives only then."""
    return processes.run([OPENSSL, "s_client", "-connect", f"127.0.0.1:{port}", "-servername", name, "-CAfile", ca,
                          "-verify_return_error", "-ign_eof", *more], env=env, stdin="GET / HTTP/1.0\r\n\r\n")


def curl(env, port, ca, *more, host="localhost"):
    return processes.run([CURL, "-sS", "--max-time", "60", "--cacert", ca, "--resolve", f"{host}:{port}:127.0.0.1",
                          f"https://{host}:{port}/", *more], env=env)


class Nginx:
    """nginx with a configuration of its own in a folder of its own."""

    def __init__(self, env, folder, servers, http="", workers=2):
        self.folder = pathlib.Path(folder)
        self.env = env
        self.servers = servers
        self.http = http
        (self.folder / "logs").mkdir(parents=True, exist_ok=True)
        self.conf = self.folder / "nginx.conf"
        self.workers, self.connections = workers, 256
        self.wrapper = lambda *command: list(command)

    def under(self, memcheck):
        """Runs nginx under valgrind."""
        self.wrapper = memcheck.command
        return self

    def write(self):
        temp = "".join(f"{kind}_temp_path {self.folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;\n" if os.geteuid() == 0 else ""
        self.conf.write_text(
            f"{user}worker_processes {self.workers};\ndaemon off;\npid {self.folder}/nginx.pid;\n"
            f"error_log {self.folder}/logs/error.log info;\nevents {{ worker_connections {self.connections}; }}\n"
            f"http {{\naccess_log off;\n{temp}{self.http}\n{''.join(self.servers)}}}\n")

    def start(self, port):
        self.write()
        command = [NGINX, "-p", self.folder, "-c", self.conf, "-e", self.folder / "logs/error.log"]
        self.server = processes.Server(self.wrapper(*command), self.folder / "logs/out.log", env=self.env)
        self.server.port = port
        self.server.folder = self.folder
        return self.server.wait_for_port(port)


def nginx_server(port, cert, key, host="localhost", hello=HELLO, more=""):
    return (f'server {{ listen 127.0.0.1:{port} ssl; server_name {host}; ssl_certificate {cert}; ssl_certificate_key {key};\n'
            f'{more} location / {{ return 200 "{hello}\\n"; }} }}\n')


def nginx(env, folder, cert, key, more="", port=None):
    """One nginx that says hello over TLS."""
    port = port or processes.free_port()
    return Nginx(env, folder, [nginx_server(port, cert, key, more=more)]).start(port)


def nginx_log(server):
    return (server.folder / "logs/error.log").read_text(errors="replace")


PYTHON_SERVER = """
import http.server, ssl, sys
class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"hello from python\\n")
class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, address): print("refused:", sys.exc_info()[1], flush=True)
    def finish_request(self, request, address):
        super().finish_request(context.wrap_socket(request, server_side=True), address)
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(sys.argv[2], sys.argv[3])
Server(("127.0.0.1", int(sys.argv[1])), Hello).serve_forever()
"""
PYTHON_CLIENT = """
import ssl, sys, urllib.request
context = ssl.create_default_context(cafile=sys.argv[2])
if len(sys.argv) > 3: context.load_cert_chain(sys.argv[3], sys.argv[4])
sys.stdout.write(urllib.request.urlopen("https://localhost:%s/" % sys.argv[1], context=context, timeout=60).read().decode())
"""


def python_server(env, log, cert, key):
    port = processes.free_port()
    server = processes.Server([PYTHON, "-c", PYTHON_SERVER, port, cert, key], log, env=env)
    server.port = port
    return server.wait_for_port(port)


def python_client(env, port, ca, *more):
    return processes.run([PYTHON, "-c", PYTHON_CLIENT, port, ca, *more], env=env)
