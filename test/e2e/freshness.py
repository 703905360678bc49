#!/usr/bin/env python3
"""nginx and curl, unmodified: evidence whose age an Epoch ID or an earlier contact proves, by configuration alone."""
import json

from lab import processes, programs
from lab.cases import Cases, main
from lab.epochs import Distributor

MAX_AGE = 60


class Freshness(Cases):
    changed = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        world = cls.world
        cls.fetched = Distributor(world, "fetched")
        cls.dropped = Distributor(world, "dropped")
        files = {d: world.server.folder / f"{d.name}-epoch-id" for d in (cls.fetched, cls.dropped)}
        world.serve(cls.fetched.serve_https("--interval", "1"))
        world.serve(cls.fetched.fetch(files[cls.fetched]))
        world.serve(cls.dropped.serve_file(files[cls.dropped], "--interval", "1"))
        world.server.configure(epochs=[{"file": str(f), "key": str(d.public_key)} for d, f in files.items()])
        web = world.web
        cls.nginx = world.serve(programs.nginx(world.server.env(), world.folder / "nginx", web.cert("localhost"), web.key("localhost")))

    def demand(self, rule="*", **members):
        """The client's policy: which rule the server falls under, and how old a quote may be."""
        peer = {"name": rule, "image_descriptions": ["web-server"]}
        if rule != "*":
            peer["ak_names"] = [self.server_status()["tpm"]["ak_name"]]
        self.world.client.put_policy(peers=[peer], **members)

    def server_status(self):
        return json.loads(self.world.server.attestctl("status", "--json").out)

    def meet(self):
        """curl asks nginx; how old its evidence was allowed to be and why that was known."""
        self.accepted(programs.curl(self.world.client.env(), self.nginx.port, self.world.web.ca), programs.HELLO)
        last = json.loads(self.world.client.must("verdicts", "-n", "1", "--json"))["verdicts"][0]["id"]
        return json.loads(self.world.client.must("explain", str(last), "--json"))["appraisal"]["freshness"]

    def meet_by(self, mode):
        processes.wait_until(lambda: self.meet() == mode, f"a handshake by {mode}", 120)

    def answered_without_a_quote(self):
        return self.server_status()["tpm"]["answered_by_key"]

    def test_strangers_are_served_by_the_epoch_ids_that_attest_epochd_brings_over_https(self):
        self.demand(max_age=MAX_AGE, epoch_distributors=[str(self.fetched.public_key)])
        self.meet_by("epoch-id")
        before = self.answered_without_a_quote()
        self.assertEqual([self.meet() for _ in range(3)], ["epoch-id"] * 3)
        self.assertGreaterEqual(self.answered_without_a_quote() - before, 3)

    def test_strangers_are_served_by_epoch_ids_dropped_as_files_until_none_come(self):
        self.demand(max_age=5, epoch_distributors=[str(self.dropped.public_key)])
        self.meet_by("epoch-id")
        self.dropped.server.stop()
        self.meet_by("nonce")

    def test_the_second_contact_rests_on_the_first(self):
        self.demand("localhost", max_age=MAX_AGE)
        self.meet_by("known-key")
        self.demand("localhost")
        self.assertEqual(self.meet(), "nonce", "a policy without an age demands a quote")

    def test_epoch_ids_of_another_distributor_are_not_asked_for(self):
        foreign = Distributor(self.world, "foreign")
        self.demand(max_age=MAX_AGE, epoch_distributors=[str(foreign.public_key)])
        self.assertEqual({self.meet() for _ in range(3)}, {"nonce"})


if __name__ == "__main__":
    main()
