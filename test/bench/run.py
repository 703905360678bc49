#!/usr/bin/env python3
"""Runs the benchmarks: ratios of medians taken in one run, with their floors. Prints a table, writes BUILD/bench.json.

  run.py BUILD [--quick]

Exit code 0 when every row is within its limit, 1 when one is not, 3 when something could not be measured."""
import json
import pathlib
import shutil
import statistics
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
from lab import processes, programs  # noqa: E402
from lab.authority import Authority, WebCertificates  # noqa: E402
from lab.machine import AttestedMachine  # noqa: E402
from lab.paths import BOOTS, Build  # noqa: E402
import ima_list  # noqa: E402
from fleet_rows import FleetRows  # noqa: E402
from freshness_rows import FreshnessRows  # noqa: E402

HOST, IMAGE, BOOT = "localhost", "bench", "tis"
LARGE_IMA = 10000
TPM_DELAY_MS = 200
NGINX_WORKERS = 32


class Row:
    def __init__(self, name, value, limit, floor, unit):
        self.name, self.value, self.limit, self.floor, self.unit = name, value, limit, floor, unit
        self.ok = limit is None or value <= limit  # None: listed for comparison

    def as_json(self):
        return {k: round(v, 3) if isinstance(v, float) else v for k, v in vars(self).items()}


