#!/usr/bin/env python3
"""attestctl as an administrator uses it: set-up, enrolment, keys, metadata, explanations, exit codes."""
import json
import os
import pathlib
import resource
import subprocess
import tempfile

from lab import processes, programs
from lab.cases import Cases, main
from lab.machine import AttestedMachine
from lab.world import SERVER_BOOT, SERVER_IMAGE


class Attestctl(Cases):
    changed = False

    def ctl(self, *args, machine=None):
        if machine:
            return machine.attestctl(*args)
        return processes.run([self.world.build.attestctl, *args], env=processes.environment())

    def folder(self):
        return self.world.folder / self.id().split(".")[-1][:40]

    def test_wrong_usage_is_exit_code_2_and_help_is_0(self):
        for args in (["nonsense"], [], ["status", "--nonsense"], ["ca", "init"], ["metadata", "create", "manifest", "--name", "x"]):
            self.assertEqual(self.ctl(*args).code, 2, args)
        for args in (["--help"], ["status", "--help"], ["ca", "certify", "--help"], ["--version"]):
            self.assertEqual(self.ctl(*args).code, 0, args)

    def test_an_absent_daemon_is_exit_code_3_and_named(self):
        done = self.ctl("status", "--socket", "/nonexistent/attest.sock")
        self.assertEqual(done.code, 3)
        self.assertIn("/nonexistent/attest.sock", done.out)
        error = json.loads(self.ctl("status", "--json", "--socket", "/nonexistent/attest.sock").out)["error"]
        self.assertEqual(error["code"], "io")

    def test_every_command_speaks_json(self):
        for args in (["status"], ["verdicts"], ["key", "list"], ["metadata", "list"], ["reload"]):
            done = self.ctl(*args, "--json", machine=self.world.server)
            self.assertEqual(done.code, 0, done)
            self.assertIsInstance(json.loads(done.out), dict)

    def test_without_a_terminal_there_is_no_colour(self):
        self.assertNotIn("\033", self.ctl("status", machine=self.world.server).out)

    # -- what comes out -------------------------------------------------------------------------------------------
    def test_output_goes_through_a_pipe_that_stays_one(self):
        pipe = self.world.folder / "pipe"
        os.mkfifo(pipe)
        with subprocess.Popen(["timeout", "60", "cat", pipe], stdout=subprocess.PIPE) as reader:
            self.accepted(self.ctl("enroll", "request", "-o", pipe, machine=self.world.server))
            self.assertIn(b"ak_public", reader.communicate(timeout=30)[0])
        self.assertTrue(pipe.is_fifo())

    def test_output_to_dev_stdout_leaves_the_link(self):
        with tempfile.TemporaryFile(dir=self.world.folder) as out:
            command = [self.world.build.attestctl, "--socket", self.world.server.socket, "enroll", "request", "-o", "/dev/stdout"]
            self.assertEqual(subprocess.run(command, stdout=out).returncode, 0)
            out.seek(0)
            self.assertIn(b"ak_public", out.read())
        self.assertTrue(os.path.islink("/dev/stdout"))

    def test_output_that_is_lost_is_no_success(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([self.world.build.attestctl, "--help"], stdout=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 0)
            command = [self.world.build.attestctl, "status", "--json", "--socket", self.world.server.socket]
            self.assertEqual(subprocess.run(command, stdout=subprocess.DEVNULL).returncode, 0)
            self.assertEqual(subprocess.run(command, stdout=full, stderr=subprocess.DEVNULL).returncode, 3)

    def test_a_pipe_among_the_policies_does_not_hold_up_the_daemon(self):
        pipe = self.world.server.etc / "policies/pipe.json"
        os.mkfifo(pipe)
        try:
            done = self.ctl("reload", machine=self.world.server)
            self.assertNotEqual(done.code, 0, done)
            self.assertIn("not a regular file", done.out)
        finally:
            pipe.unlink()
        self.accepted(self.ctl("reload", machine=self.world.server))

    # -- set-up ---------------------------------------------------------------------------------------------------
    def setup(self, *more):
        folder = self.folder()
        return folder, self.ctl("setup", "--ca", self.world.authority.ca, "--etc", folder / "etc", "--state", folder / "state",
                                "--socket", folder / "run/a.sock", *more)

    def test_setup_shows_before_it_writes_and_says_how_to_undo(self):
        folder, done = self.setup("--dry-run")
        self.accepted(done, "cmcd.json")
        self.assertFalse((folder / "etc").exists())
        folder, done = self.setup()
        self.accepted(done, "undo")
        undo = next(line for line in done.out.splitlines() if line.startswith("undo")).split()[1:]
        self.assertEqual(undo[:2], ["rm", "-r"])
        for path in undo[2:]:
            self.assertTrue(pathlib.Path(path).exists(), path)
        self.assertIn(str(folder / "etc/cmcd.json"), undo)

    def test_setup_keeps_what_an_administrator_changed_unless_forced(self):
        folder, _ = self.setup()
        policy = folder / "etc/policies/default.json"
        policy.write_text("{}")
        _, done = self.setup()
        self.accepted(done, "kept")
        self.assertEqual(policy.read_text(), "{}")
        self.accepted(self.setup("--force")[1])
        self.assertIn("ak_issuers", policy.read_text())
        self.assertEqual((folder / "etc/policies/default.json.old").read_text(), "{}")

    def test_setup_on_a_full_disk_says_so_and_leaves_no_half_file(self):
        def no_room():
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        folder = self.folder()
        done = processes.run([self.world.build.attestctl, "setup", "--ca", self.world.authority.ca, "--etc", folder / "etc", "--state",
                              folder / "state", "--socket", folder / "run/a.sock"], preexec_fn=no_room, restore_signals=False)
        self.assertEqual(done.code, 3, done)
        self.assertIn("cannot write", done.out)
        self.assertEqual([p for p in folder.rglob("*") if p.is_file()], [])

    def test_the_written_configuration_is_what_the_daemon_accepts(self):
        folder, _ = self.setup()
        done = processes.run([self.world.build.daemon, "--check-config", "--config", folder / "etc/cmcd.json"])
        self.accepted(done)
        self.accepted(self.ctl("policy", "check", folder / "etc/policies/default.json"), "web-server")

    def test_a_policy_under_which_everything_passes_is_refused(self):
        path = self.world.folder / "open.json"
        path.write_text('{"ak_issuers": [], "peers": [{"name": "*"}]}')
        done = self.ctl("policy", "check", path)
        self.assertEqual(done.code, 1, done)
        self.assertIn("open.json", done.out)

    # -- enrolment ------------------------------------------------------------------------------------------------
    def test_the_authority_certifies_no_unknown_tpm_and_says_how_to_pin_one(self):
        request = self.world.server.folder / "request.json"
        done = self.ctl("ca", "certify", request, "--ca", self.world.authority.ca)
        self.assertEqual(done.code, 1, done)
        pin = done.out.split("--accept-ek ")[1].split()[0]
        self.accepted(self.ctl("ca", "certify", request, "--ca", self.world.authority.ca, "--accept-ek", pin))
        foreign = [part for root in self.world.client.ek_roots for part in ("--ek-roots", root)]
        done = self.ctl("ca", "certify", request, "--ca", self.world.authority.ca, *foreign)
        self.assertEqual(done.code, 1, done)

    def test_status_says_until_when_the_key_is_certified(self):
        status = json.loads(self.world.client.must("status", "--json"))
        self.assertRegex(status["tpm"]["ak_certified_until"], r"^20\d\d-")
        self.assertIn("certified until", self.world.client.must("status"))

    def test_a_challenge_opens_in_no_other_tpm(self):
        done = self.ctl("enroll", "finish", self.world.server.folder / "challenge.json", machine=self.world.client)
        self.assertNotEqual(done.code, 0)
        self.assertNotIn("certified AK", done.out)

    def test_a_request_with_another_ak_than_it_names_is_refused(self):
        request = json.loads((self.world.server.folder / "request.json").read_text())
        request["ak_public"] = json.loads((self.world.client.folder / "request.json").read_text())["ak_public"]
        path = self.world.folder / "mixed.json"
        path.write_text(json.dumps(request))
        pin = "0" * 64
        done = self.ctl("ca", "certify", path, "--ca", self.world.authority.ca, "--accept-ek", pin)
        self.assertIn("ak_name", done.out)
        self.assertNotEqual(done.code, 0)

    def test_a_machine_whose_ak_nobody_certified_is_refused(self):
        stranger = AttestedMachine(self.world.build, self.world.folder / "stranger", "stranger")
        self.world.machines.append(stranger)
        stranger.switch_on(SERVER_BOOT)
        processes.must([self.world.build.attestctl, *stranger.setup_command(self.world.authority, SERVER_IMAGE)])
        stranger.start_daemon()
        stranger.must("metadata", "import", *[p for p in self.world.signed if p != "--metadata"])
        web = self.world.web
        server = programs.s_server(stranger.env_with("any-client", attest_server="off"), self.world.log("stranger"),
                                   web.cert("localhost"), web.key("localhost"))
        done = programs.s_client(self.world.client.env(), server.port, web.ca)
        server.stop()
        stranger.stop()
        self.refused(done, "ak.untrusted")

    # -- keys -----------------------------------------------------------------------------------------------------
    def test_a_key_in_the_tpm_serves_nginx(self):
        machine, folder = self.world.server, self.folder()
        folder.mkdir()
        for name, how in (("tpm-web", ["--tpm"]), ("file-web", []), ("tpm-rsa", ["--tpm", "--algorithm", "rsa-2048"])):
            key, cert = folder / f"{name}.key", folder / f"{name}.pem"
            machine.must("key", "create", name, *how, "-o", key)
            machine.must("key", "cert", name, "--dns", "localhost", "-o", cert)
            self.assertIn("ATTEST KEY REFERENCE", key.read_text())
            server = programs.nginx(machine.env(), folder / name, cert, key, more="ssl_protocols TLSv1.3;")
            done = programs.curl(self.world.client.env(), server.port, self.world.web.ca, "-k")
            server.stop()
            self.accepted(done, programs.HELLO)
            self.accepted(self.ctl("key", "list", machine=machine), name)
        machine.must("key", "remove", "tpm-web")
        self.assertNotIn("tpm-web", self.ctl("key", "list", machine=machine).out)

    def test_an_rsa_key_signs_with_every_hash_a_peer_may_ask_for(self):
        machine, folder = self.world.server, self.folder()
        folder.mkdir()
        for name, how in (("pss-tpm", ["--tpm"]), ("pss-file", [])):
            key, cert = folder / f"{name}.key", folder / f"{name}.pem"
            machine.must("key", "create", name, *how, "--algorithm", "rsa-2048", "-o", key)
            machine.must("key", "cert", name, "--dns", "localhost", "-o", cert)
            server = programs.s_server(machine.env(), folder / f"{name}.log", cert, key)
            for bits in ("256", "384", "512"):
                done = programs.s_client(self.world.client.env(), server.port, cert, "-partial_chain", "-sigalgs",
                                         f"rsa_pss_rsae_sha{bits}", "-client_sigalgs", "ecdsa_secp256r1_sha256")
                self.accepted(done, f"Peer signing digest: SHA{bits}")
            server.stop()

    # -- evidence over a nonce ------------------------------------------------------------------------------------
    def test_a_raw_nonce_needs_its_own_right(self):
        done = self.ctl("generate", machine=self.world.client)
        self.assertNotEqual(done.code, 0)
        self.assertIn("raw", done.out)

    def test_evidence_over_a_nonce_is_good_for_that_nonce_once_raw_is_allowed(self):
        machine = self.world.server
        machine.config.write_text(machine.config.read_text().replace('"sign", "control"', '"sign", "raw", "control"'))
        machine.must("reload")
        evidence = self.world.folder / "evidence.bin"
        machine.must("generate", "--nonce", "aa" * 32, "-o", evidence)
        self.accepted(self.ctl("verify", evidence, "--nonce", "aa" * 32, machine=self.world.client), "accepted")
        done = self.ctl("verify", evidence, "--nonce", "ab" * 32, machine=self.world.client)
        self.assertEqual(done.code, 1, done)
        self.assertIn("quote.not-fresh", done.out)
        alone = ["--policy-file", self.world.client.etc / "policies/default.json", "--metadata", self.world.client.state / "metadata",
                 "--root", self.world.authority.ca / "metadata-root.pem"]
        self.accepted(self.ctl("verify", evidence, "--nonce", "aa" * 32, *alone))
        spoilt = bytearray(evidence.read_bytes())
        spoilt[len(spoilt) // 2] ^= 1
        evidence.write_bytes(spoilt)
        self.assertEqual(self.ctl("verify", evidence, "--nonce", "aa" * 32, *alone).code, 1)
        done = self.ctl("generate", "--nonce", "attest/x".encode().hex(), machine=machine)
        self.assertNotEqual(done.code, 0)

    # -- metadata -------------------------------------------------------------------------------------------------
    def test_metadata_of_a_signer_nobody_trusts_is_not_imported(self):
        other = self.world.folder / "other-ca"
        processes.must([self.world.build.attestctl, "ca", "init", other])
        payload = self.world.authority.folder / f"{SERVER_IMAGE}.json"
        signed = self.world.folder / "foreign.json"
        self.accepted(self.ctl("metadata", "sign", payload, "--ca", other, "-o", signed))
        done = self.ctl("metadata", "import", signed, machine=self.world.client)
        self.assertNotEqual(done.code, 0)
        self.assertEqual(self.ctl("metadata", "show", signed, machine=self.world.client).code, 1)
        self.accepted(self.ctl("metadata", "show", signed, "--root", other / "metadata-root.pem"), SERVER_IMAGE)


if __name__ == "__main__":
    main()
