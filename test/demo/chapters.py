"""The chapters of the demo. Every command shown is the command that ran, in build/demo."""
import os

from lab import processes, programs
from lab.authority import Authority, WebCertificates
from lab.machine import AttestedMachine
from lab.postgres import Postgres
from story import Verdict

CHANGED_FILE = "/usr/sbin/nginx"
CA = "web/web-ca.pem"


class Stage:
    """Machines A and B, the authority, and what runs on them. Short relative paths, so that commands fit a line."""

    def __init__(self, build, folder, story):
        self.build, self.folder, self.story = build, folder, story
        self.authority = Authority(build, folder)
        self.a = AttestedMachine(build, folder / "a", "a")
        self.b = AttestedMachine(build, folder / "b", "b")
        self.running = []
        self.path = f"{build.attestctl.parent}:{build.pair.parent}:{os.environ['PATH']}"

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for server in self.running:
            server.stop()
        for machine in (self.a, self.b):
            machine.stop()

    def keep(self, server):
        self.running.append(server)
        return server

    def env(self, machine=None):
        """The shell of a machine: which openssl.cnf its programs read, and where its daemon is."""
        if machine is None:
            return processes.environment(PATH=self.path)
        return machine.env(PATH=self.path, ATTEST_SOCKET=machine.socket, ATTEST_CONFIG=machine.config)

    def run(self, machine, words):
        """Shows a command and runs it; the caller shows its output."""
        self.story.command("" if machine is None else machine.name.upper(), words)
        return processes.run(words, env=self.env(machine))

    def quiet(self, machine, *words):
        return processes.must(words, env=self.env(machine))

    def how_to_enter(self):
        return "\n".join(f"machine {m.name.upper()}: export OPENSSL_CONF={m.openssl_conf} ATTEST_SOCKET={m.socket} "
                         f"ATTEST_CONFIG={m.config} PATH={self.build.attestctl.parent}:$PATH" for m in (self.a, self.b))

    def accepted(self, what, machine, words, text, **how):
        done = self.run(machine, words)
        self.story.output(done.out, verdict=Verdict(what, done.code == 0 and text in done.out, True), **how)

    def refused(self, what, machine, words, *texts, **how):
        done = self.run(machine, words)
        holds = done.code not in (0, -9) and all(text in done.out for text in texts)
        self.story.output(done.out, verdict=Verdict(what, holds, False), **how)


def set_up(machine, stage, image, peer):
    """What setup is told here beyond --ca and --image: where this machine's TPM and folders are."""
    where = machine.setup_command(stage.authority, image)[5:]
    return ["attestctl", "setup", "--ca", "ca", "--image", image, "--peer-image", peer, *where]


def first_the_machines(stage):
    story, a, b = stage.story, stage.a, stage.b
    story.say("A$ and B$ are shells on two machines (software TPMs, booted as two real ones were); $ is a machine of no importance.")
    story.step("An offline authority with two roots: one says who may sign metadata, one certifies attestation keys.")
    story.output(stage.run(None, ["attestctl", "ca", "init", "ca"]).out, "made|ak-root", 2)
    for machine, boot in ((a, "tis"), (b, "secureboot")):
        machine.switch_on(boot)
    story.step("Three commands a machine: set up, ask for a certificate, open it in the TPM, which nobody else can. B does the same.")
    story.command("A", "attestctl setup --ca ca --image web-server --peer-image workstation --ima-entries anyone ...")
    story.output(stage.quiet(a, *set_up(a, stage, "web-server", "workstation"), "--ima-entries", "anyone"), "^machine")
    stage.quiet(b, *set_up(b, stage, "workstation", "web-server"))
    for machine in (a, b):
        machine.start_daemon()
    signed = describe_machines(stage)
    for words in enrolment(stage, b, signed):
        stage.quiet(*words)
    enroll(stage, signed)
    stage.web = WebCertificates(stage.folder / "web").make("localhost")


def describe_machines(stage):
    """What A and B run now becomes what they should run: signed reference values."""
    payloads = []
    for machine, image in ((stage.a, "web-server"), (stage.b, "workstation")):
        name = f"{machine.name}-os"
        stage.quiet(machine, "attestctl", "metadata", "create", "manifest", "--name", name, "--from-machine", "-o", f"{name}.json")
        stage.quiet(machine, "attestctl", "metadata", "create", "image-description", "--name", image, "--manifest", name,
                    "-o", f"{image}.json")
        payloads += [f"{name}.json", f"{image}.json"]
    stage.quiet(None, "attestctl", "metadata", "sign", "--ca", "ca", *payloads)
    return [p.replace(".json", ".signed.json") for p in payloads]


def enrolment(stage, machine, signed):
    roots = [part for root in machine.ek_roots for part in ("--ek-roots", os.path.relpath(root))]
    sent = [part for item in signed for part in ("--metadata", item)]
    name = machine.name
    return [(machine, "attestctl", "enroll", "request", "-o", f"{name}.request"),
            (None, "attestctl", "ca", "certify", f"{name}.request", "--ca", "ca", "--host", f"{name}.example", "-o", f"{name}.challenge",
             *roots, *sent),
            (machine, "attestctl", "enroll", "finish", f"{name}.challenge")]


def enroll(stage, signed):
    story, (request, certify, finish) = stage.story, enrolment(stage, stage.a, signed)
    story.command("A", request[1:])
    stage.quiet(*request)
    story.command("", "attestctl ca certify a.request --ca ca --host a.example -o a.challenge --ek-roots ... --metadata ...")
    story.output(stage.quiet(*certify), "^certified")
    done = stage.run(finish[0], finish[1:])
    story.output(done.out, "^certified", verdict=Verdict("authority, set-up, certificate after credential activation", done.code == 0))


