#!/usr/bin/env python3
"""nginx with keys that live in the TPM: four workers, reload, graceful exit, renewal under load, key files of other tools."""
import json
import os
import signal
import subprocess
import time

from lab import processes, programs
from lab.cases import Cases, main
from lab.paths import CURL, OPENSSL, PYTHON

# Threads that shake hands until a file appears; every failure is kept with its reason.
LOAD = """
import json, os, socket, ssl, sys, threading
port, ca, stop = int(sys.argv[1]), sys.argv[2], sys.argv[3]
context = ssl.create_default_context(cafile=ca)
done, failed = [0], []
def work():
    while not os.path.exists(stop):
        try:
            with socket.create_connection(("127.0.0.1", port), 60) as plain:
                with context.wrap_socket(plain, server_hostname="localhost") as tls:
                    tls.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
                    answer = b"".join(iter(lambda: tls.recv(4096), b""))
            if b"hello" not in answer: raise RuntimeError("no answer: %r" % answer[:80])
            done[0] += 1
        except Exception as error:
            failed.append(repr(error))
threads = [threading.Thread(target=work) for _ in range(6)]
for t in threads: t.start()
for t in threads: t.join()
print(json.dumps({"done": done[0], "failed": failed[:5]}))
"""


class Load:
    """Handshakes of the client machine with a port, from many threads, until the block ends."""

    def __init__(self, case, port):
        self.stop_file = case.folder / "stop"
        self.stop_file.unlink(missing_ok=True)
        command = [PYTHON, "-c", LOAD, port, case.world.web.ca, self.stop_file]
        self.child = subprocess.Popen([str(c) for c in command], env=case.world.client.env(), stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop_file.touch()
        out, _ = self.child.communicate(timeout=180)
        self.result = json.loads(out.splitlines()[-1]) if out else {"done": 0, "failed": ["no output"]}


class KeysInTheTpm(Cases):
    changed = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        policy = cls.world.client.etc / "policies/default.json"
        policy.write_text(policy.read_text().replace('"image_descriptions"', '"tls_key": "certified", "image_descriptions"'))
        cls.world.client.must("reload")

    def setUp(self):
        self.folder = self.world.folder / self.id().split(".")[-1][:50]
        self.folder.mkdir()
        self.machine = self.world.server

    def certificate(self, key, name="web", env=None):
        """A certificate of the web authority for the public half of a key file, as our provider reads it."""
        env = env or self.machine.env()
        public, cert, more = self.folder / f"{name}.pub", self.folder / f"{name}.pem", self.folder / "cert.cnf"
        processes.must([OPENSSL, "pkey", "-in", key, "-pubout", "-out", public], env=env)
        more.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=critical,CA:FALSE\n")
        processes.must([OPENSSL, "x509", "-new", "-force_pubkey", public, "-subj", "/CN=localhost", "-days", "30", "-extfile", more,
                        "-CA", self.world.web.ca, "-CAkey", self.world.web.folder / "web-ca.key", "-out", cert],
                       env=processes.environment())
        return cert

    def tpm_key(self, name, *more):
        key = self.folder / f"{name}.key"
        self.machine.must("key", "create", f"{self.folder.name[:40]}-{name}", "--tpm", *more, "-o", key)
        return key

    def nginx(self, cert, key, workers=4, more=""):
        port = processes.free_port()
        site = programs.nginx_server(port, cert, key, more="ssl_protocols TLSv1.3;" + more)
        self.config = programs.Nginx(self.machine.env(), self.folder / "nginx", [site], workers=workers)
        server = self.config.start(port)
        self.addCleanup(server.stop)
        return server

    def workers_of(self, server):
        children = f"/proc/{server.pid}/task/{server.pid}/children"
        with open(children, encoding="ascii") as f:
            return set(f.read().split())

    def reload(self, server):
        """Reloads and waits until every worker of before has gone."""
        before = self.workers_of(server)
        server.send(signal.SIGHUP)
        processes.wait_until(lambda: not before & self.workers_of(server) and len(self.workers_of(server)) >= 4, "reload", 120)

    def curl(self, server, *more):
        return programs.curl(self.world.client.env(), server.port, self.world.web.ca, *more)

    def test_only_keys_that_the_tpm_certifies_are_accepted(self):
        web = self.world.web
        server = self.nginx(web.cert("localhost"), web.key("localhost"))
        self.refused(self.curl(server), "key.uncertified")
        server.stop()
        for name, more in (("ec", []), ("rsa", ["--algorithm", "rsa-2048"])):
            key = self.tpm_key(name, *more)
            server = self.nginx(self.certificate(key, name), key)
            self.accepted(self.curl(server), programs.HELLO)
            server.stop()

    def test_attestctl_speaks_attested_tls_with_a_key_of_the_tpm(self):
        key = self.tpm_key("atls")
        cert = self.certificate(key)
        name = "attest:" + f"{self.folder.name[:40]}-atls"
        env = processes.environment(OPENSSL_MODULES=self.world.build.module.parent)
        ctl = [self.world.build.attestctl, "--socket", self.machine.socket]
        for kind, which in {"file": key, "name": name}.items():
            server = processes.Server([*ctl, "listen", "127.0.0.1:0", "--mode", "none", "--cert", cert, "--key", which],
                                      self.folder / f"listen-{kind}.log", env=env)
            self.addCleanup(server.stop)
            server.wait_for(lambda: "listening on" in server.output(), "its port")
            at = server.output().split("listening on ")[-1].split()[0]
            done = processes.run([*ctl, "dial", at, "--mode", "none", "--ca", self.world.web.ca, "--name", "localhost"], env=env)
            self.accepted(done, "hello")
            server.stop()

    def test_under_load_it_reloads_and_takes_a_renewed_key_without_losing_a_handshake(self):
        key = self.tpm_key("web")
        server = self.nginx(self.certificate(key), key)
        name = f"{self.folder.name[:40]}-web"
        with Load(self, server.port) as load:
            for _ in range(2):
                self.reload(server)
            self.machine.must("key", "renew", name, "-o", key)
            self.certificate(key)
            self.reload(server)
            self.machine.must("key", "revoke", "--replaced", name)
            time.sleep(1)
        self.assertEqual(load.result["failed"], [], programs.nginx_log(server)[-3000:])
        self.assertGreater(load.result["done"], 20)
        self.accepted(self.curl(server), programs.HELLO)
        self.machine.must("key", "revoke", name)
        self.refused(self.curl(server))
        self.assertIn("key.revoked", programs.nginx_log(server))

    def test_a_new_attestation_key_follows_without_a_lost_handshake(self):
        key = self.tpm_key("web")
        server = self.nginx(self.certificate(key), key)
        request, challenge = self.folder / "request.json", self.folder / "challenge.json"
        roots = [part for root in self.machine.ek_roots for part in ("--ek-roots", root)]
        ak_name = lambda: json.loads(self.machine.must("status", "--json"))["tpm"]["ak_name"]
        before = ak_name()
        with Load(self, server.port) as load:
            self.machine.must("enroll", "request", "--new-ak", "-o", request)
            self.assertEqual(ak_name(), before)
            self.world.authority.certify(request, challenge, "--host", self.machine.name, *roots)
            self.machine.must("enroll", "finish", challenge)
            time.sleep(1)
        self.assertEqual(load.result["failed"], [], programs.nginx_log(server)[-3000:])
        self.assertEqual(ak_name(), json.loads(request.read_text())["ak_name"])
        self.assertNotEqual(ak_name(), before)
        self.machine.stop_daemon()
        self.machine.start_daemon()
        self.accepted(self.curl(server), programs.HELLO)

    def test_a_graceful_exit_ends_what_runs_and_every_worker(self):
        (self.folder / "big").write_bytes(b"x" * 200_000)
        os.chmod(self.folder / "big", 0o644)
        key = self.tpm_key("web")
        server = self.nginx(self.certificate(key), key, more=f" location = /big {{ alias {self.folder}/big; limit_rate 40k; }}")
        out = self.folder / "out"
        url = f"https://localhost:{server.port}/big"
        command = [CURL, "-sS", "--max-time", "120", "--cacert", self.world.web.ca, "--resolve",
                   f"localhost:{server.port}:127.0.0.1", "-o", out, url]
        with subprocess.Popen([str(c) for c in command], env=self.world.client.env()) as client:
            processes.wait_until(lambda: out.exists() and out.stat().st_size > 0, "first bytes", 120)
            workers = self.workers_of(server)
            self.assertEqual(len(workers), 4)
            server.send(signal.SIGQUIT)
            self.assertEqual(client.wait(150), 0)
        self.assertEqual(out.stat().st_size, 200_000)
        self.assertEqual(server.child.wait(60), 0)
        self.assertFalse([w for w in workers if os.path.exists(f"/proc/{w}")])
        self.assertNotIn("exited on signal", programs.nginx_log(server))

    def test_the_daemon_and_the_tpm_may_restart_beneath_it(self):
        key = self.tpm_key("web")
        server = self.nginx(self.certificate(key), key)
        self.accepted(self.curl(server), programs.HELLO)
        self.machine.stop_daemon()
        for kept in (self.machine.state / "keys").glob("*.certified"):
            kept.unlink()
        self.machine.start_daemon()
        self.accepted(self.curl(server), programs.HELLO)

    # -- key files of other tools ---------------------------------------------------------------------------------
    def tools(self, *command):
        tcti = {"TPM2TOOLS_TCTI": self.machine.tpm.tcti, "TPM2OPENSSL_TCTI": self.machine.tpm.tcti}
        return processes.must(command, env=processes.environment(**tcti))

    def make_with_tools(self, name, algorithm):
        """A key under the primary that TSS2 files mean by default, made by tpm2-tools."""
        folder = self.folder
        self.tools("tpm2_createprimary", "-C", "o", "-G", "ecc", "-c", folder / "p.ctx", "-a",
                   "restricted|decrypt|fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda")
        self.tools("tpm2_create", "-C", folder / "p.ctx", "-G", algorithm, "-u", folder / "k.pub", "-r", folder / "k.priv", "-a",
                   "sign|fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda")
        self.tools("tpm2_encodeobject", "-C", "o", "-u", folder / "k.pub", "-r", folder / "k.priv", "-p", "-o", folder / name)
        self.tools("tpm2_flushcontext", "-t")

    def make_with_provider(self, name, *how):
        self.tools(OPENSSL, "genpkey", "-provider", "tpm2", "-provider", "default", *how, "-out", self.folder / name)
        self.tools("tpm2_flushcontext", "-t")

    def test_key_files_of_tpm2_tools_and_tpm2_openssl_serve(self):
        self.machine.stop_daemon()  # without a resource manager the tools would take its place in the TPM
        self.make_with_tools("tools-ec.key", "ecc256")
        self.make_with_tools("tools-rsa.key", "rsa2048")
        self.make_with_provider("provider-ec.key", "-algorithm", "EC", "-pkeyopt", "group:P-256")
        self.make_with_provider("provider-rsa.key", "-algorithm", "RSA", "-pkeyopt", "bits:2048")
        self.machine.start_daemon()
        for name in ("tools-ec", "tools-rsa", "provider-ec", "provider-rsa"):
            key = self.folder / f"{name}.key"
            self.assertIn("BEGIN TSS2 PRIVATE KEY", key.read_text())
            server = self.nginx(self.certificate(key, name), key)
            done = self.curl(server)
            server.stop()
            if name.startswith("tools"):
                self.accepted(done, programs.HELLO)
                self.accepted(self.machine.attestctl("key", "certify", "--file", key), "fixedTPM")
            else:  # tpm2-openssl lets its keys decrypt, too: they serve, and are not certified
                self.refused(done, "key.uncertified")
                self.assertIn("decrypt", self.machine.attestctl("key", "certify", "--file", key).out)


if __name__ == "__main__":
    main()
