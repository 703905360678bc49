#!/usr/bin/env python3
"""Many handshakes in one run: does anything grow?

  endurance.py BUILD HANDSHAKES

nginx with two workers serves; clients make handshakes in turn with a nonce (TLS key in the TPM, certified), under a known key and under
Epoch IDs; one daemon attests and judges all of them. Prints a line every fiftieth of the way: handshakes and their rate, private memory
and descriptors of daemon and workers, and what the TPM holds. Exit code 0 when every handshake succeeded and nothing has grown since a
fifth of the way, 1 when something did, 3 when it could not be run."""
import json
import os
import pathlib
import re
import sys
import time

from run import BOOT, HOST, Bench  # first: it says where lab is
from lab import processes, programs
from lab.paths import BOOTS

MAX_AGE, THREADS, REPORTS = 60, 4, 50
WARM = 0.2  # of the way: pools and caches are full by then
GROWTH_KIB = {"daemon": 1024, "nginx": 512}  # allowed from there to the end
KINDS = {"transient objects": "handles-transient", "loaded sessions": "handles-loaded-session", "saved sessions": "handles-saved-session",
         "persistent objects": "handles-persistent"}


def private_kib(pid):
    """Memory that is this process's alone: what grows when something leaks."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(re.search(rf"(?m)^Private_{kind}: +(\d+)", text)[1]) for kind in ("Clean", "Dirty"))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def children(pid):
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Endurance(Bench):
    def __init__(self, build, handshakes):
        super().__init__(build, quick=True)
        self.wanted = handshakes
        self.each = max(1, handshakes // (REPORTS * 3 * THREADS))
        self.done = 0
        self.seen = []
        self.problems = []

    # -- the machine and its programs -----------------------------------------------------------------------------
    def policy(self, name, peer, **members):
        policies = self.attester.etc / "policies"
        policy = self.attester._read(policies / "default.json")
        policy.update(members)
        for rule in policy["peers"]:
            rule["name"] = peer
        (policies / f"{name}.json").write_text(json.dumps(policy))

    def switch_on(self):
        self.attester = self.machine("endurance", BOOTS / BOOT)
        file, key = self.distributor()
        self.policy("nonce", "*")
        self.policy("known", HOST, max_age=MAX_AGE)
        self.policy("epoch", "*", max_age=MAX_AGE, epoch_distributors=[str(key)])
        config = self.attester._read(self.attester.config)
        self.attester.config.write_text(json.dumps({**config, "epochs": [{"file": str(file), "key": str(key)}]}))
        self.in_tpm = self.tpm_key(self.attester)
        self.attester.stop_daemon()
        self.attester.start_daemon()
        self.ports = {"nonce": processes.free_port()}
        self.ports["known"] = self.ports["epoch"] = processes.free_port()
        blocks = [programs.nginx_server(self.ports["nonce"], *self.in_tpm[:2], more="ssl_protocols TLSv1.3;"),
                  programs.nginx_server(self.ports["known"], self.web.cert(HOST), self.web.key(HOST), more="ssl_protocols TLSv1.3;")]
        nginx = programs.Nginx(self.attester.env_with("nginx", attest_server="off"), self.folder / "nginx", blocks, workers=2)
        self.nginx = nginx.start(self.ports["known"])
        self.started.append(self.nginx)
        self.clients = {mode: self.attester.env_with(mode, attest_server="off", attest_client="require", attest_policy=mode,
                                                     attest_x509_name_checked="yes") for mode in self.ports}

    # -- what is looked at ----------------------------------------------------------------------------------------
    def in_the_tpm(self):
        def count(kind):
            listed = processes.must(["tpm2_getcap", kind], env=processes.environment(TPM2TOOLS_TCTI=self.attester.tpm.tcti))
            return len(re.findall(r"0x[0-9A-Fa-f]+", listed))
        return {name: count(kind) for name, kind in KINDS.items()}

    def look(self):
        workers = children(self.nginx.pid)
        pids = {"daemon": [self.attester.daemon.pid], "nginx": workers}
        return {"memory": {name: sum(map(private_kib, of)) for name, of in pids.items()},
                "descriptors": {name: sum(map(descriptors, of)) for name, of in pids.items()},
                "workers": workers, "tpm": self.in_the_tpm()}

    def report(self, since):
        look = self.look()
        self.seen.append((self.done, look))
        tpm = ", ".join(f"{count} {name}" for name, count in look["tpm"].items())
        print(f"{self.done:>9,} handshakes {self.done / (time.monotonic() - since):>5.0f}/s  daemon {look['memory']['daemon']:>6} KiB "
              f"{look['descriptors']['daemon']:>3} fd  nginx {look['memory']['nginx']:>6} KiB {look['descriptors']['nginx']:>3} fd  TPM: {tpm}",
              flush=True)

    # -- the run --------------------------------------------------------------------------------------------------
    def one_turn(self):
        for mode, env in self.clients.items():
            key = self.in_tpm if mode == "nonce" else None
            self.done += self.handshakes(env, self.each, THREADS, key=key, port=self.ports[mode])["done"]

    def run(self):
        for _ in range(2):  # known keys and Epoch IDs are quoted, TLS keys certified
            self.one_turn()
        self.done = 0
        before = json.loads(self.attester.must("status", "--json"))["tpm"]
        since = time.monotonic()
        self.report(since)
        while self.done < self.wanted:
            self.one_turn()
            self.report(since)
        self.judge(before, json.loads(self.attester.must("status", "--json"))["tpm"])

    def must(self, good, text):
        if not good:
            self.problems.append(text)

    def judge(self, before, after):
        by_key = after["answered_by_key"] - before["answered_by_key"]
        quotes = after["quotes"] - before["quotes"]
        print(f"{self.done:,} handshakes: {by_key:,} without a quote of their own, {quotes:,} quotes")
        self.must(by_key > self.done / 3, "known keys and Epoch IDs answered too few of them")
        self.must(after["opened"] == before["opened"], "the TPM was opened again")
        warm = next(look for done, look in self.seen if done >= WARM * self.wanted)
        last = self.seen[-1][1]
        for name, limit in GROWTH_KIB.items():
            grown = last["memory"][name] - max(look["memory"][name] for done, look in self.seen if done <= WARM * self.wanted)
            print(f"{name}: {grown:+} KiB over the most of the first fifth (limit {limit})")
            self.must(grown <= limit, f"{name} grew by {grown} KiB")
            more = last["descriptors"][name] - warm["descriptors"][name]
            self.must(more <= 4, f"{name} holds {more} more descriptors")
        self.must(warm["workers"] == last["workers"], "an nginx worker died")
        for name, count in last["tpm"].items():
            self.must(count <= warm["tpm"][name], f"the TPM holds {count} {name}, {warm['tpm'][name]} a fifth of the way")


def main():
    if len(sys.argv) != 3 or not sys.argv[2].isdigit():
        print(__doc__, file=sys.stderr)
        return 2
    endurance = Endurance(sys.argv[1], int(sys.argv[2]))
    try:
        endurance.set_up()
        endurance.switch_on()
        endurance.run()
    except RuntimeError as error:
        print(f"not run: {error}", file=sys.stderr)
        return 3
    finally:
        endurance.close()
    print("\n".join(f"FAILED: {problem}" for problem in endurance.problems) or "passed")
    return 1 if endurance.problems else 0


if __name__ == "__main__":
    sys.exit(main())