def then_unmodified_programs(stage):
    story, a, b, web = stage.story, stage.a, stage.b, stage.web
    stage.nginx = stage.keep(programs.nginx(stage.env(a), stage.folder / "nginx", web.cert("localhost"), web.key("localhost"),
                                            more="ssl_protocols TLSv1.2 TLSv1.3;"))
    stage.curl = ["curl", "-sS", "--cacert", CA, f"https://localhost:{stage.nginx.port}/"]
    story.step("Unmodified nginx on A, unmodified curl on B, one variable for each (OPENSSL_CONF): both prove what they run on.")
    stage.accepted("nginx attested to curl", b, stage.curl, programs.HELLO)
    stage.accepted("curl attested to nginx", a, ["attestctl", "verdicts", "-n", "1"], "as client")
    the_openssl_tool(stage)
    the_database(stage)
    the_pair(stage)


def the_openssl_tool(stage):
    web = stage.web
    stage.story.step("The same with the openssl tool,")
    server = programs.s_server(stage.env(stage.a), stage.folder / "s_server.log", web.cert("localhost"), web.key("localhost"))
    words = ["openssl", "s_client", "-brief", "-connect", f"localhost:{server.port}", "-CAfile", CA, "-verify_return_error"]
    stage.accepted("openssl s_server and s_client", stage.b, words, "Verification: OK", keep="ESTABLISHED")
    server.stop()


def the_database(stage):
    web = stage.web
    stage.story.step("with PostgreSQL and psql,")
    database = Postgres(stage.folder / "pg", web.cert("localhost"), web.key("localhost")).prepare().start(stage.env(stage.a))
    conninfo = f"host=localhost port={database.port} user=postgres sslmode=verify-full sslrootcert={CA}"
    sql = "select version, cipher from pg_stat_ssl where pid = pg_backend_pid()"
    stage.accepted("PostgreSQL and psql", stage.b, ["psql", "-XAt", conninfo, "-c", sql], "TLSv1.3")
    database.stop()


def the_pair(stage):
    web, port = stage.web, processes.free_port()
    stage.story.step("and with a client and a server written in plain OpenSSL.")
    server = processes.Server([stage.build.pair, "server", f"127.0.0.1:{port}", web.cert("localhost"), web.key("localhost")],
                              stage.folder / "pair.log", env=stage.env(stage.a)).wait_for_port(port)
    stage.accepted("a pair in plain OpenSSL", stage.b, ["attest-demo", "client", f"localhost:{port}", "localhost", CA], "TLSv1.3")
    server.stop()


def then_strangers(stage):
    story, web = stage.story, stage.web
    story.step("A plain curl, without the module, is turned away by A; the alert says nothing of the inside.")
    stage.refused("plain curl, no module", None, stage.curl, "alert")
    story.step("A server without evidence is refused by B, with -k as well: the certificate is not what is missing.")
    plain = programs.s_server(stage.env(), stage.folder / "plain.log", web.cert("localhost"), web.key("localhost"))
    stage.refused("a machine without evidence", stage.b, ["curl", "-sSk", f"https://localhost:{plain.port}/"], "peer.silent", wrap=True)
    plain.stop()
    story.step("TLS 1.2 is refused: it has no place for evidence.")
    old = programs.s_server(stage.env(), stage.folder / "old.log", web.cert("localhost"), web.key("localhost"), "-tls1_2")
    stage.refused("TLS 1.2", stage.b, ["curl", "-sS", "--cacert", CA, f"https://localhost:{old.port}/"], "protocol")
    old.stop()


def then_a_change(stage):
    story, a, b = stage.story, stage.a, stage.b
    story.step(f"Somebody replaces {CHANGED_FILE} on A. The kernel measures one event; the very next handshake is refused.")
    a.tpm.measure_file(CHANGED_FILE, b"something else")
    stage.refused("A after one changed file", b, stage.curl, "ima.unexpected-file", wrap=True)
    story.step("What happened, what was expected, what to sign if it was wanted:")
    explained = stage.run(b, ["attestctl", "explain"])
    names_it = all(text in explained.out for text in (CHANGED_FILE, "expected", "metadata allow --manifest a-os"))
    story.output(explained.out, "^because|^ +measured|^ +expected|^to allow", 4,
                 Verdict("explain: event, nearest reference, change", explained.code == 0 and names_it))
    story.step("It was wanted. The change is written, read, signed and put in force on both machines.")
    story.output(stage.run(b, ["attestctl", "metadata", "allow", "--manifest", "a-os", "-o", "a-os.json"]).out, "add")
    stage.run(None, ["attestctl", "metadata", "sign", "a-os.json", "--ca", "ca"])
    story.command("A$, B", "attestctl metadata import a-os.signed.json")
    for machine in (a, b):
        stage.quiet(machine, "attestctl", "metadata", "import", "a-os.signed.json")
    stage.accepted("A after the signed change", b, stage.curl, programs.HELLO)


def then_no_daemon(stage):
    story, a, b = stage.story, stage.a, stage.b
    story.step("The daemon on B stops: curl falls back to nothing, and its error names the socket and the remedy. Then the one on A:")
    b.stop_daemon()
    stage.refused("B without its daemon, the error says what to do", b, stage.curl, "attest.sock", "cmcd-lite", wrap=True)
    b.start_daemon()
    a.stop_daemon()
    stage.refused("A without its daemon", b, stage.curl)
    a.start_daemon()


ALL = (first_the_machines, then_unmodified_programs, then_strangers, then_a_change, then_no_daemon)
