"""Chroots of the machines of a world, laid out as /var/lib/haproxy is on Debian: in each, a socket of that machine's daemon."""
import json
import os
import pathlib
import re

from .haproxy import INSIDE


def without_comments(text):
    return re.sub(r"(?m)(^|\s)//.*$", "", text)


class Chroots:
    def __init__(self, world, caller="haproxy"):
        self.machines = {str(machine.folder): machine for machine in world.machines}
        self.standard = world.server
        if os.geteuid() != 0:
            return
        for machine in world.machines:
            self._listen_inside(machine, caller)

    def folder(self, machine):
        return machine.folder / "chroot"

    def _listen_inside(self, machine, caller):
        run = self.folder(machine) / "run"
        run.mkdir(parents=True, exist_ok=True)
        config = json.loads(without_comments(machine.config.read_text()))
        config["sockets"].append({"path": str(run / "attest.sock"), "mode": "0666", "callers": [caller]})
        machine.config.write_text(json.dumps(config, indent=1))
        machine.stop_daemon()
        machine.start_daemon()

    def inside(self, env):
        """An environment for a program inside the chroot of the machine whose environment it is, and that chroot (None: no root)."""
        if os.geteuid() != 0:
            return env, None
        if "OPENSSL_CONF" not in env:
            return env, self.folder(self.standard)
        conf = pathlib.Path(env["OPENSSL_CONF"])
        machine = self.machines[str(conf.parent.parent)]
        text = conf.read_text().replace(f"attest-socket = {machine.socket}\n", f"attest-socket = {INSIDE}\n")
        copy = conf.with_name(f"inside-{conf.name}")
        copy.write_text(text)
        return {**env, "OPENSSL_CONF": str(copy)}, self.folder(machine)
