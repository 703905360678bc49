"""Rows of a member of a CMC fleet: reports judged, attested TLS inside the stream, calls of the agent's API, policies."""
import json

from lab import processes

ENTRIES = (200, 1563, 10000)  # of IMA


class FleetRows:
    """Mixed into Bench."""

    def fleet(self, *words):
        program = self.build.folder / "test/bench/fleet_bench"
        done = processes.run([program, *words], env=processes.environment(), timeout=600)
        if done.code != 0:
            raise RuntimeError(f"fleet_bench {words[0]}: {done}")
        return json.loads(done.out.splitlines()[-1])

    def fleet_rows(self):
        for entries in ENTRIES:
            done = self.fleet("judge", entries, 5 if entries > 5000 else self.rounds)
            for form, limit in (("json", 3.0), ("cbor", 3.0)):
                row = done[form]
                self.row(f"a CMC report of {entries:,} IMA entries in {form.upper()}, judged / parsed and hashed once",
                         row["first_ms"] / row["floor_ms"], limit, row["floor_ms"], "ms")
                if form == "cbor":
                    self.row("the same / parsed by libcbor's own parser and hashed once", row["first_ms"] / row["library_ms"], limit, row["library_ms"], "ms")
                self.row("the same again, its items remembered", row["again_ms"] / row["floor_ms"], limit, row["floor_ms"], "ms")
                self.row("the same: memory / the report", row["memory_mib"] / row["report_mib"], 4.0, row["report_mib"], "MiB")
        done = self.fleet("connection", self.rounds)
        self.row("attested TLS inside the stream, the server proves itself: more than plain TLS", done["server_ms"] - done["plain_ms"], 3.0,
                 done["plain_ms"], "ms")
        self.row("the same, both prove themselves", done["mutual_ms"] - done["plain_ms"], None, done["plain_ms"], "ms")
        done = self.fleet("cache", 5000)
        self.row("5,000 PeerCache calls a second / calls a second", 5000 / done["calls_per_second"], 1.0, done["calls_per_second"], "/s")
        done = self.fleet("policy", self.rounds)
        self.row("a policy over the result of a report", done["policy_ms"], 5.0, 0.0, "ms")
