"""Rows of evidence that needs no quote, or no log, in each handshake: known keys, Epoch IDs, prefix of an IMA list."""
import json
import re
import statistics

from lab import processes, programs
from lab.paths import BOOTS
import ima_list

BOOT, HOST, LARGE = "tis", "localhost", "large"
MAX_AGE, INTERVAL = 60, 10  # seconds: of a policy, of a distributor
THREADS, EACH = 8, 25  # of strangers at once


def median(runs, key):
    return statistics.median(run[key] for run in runs)


class FreshnessRows:
    """Mixed into Bench, which has the machines."""

    def know_peer(self, machine):
        """The machine's policy gets a rule of its own for HOST: it may name what it knows of that peer."""
        policy = machine.etc / "policies/default.json"
        policy.write_text(re.sub(r'"name": "\*"', f'"name": "{HOST}"', policy.read_text()))
        machine.must("reload")

    def accept_older(self, machine):
        """Besides, quotes may be MAX_AGE old."""
        policy = machine.etc / "policies/default.json"
        policy.write_text(policy.read_text().replace('"observe": false,', f'"observe": false,\n  "max_age": {MAX_AGE},', 1))
        self.know_peer(machine)

    def client_names(self, machine):
        """A client that asks a server by its name; as client_asks, for rules that go by names."""
        return machine.env_with("names", attest_server="off", attest_client="require", attest_x509_name_checked="yes")

    def by_key(self, machine):
        return json.loads(machine.must("status", "--json"))["tpm"]["answered_by_key"]

    def must_use_keys(self, machine, before, count):
        if self.by_key(machine) - before < count:
            raise RuntimeError(f"{machine.name}: {count} handshakes, {self.by_key(machine) - before} of them without a quote")

    def another_order(self):
        """The machine "large" of handshake_rows, but its files were measured in another order."""
        boot = ima_list.in_another_order(self.folder / "large-boot", self.folder / "reordered-boot")
        machine = self.machine("reordered", boot, image=LARGE)
        small = self.machine("one-more", BOOTS / BOOT)
        base = self.handshakes(self.client_asks(small), 3)["server_bytes"]
        first = self.handshakes(self.client_asks(machine), 3)["server_bytes"]
        self.row("10,000 IMA entries in another order, first contact: bytes an entry", (first - base) / 10000, 2.0, 0.0, "B")
        self.know_peer(machine)
        later = self.handshakes(self.client_names(machine), 3)["server_bytes"]
        self.row("the same, repeated contact with a prefix cursor: more bytes", max(0, later - base) / 1024, 4.0, 0.0, "KiB")
        self.accept_older(machine)
        later = self.handshakes(self.client_names(machine), 3)["server_bytes"]
        self.row("the same, repeated contact under a known key: more bytes", max(0, later - base) / 1024, 4.0, 0.0, "KiB")

    def known_keys(self):
        machine = self.machine("known", BOOTS / BOOT)
        self.accept_older(machine)
        env = self.client_names(machine)
        self.handshakes(env, 3)
        before = self.by_key(machine)
        plain, known = [], []
        for _ in range(self.rounds):
            plain.append(self.handshakes(processes.environment(), self.count))
            known.append(self.handshakes(env, self.count))
        self.must_use_keys(machine, before, self.rounds * self.count // 2)
        floor = median(plain, "median_us") / 1000
        self.row("known-key handshake / plain handshake", median(known, "median_us") / 1000 / floor, 1.3, floor, "ms")

    # -- strangers: one driver for the plain and the attested server, which asks for evidence and judges none ------------
    def distributor(self):
        program = self.build.folder / "apps/attest-epochd/attest-epochd"
        state, file = self.folder / "epochd", self.folder / "epoch-id"
        processes.must([program, "init", "--state", state], env=processes.environment())
        server = processes.Server([program, "serve", "--state", state, "--file", file, "--interval", INTERVAL],
                                  self.folder / "epochd.log", env=processes.environment())
        self.started.append(server)
        server.wait_for(file.exists, f"file {file}")
        return file, state / "epochd.pem"

    def nginx_of_two(self, env, name):
        port = processes.free_port()
        block = programs.nginx_server(port, self.web.cert(HOST), self.web.key(HOST), more="ssl_protocols TLSv1.3;")
        nginx = programs.Nginx(env, self.folder / name, [block], workers=2)
        self.started.append(nginx.start(port))
        return port

    def strangers(self):
        file, key = self.distributor()
        plain = self.nginx_of_two(processes.environment(), "nginx-plain")
        for name, tcti in (("strangers, swtpm", None), ("strangers, TPM of 200 ms", self.slow)):
            folder = name.replace(", ", "-").replace(" ", "-")
            machine = self.machine(folder, BOOTS / BOOT, tcti=tcti)
            config = machine.config.read_text()
            machine.config.write_text(config.replace("{", '{ "epochs": [' + json.dumps({"file": str(file), "key": str(key)}) + "],", 1))
            machine.stop_daemon()
            machine.start_daemon()
            attested = self.nginx_of_two(machine.env_with("server", attest_server="off"), f"nginx-{folder}")
            self.one_server(name, machine, plain, attested, (key, MAX_AGE))

    def one_server(self, name, machine, plain, attested, ask):
        def rate(port):
            done = self.handshakes(processes.environment(), EACH, THREADS, port=port, ask=ask)
            return done["done"] / done["wall_ms"] * 1000
        rate(attested)  # the first asks for the quote over the Epoch ID
        before = self.by_key(machine)
        pairs = [(rate(plain), rate(attested)) for _ in range(self.rounds)]
        self.must_use_keys(machine, before, self.rounds * THREADS * EACH // 2)
        floor = statistics.median(p for p, _ in pairs)
        share = statistics.median(a for _, a in pairs) / floor
        self.row(f"nginx, 2 workers, Epoch ID of {INTERVAL} s, {name}: plain / attested handshakes a second", 1 / share, 1 / 0.7, floor, "/s")
