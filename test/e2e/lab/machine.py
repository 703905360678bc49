"""A machine: a software TPM with a recorded boot, its daemon, and an environment in which its programs run."""
import json
import os
import pathlib
import pwd
import re
import sys

from . import processes
from .paths import BOOTS, SOURCE

sys.path.insert(0, str(SOURCE / "test/fixtures"))
import swtpm_machine  # noqa: E402  (stands in test/fixtures, beside the recorded boots)

USER = pwd.getpwuid(os.geteuid()).pw_name


class AttestedMachine:
    def __init__(self, build, folder, name, services=None):
        self.build = build
        self.services = services or {}
        self.name = name
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.tpm = swtpm_machine.Machine(str(self.folder / "tpm"))
        self.etc = self.folder / "etc"
        self.state = self.folder / "state"
        self.socket = self.folder / "run/attest.sock"
        self.config = self.etc / "cmcd.json"
        self.openssl_conf = self.etc / "openssl.cnf"
        self.daemon = None
        self.policy = None
        self.prefix = ()  # where its programs run, if not here: see trixie.py

    # -- the hardware ---------------------------------------------------------------------------------------------
    def switch_on(self, boot, **how):
        """Starts the TPM and replays a recorded boot into it."""
        self.tpm.start(ek_certs=True)
        self.tpm.replay(str(BOOTS / boot), **how)

    @property
    def ek_roots(self):
        """The roots of this TPM's maker."""
        return [self.folder / "tpm/ca" / n for n in ("swtpm-localca-rootca-cert.pem", "issuercert.pem")]

    # -- the daemon -----------------------------------------------------------------------------------------------
    def setup_command(self, authority, image, *more):
        return ["setup", "--ca", authority.ca, "--image", image, "--etc", self.etc, "--state", self.state,
                "--socket", self.socket, "--tcti", self.tpm.tcti, "--event-log", self.tpm.event_log,
                "--ima-list", self.tpm.ima_list, "--module", self.build.module, "--daemon-user", USER,
                *self._services(), *more]

    def _services(self):
        """Who may attest besides root. Where the tests do not run as root every program runs as their own user."""
        services = self.services if os.geteuid() == 0 else {"lab": USER}
        return [part for label, user in services.items() for part in ("--service", f"{label}={user}")]

    def be_patient(self):
        """Deadlines for a build machine that does many things at once; what they are worth is tested elsewhere."""
        text = self.openssl_conf.read_text()
        for name in ("connect", "quote", "judge"):
            text = re.sub(rf"(?m)^# attest-{name}-ms = .*$", f"attest-{name}-ms = 40000", text)
        self.openssl_conf.write_text(text)

    def tell_file_names(self):
        """Lets every peer learn which files ran here, not only those that were accepted first."""
        text = self.config.read_text()
        self.config.write_text(text.replace('"ima_entries": "accepted"', '"ima_entries": "anyone"'))
        self.stop_daemon()
        self.start_daemon()

    def settings(self):
        """cmcd.json as it stands."""
        return self._read(self.config)

    def configure(self, **members):
        """Sets members of cmcd.json under the running daemon."""
        self._change(self.config, members)

    def put_policy(self, **members):
        """The default policy as setup wrote it, with these members instead, under the running daemon."""
        policy = self.etc / "policies/default.json"
        self.policy = self.policy or policy.read_text()
        policy.write_text(self.policy)
        self._change(policy, members)

    @staticmethod
    def _read(file):
        """JSON with comments, which strings may look like."""
        return json.loads(re.sub(r'("(?:[^"\\]|\\.)*")|//[^\n]*', lambda part: part[1] or "", file.read_text()))

    def _change(self, file, members):
        file.write_text(json.dumps({**self._read(file), **members}))
        self.must("reload")

    def start_daemon(self):
        self.daemon = processes.Server([self.build.daemon, "--config", self.config], self.folder / "daemon.log",
                                       env=processes.environment())
        self.daemon.wait_for(lambda: processes.answers(self.socket), f"socket {self.socket}")

    def stop_daemon(self):
        if self.daemon:
            self.daemon.stop()
            self.daemon = None

    def stop(self):
        self.stop_daemon()
        self.tpm.stop()

    # -- its programs ---------------------------------------------------------------------------------------------
    def env(self, **more):
        """The environment that makes a program of this machine attest: one variable."""
        return processes.Environment(processes.environment(OPENSSL_CONF=self.openssl_conf, **more), self.prefix)

    def env_with(self, label, **settings):
        """The same with other settings in a copy of openssl.cnf: env_with("x", module="/nowhere", attest_server="off")."""
        text = self.openssl_conf.read_text()
        for key, value in settings.items():
            key = key.replace("_", "-")
            text, found = re.subn(rf"(?m)^(# )?{key} = .*$", f"{key} = {value}", text, count=1)
            if not found:
                raise ValueError(f"openssl.cnf has no {key}")
        copy = self.etc / f"openssl-{label}.cnf"
        copy.write_text(text)
        return processes.Environment(processes.environment(OPENSSL_CONF=copy), self.prefix)

    def attestctl(self, *args):
        return processes.run([self.build.attestctl, "--socket", self.socket, "--config", self.config, *args],
                             env=processes.environment())

    def must(self, *args):
        done = self.attestctl(*args)
        if done.code != 0:
            raise RuntimeError(f"attestctl {' '.join(str(a) for a in args)} on {self.name}: {done}")
        return done.out

    def enroll(self, authority, *more):
        """Has the attestation key certified after the TPM opened a challenge."""
        request, challenge = self.folder / "request.json", self.folder / "challenge.json"
        self.must("enroll", "request", "-o", request)
        roots = [part for root in self.ek_roots for part in ("--ek-roots", root)]
        authority.certify(request, challenge, "--host", self.name, *roots, *more)
        return self.must("enroll", "finish", challenge)
