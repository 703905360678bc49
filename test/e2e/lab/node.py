"""Node: an https server and an https client in a line of JavaScript each."""
from . import processes, programs
from .users import User

HELLO = "hello from node"

SERVER = """
const [port, cert, key] = process.argv.slice(1), fs = require('fs');
const options = {cert: fs.readFileSync(cert), key: fs.readFileSync(key), handshakeTimeout: 90000};
const server = require('https').createServer(options, (q, a) => a.end('hello from node\\n'));
server.on('tlsClientError', e => console.log('refused:', e.message));
server.listen(port, '127.0.0.1');
"""
CLIENT = """
const [port, ca, max] = process.argv.slice(1);
const options = {host: '127.0.0.1', port, servername: 'localhost', ca: require('fs').readFileSync(ca), timeout: 90000};
if (max) options.maxVersion = max;
require('https').get(options, a => { a.on('data', d => process.stdout.write(d)); a.on('end', () => process.exit(0)); })
  .on('error', e => { console.log(e.message); process.exit(1); });
"""
WORKERS = """
const cluster = require('cluster');
if (cluster.isPrimary) { cluster.fork(); cluster.fork(); } else {
""" + SERVER + "}"


class Node:
    """One installation of Node: its program and what it needs in the environment."""

    def __init__(self, program, prefix=(), **env):
        self.prefix, self.program = prefix, program
        self.env = {key: str(value) for key, value in env.items()}

    def run(self, env, script, *args, **more):
        return processes.run([*self.prefix, self.program, "-e", script, *args], env={**env, **self.env}, **more)

    def start(self, env, log, *args, script=SERVER):
        """As user nobody, where the tests run as root."""
        port, drop = processes.free_port(), user().as_user
        as_user = ["setpriv", f"--reuid={drop['user']}", f"--regid={drop['group']}", "--clear-groups"] if drop else []
        command = [*self.prefix, *as_user, self.program, "-e", script, port, *args]
        server = processes.Server(command, log, env={**env, **self.env})
        server.port = port
        return server.wait_for_port(port)


def user():
    return User("nobody")


class NodePair:
    """Node at both ends; mixed in before Pairing. A file that tests one installation says which: installation()."""

    greeting = HELLO
    services = {"node": user().name}
    names_reason = False  # node shows the first error of OpenSSL's queue or none

    @classmethod
    def setUpClass(cls):
        cls.node = cls.installation()
        super().setUpClass()
        cls.key = cls.world.folder / "node.key"
        cls.key.write_bytes(cls.world.web.key("localhost").read_bytes())
        user().own(cls.key)

    def start(self, env, script=SERVER):
        return self.node.start(env, self.world.log("node"), self.world.web.cert("localhost"), self.key, script=script)

    def start_tls12(self, env):
        web = self.world.web
        return programs.s_server(env, self.world.log("tls12"), web.cert("localhost"), web.key("localhost"), "-tls1_2")

    def ask(self, env, server, *more):
        return self.node.run(env, CLIENT, server.port, self.world.web.ca, *more)

    def ask_tls12(self, env, server):
        return self.ask(env, server, "TLSv1.2")
