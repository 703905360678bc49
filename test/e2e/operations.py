#!/usr/bin/env python3
"""What operators watch: counters, the live view, and an audit log that is rotated under a running daemon."""
import json
import re
import signal

from lab import processes, programs
from lab.cases import Cases, main

LINE = re.compile(r'^[a-z_]+(\{[a-z]+="[^"\n]*"(,[a-z]+="[^"\n]*")*\})? -?[0-9.]+$')
BUCKET = re.compile(r'(?m)^attest_batch_size_bucket\{le="([0-9]+|\+Inf)"\} ([0-9]+)$')


class Operations(Cases):
    def meet(self, machine):
        web = self.world.web
        server = programs.s_server(machine.env(), self.world.log("s_server"), web.cert("localhost"), web.key("localhost"))
        try:
            return programs.s_client(self.world.client.env(), server.port, web.ca)
        finally:
            server.stop()

    def scrape(self, *curl):
        return processes.run([programs.CURL, "-sS", "--max-time", "60", *curl], env=processes.environment())

    def exporter(self, where):
        client = self.world.client
        exporter = processes.Server([client.build.attestctl, "--socket", client.socket, "metrics", "--listen", where],
                                    self.world.log("metrics"), env=processes.environment())
        self.addCleanup(exporter.stop)
        return exporter

    def value(self, text, name):
        found = re.search(rf"(?m)^{re.escape(name)} (-?[0-9.]+)$", text)
        self.assertTrue(found, f"no {name} in {text}")
        return float(found[1])

    def test_the_counters_follow_what_happens_and_are_well_formed(self):
        before = self.world.client.must("metrics")
        self.accepted(self.meet(self.world.server))
        self.refused(self.meet(self.world.changed))
        after = self.world.client.must("metrics")
        for line in after.splitlines():
            if not line.startswith("# "):
                self.assertRegex(line, LINE)
        for outcome in ("accepted", "refused"):
            name = f'attest_verdicts_total{{outcome="{outcome}"}}'
            self.assertGreater(self.value(after, name), self.value(before, name))
        self.assertGreaterEqual(self.value(after, 'attest_untrusted_total{check="pcr.unexpected-event"}'), 1)
        self.assertGreater(self.value(after, "attest_quotes_total"), 0)
        self.assertGreater(self.value(after, 'attest_metadata_expires_seconds{type="manifest",name="web-server-os"}'), 0)
        self.assertEqual(self.value(after, "attest_up"), 1)

    def test_batches_are_counted_by_their_size(self):
        before = self.world.server.must("metrics")
        self.accepted(self.meet(self.world.server))
        after = self.world.server.must("metrics")
        self.assertGreater(self.value(after, "attest_batch_size_count"), self.value(before, "attest_batch_size_count"))
        self.assertGreater(self.value(after, "attest_batch_size_sum"), self.value(before, "attest_batch_size_sum"))
        buckets = BUCKET.findall(after)
        counts = [int(count) for _, count in buckets]
        self.assertEqual([le for le, _ in buckets], [str(2 ** i) for i in range(13)] + ["+Inf"])
        self.assertEqual(counts, sorted(counts), "a bucket holds the smaller ones too")
        self.assertEqual(counts[-1], self.value(after, "attest_batch_size_count"))

    def test_a_published_set_list_says_what_counts_and_never_goes_back(self):
        client, authority = self.world.client, self.world.authority
        metadata, folder = client.settings()["metadata"], client.state / "metadata"
        held = set(folder.iterdir())

        def restore():
            for file in set(folder.iterdir()) - held:
                file.unlink()
            client.configure(metadata=metadata)
        self.addCleanup(restore)
        signed = self.world.signed[1::2]
        first = authority.publish(authority.folder / "fleet-1.list", "--name", "fleet", *signed)
        client.configure(metadata={**metadata, "set_list": "fleet"})
        self.assertIn("set-list.memory", client.attestctl("status").out)
        self.refused(self.meet(self.world.server))
        client.must("metadata", "import", first)
        client.must("metadata", "follow", "fleet", "--sequence", "1")
        self.accepted(self.meet(self.world.server))
        newer = authority.describe(self.world.server, "web-server")
        second = authority.publish(authority.folder / "fleet-2.list", "--previous", first, *newer)
        client.must("metadata", "import", second, *newer)
        self.refused(self.meet(self.world.server))
        self.assertEqual(self.reason(client), "set-list.unlisted")
        third = authority.publish(authority.folder / "fleet-3.list", "--previous", first, "--sequence", "3",
                                  "--keep-old-until", "2099-01-01", *newer)
        client.must("metadata", "import", third)
        self.accepted(self.meet(self.world.server))
        (folder / "fleet-3.list").unlink()
        client.must("reload")
        self.assertIn("set-list.rollback", client.attestctl("status").out)
        self.refused(self.meet(self.world.server))

    def test_they_are_served_at_a_path_or_a_port_also_while_the_daemon_is_down(self):
        path, port = self.world.folder / "metrics.sock", processes.free_port()
        self.exporter(path).wait_for(lambda: processes.answers(path), "socket")
        self.exporter(f"127.0.0.1:{port}").wait_for_port(port)
        ways = (["--unix-socket", path, "http://localhost/metrics"], [f"http://127.0.0.1:{port}/metrics"])
        for way in ways:
            self.assertEqual(self.value(self.scrape(*way).out, "attest_up"), 1)
        self.assertNotEqual(self.scrape("-f", f"http://127.0.0.1:{port}/other").code, 0)
        self.world.client.stop_daemon()
        try:
            for way in ways:
                self.assertEqual(self.value(self.scrape(*way).out, "attest_up"), 0)
        finally:
            self.world.client.start_daemon()

    def test_top_shows_rates(self):
        text = self.world.client.must("top", "-d", "1", "-n", "1")
        for word in ("handshakes/s", "quotes/s", "p99", "queue", "accepted/s"):
            self.assertIn(word, text)

    def test_a_rotated_audit_log_goes_on_in_a_new_file_with_the_next_number(self):
        client = self.world.client
        log = client.state / "audit.jsonl"
        self.accepted(self.meet(self.world.server))
        last = json.loads(log.read_text().splitlines()[-1])["id"]
        log.rename(log.with_suffix(".1"))
        client.daemon.send(signal.SIGHUP)
        processes.wait_until(log.exists, "a new audit log")
        self.accepted(self.meet(self.world.server))
        self.assertEqual([json.loads(line)["id"] for line in log.read_text().splitlines()], [last + 1])


if __name__ == "__main__":
    main()
