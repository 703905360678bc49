#!/usr/bin/env python3
"""A machine changes: it is refused, the refusal is explained, a signed change lets it in, and nothing else."""
import json

from lab import programs
from lab.cases import Cases, main
from lab.world import SERVER_IMAGE

MANIFEST = f"{SERVER_IMAGE}-os"


class Changes(Cases):
    def meet(self, machine):
        web = self.world.web
        server = programs.s_server(machine.env(), self.world.log(f"s_server-{machine.name}"), web.cert("localhost"), web.key("localhost"))
        try:
            return programs.s_client(self.world.client.env(), server.port, web.ca)
        finally:
            server.stop()

    def publish(self, payload, *machines):
        (signed,) = self.world.authority.sign(payload)
        for machine in machines:
            machine.must("metadata", "import", signed)

    def allow(self, *more):
        payload = self.world.folder / "allowed.json"
        told = self.world.client.must("metadata", "allow", "-o", payload, *more)
        return payload, told

    def test_1_a_changed_boot_is_explained_and_let_in_by_a_signed_change_beside_the_unchanged_one(self):
        changed, server, client = self.world.changed, self.world.server, self.world.client
        self.refused(self.meet(changed), "pcr.unexpected-event")
        explained = client.must("explain")
        for text in ("pcr.unexpected-event", "because", "measured", "expected", f"manifest {MANIFEST}", "attestctl metadata allow"):
            self.assertIn(text, explained)
        document = json.loads(client.must("explain", "--json"))
        self.assertIn(f"--manifest {MANIFEST}", document["allow"])
        payload, told = self.allow("--manifest", MANIFEST, "--from-refusal", str(document["id"]))
        self.assertIn("add", told)
        self.refused(self.meet(changed), "pcr.unexpected-event")  # a payload nobody signed changes nothing
        self.publish(payload, changed, server, client)
        self.accepted(self.meet(changed))
        self.accepted(self.meet(server))

    def test_2_a_changed_file_is_explained_by_name_and_let_in_by_a_signed_change(self):
        server, client = self.world.server, self.world.client
        self.accepted(self.meet(server))
        server.tpm.measure_file("/usr/bin/openssl", b"another build")
        self.refused(self.meet(server), "ima.unexpected-file")
        told = client.must("explain")
        self.assertNotIn("/usr/bin/openssl", told)  # a stranger learns its digest
        self.assertIn("ima_entries", told)
        server.tell_file_names()
        self.refused(self.meet(server), "ima.unexpected-file")
        self.assertIn("/usr/bin/openssl", client.must("explain"))
        payload, _ = self.allow("--until", "2099-12-31")
        self.assertEqual(json.loads(payload.read_text())["validity"]["notAfter"][:10], "2099-12-31")
        self.publish(payload, server, client)
        self.accepted(self.meet(server))

    def test_3_a_machine_that_still_claims_the_old_manifest_is_refused_as_rolled_back(self):
        """The client holds the newer manifest since the test before; the changed machine does not."""
        self.refused(self.meet(self.world.changed), "metadata.")

    def test_4_a_pcr_extended_without_a_log_entry_is_refused(self):
        self.world.server.tpm.extend_unlogged(7)
        done = self.meet(self.world.server)
        self.refused(done)
        self.assertNotIn("HTTP/1.0 200", done.out)


if __name__ == "__main__":
    main()