class Bench(FreshnessRows, FleetRows):
    def __init__(self, build, quick):
        self.build = Build(build)
        self.folder = self.build.folder / "bench"
        self.rounds = 3 if quick else 21  # many short ones: a machine changes its speed from one second to the next
        self.count = 40 if quick else 50
        self.rows = []
        self.started = []
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    # -- machines -------------------------------------------------------------------------------------------------
    def set_up(self):
        self.authority = Authority(self.build, self.folder / "authority")
        self.authority.init()
        self.web = WebCertificates(self.folder / "web").make(HOST)

    def machine(self, name, boot, tcti=None, image=None):
        """A machine that accepts itself: both ends of a handshake ask its daemon. image: it runs what an earlier machine runs."""
        machine = AttestedMachine(self.build, self.folder / name, name)
        self.started.append(machine)
        machine.switch_on(boot)
        if tcti:
            machine.tpm.tcti = tcti(machine)
        processes.must([self.build.attestctl, *machine.setup_command(self.authority, image or name, "--peer-image", image or name)],
                       env=processes.environment())
        machine.start_daemon()
        signed = self.authority.described(image) if image else self.authority.describe(machine, name)
        machine.enroll(self.authority, *[part for item in signed for part in ("--metadata", item)])
        return machine

    def handshakes(self, env, count, threads=1, key=None, port=None, ask=()):
        program = self.build.folder / "test/bench/handshake_bench"
        files = key or (self.web.cert(HOST), self.web.key(HOST), self.web.ca)
        done = processes.run([program, *files, count, threads, HOST, *([port] if port else []), *ask], env=env, timeout=300)
        if done.code != 0:
            raise RuntimeError(f"handshake_bench: {done}")
        return json.loads(done.out.splitlines()[-1])

    def client_asks(self, machine):
        return machine.env_with("bench", attest_server="off", attest_client="require")

    def row(self, *args):
        self.rows.append(Row(*args))
        print_row(self.rows[-1])

    # -- rows -----------------------------------------------------------------------------------------------------
    def quote_floor(self):
        """A TPM of its own, so that nothing else waits for it."""
        machine = AttestedMachine(self.build, self.folder / "floor", "floor")
        self.started.append(machine)
        machine.switch_on(BOOT)
        machine.state.mkdir(parents=True, mode=0o700)
        program = self.build.folder / "test/bench/quote_bench"
        return lambda: json.loads(processes.must([program, machine.tpm.tcti, machine.state, 40],
                                                 env=processes.environment()).splitlines()[-1])

    def handshake_rows(self):
        small = self.machine("small", BOOTS / BOOT)
        large = self.machine("large", ima_list.boot_with(BOOTS / BOOT, LARGE_IMA, self.folder / "large-boot"))
        quote = self.quote_floor()
        in_tpm = self.tpm_key(small)
        plain, floor, attested, grown, signed = [], [], [], [], []
        for _ in range(self.rounds):  # in turn: a machine that slows down slows all of them
            plain.append(self.handshakes(processes.environment(), self.count))
            floor.append(quote())
            attested.append(self.handshakes(self.client_asks(small), self.count))
            signed.append(self.handshakes(self.client_asks(small), self.count, key=in_tpm))
            grown.append(self.handshakes(self.client_asks(large), self.count))
        plain_ms = median(plain, "median_us") / 1000
        floor_ms = plain_ms + median(floor, "quote_us") / 1000
        attested_ms = median(attested, "median_us") / 1000
        self.row("server-attested handshake / (plain handshake + one quote)", attested_ms / floor_ms, 1.5, floor_ms, "ms")
        sign_ms = floor_ms + median(floor, "sign_us") / 1000
        self.row("the same with the TLS key in the TPM / (the same + one TPM sign)", median(signed, "median_us") / 1000 / sign_ms, 1.5,
                 sign_ms, "ms")
        self.row("the same with 10,000 IMA entries: more time", median(grown, "median_us") / 1000 - attested_ms, 10.0, 0.0, "ms")
        self.row("the same: more bytes from the server", (grown[0]["server_bytes"] - attested[0]["server_bytes"]) / 1024, 4.0, 0.0, "KiB")
        self.row("module: private dirty memory of its mappings", attested[0]["module_private_dirty_kib"] / 1024, 2.0, 0.0, "MiB")
        self.row("process: private dirty memory more than plain",
                 (attested[0]["private_dirty_kib"] - plain[0]["private_dirty_kib"]) / 1024, 2.0, 0.0, "MiB")
        self.daemon_memory(large)

    def daemon_memory(self, machine):
        before = resident_mib(machine.daemon.pid)
        self.handshakes(self.client_asks(machine), 10000 if self.rounds > 3 else 1000)
        after = resident_mib(machine.daemon.pid)
        self.row("daemon: resident memory with 10,000 IMA entries", after, 20.0, 0.0, "MiB")
        self.row("daemon: growth over 10,000 handshakes", after - before, 1.0, 0.0, "MiB")

    def tpm_key(self, machine):
        """A TLS key in the machine's TPM: certificate, key reference, and the certificate again as its own root."""
        key, cert = self.folder / "tpm.key", self.folder / "tpm.pem"
        machine.must("key", "create", "bench", "--tpm", "-o", key)
        machine.must("key", "cert", "bench", "--dns", HOST, "-o", cert)
        return cert, key, cert

    def behind_nginx(self, machine, env):
        """An nginx worker waits for its handshake's evidence, so as many handshakes as workers share a quote."""
        port = processes.free_port()
        server = programs.nginx_server(port, self.web.cert(HOST), self.web.key(HOST), more="ssl_protocols TLSv1.3;")
        nginx = programs.Nginx(env, self.folder / "nginx", [server.replace(" ssl;", " ssl backlog=2048;", 1)])
        nginx.workers, nginx.connections = NGINX_WORKERS, 2048
        self.started.append(nginx.start(port))
        done = self.handshakes(env, 1, 1000, port=port)
        floor = 1000 / NGINX_WORKERS * TPM_DELAY_MS
        self.row(f"the same behind nginx of {NGINX_WORKERS} workers / ({1000 / NGINX_WORKERS:.0f} quotes)", done["wall_ms"] / floor, None, floor, "ms")

    def slow(self, machine):
        """A TPM in front of the machine's own that takes its time."""
        proxy = machine.folder / "slow.sock"
        server = processes.Server([sys.executable, HERE.parent / "fixtures/slow_tpm.py", proxy, machine.tpm.socket, TPM_DELAY_MS],
                                  machine.folder / "slow.log", env=processes.environment())
        self.started.append(server)
        server.wait_for(proxy.exists, f"socket {proxy}")
        return f"swtpm:path={proxy}"

    def many_at_once(self):
        machine = self.machine("slow", BOOTS / BOOT, tcti=self.slow)
        env = self.client_asks(machine)
        self.handshakes(env, 3)
        plain, attested = [], []
        for _ in range(3):
            plain.append(self.handshakes(processes.environment(), 1, 1000))
            attested.append(self.handshakes(env, 1, 1000))
        floor = 3 * TPM_DELAY_MS + median(plain, "wall_ms")
        self.row("1,000 handshakes at once, TPM of 200 ms / (3 quotes + 1,000 plain)", median(attested, "wall_ms") / floor, 1.0, floor, "ms")
        self.behind_nginx(machine, env)

    def dcap_rows(self):
        program = self.build.folder / "test/bench/dcap_bench"
        done = json.loads(processes.must([program, 200, self.rounds], env=processes.environment()))
        floor = done["floor_us"] / 1000
        self.row(f"TDX quote with collateral / its {done['signatures']} signature checks", done["whole_us"] / done["floor_us"], 1.5, floor, "ms")
        self.row("TDX quote, its collateral checked before", done["known_us"] / 1000, 0.5, floor, "ms")

    def verify_rows(self):
        program = self.build.folder / "test/bench/verify_bench"
        for entries in (1000, 10000, 100000):
            done = json.loads(processes.must([program, entries, self.rounds], env=processes.environment()))
            self.row(f"verify {entries:,} entries in full / one hash and one extend each", done["verify_ms"] / done["floor_ms"],
                     2.0, done["floor_ms"], "ms")
            self.row(f"making the index of {entries:,} references, once for a set of manifests", done["index_ms"], None, done["floor_ms"], "ms")

    def log_rows(self):
        program = self.build.folder / "test/bench/log_bench"
        for entries in (10000, 100000, 1000000):
            done = json.loads(processes.must([program, "ima", entries, self.rounds], env=processes.environment()))
            self.row(f"judge an IMA list of {entries:,} / one hash and one extend an entry and bank", done["judge_ms"] / done["floor_ms"],
                     2.0, done["floor_ms"], "ms")
            if entries >= 100000:
                self.row(f"the same: memory / the list ({entries:,} entries)", done["memory_mib"] / done["list_mib"], 2.0,
                         done["list_mib"], "MiB")
        log = BOOTS / "secureboot" / "binary_bios_measurements"
        done = json.loads(processes.must([program, "eventlog", log, 100 << 10, 10 * self.rounds], env=processes.environment()))
        self.row("judge a firmware log of 100 KB", done["judge_ms"], 2.0, 0.0, "ms")

    def close(self):
        for thing in reversed(self.started):
            thing.stop()


def median(runs, key):
    return statistics.median(run[key] for run in runs)


def resident_mib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"no memory figure for process {pid}")


def print_row(row):
    limit = f"limit {row.limit:>6.2f}" if row.limit is not None else " " * 12
    verdict = "" if row.limit is None else "ok" if row.ok else "MISSED"
    print(f"{row.name:<76} {row.value:>9.2f}  {limit}  floor {row.floor:>8.2f} {row.unit:<4} {verdict}", flush=True)


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    bench = Bench(sys.argv[1], "--quick" in sys.argv)
    try:
        bench.verify_rows()
        bench.dcap_rows()
        bench.log_rows()
        bench.fleet_rows()
        bench.set_up()
        bench.handshake_rows()
        bench.another_order()
        bench.known_keys()
        bench.many_at_once()
        bench.strangers()
    except RuntimeError as error:
        print(f"not measured: {error}", file=sys.stderr)
        return 3
    finally:
        bench.close()
        (bench.build.folder / "bench.json").write_text(json.dumps([row.as_json() for row in bench.rows], indent=1) + "\n")
    return 0 if all(row.ok for row in bench.rows) else 1


if __name__ == "__main__":
    sys.exit(main())
