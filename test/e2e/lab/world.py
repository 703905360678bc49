"""The world of the tests: an authority, a server machine, a client machine, and, where asked for, a changed one."""
import os
import pathlib
import shutil
import tempfile

from . import processes
from .authority import Authority, WebCertificates
from .machine import AttestedMachine
from .paths import Build
from .users import User

SERVER_BOOT, SERVER_IMAGE = "tis", "web-server"
CLIENT_BOOT, CLIENT_IMAGE = "secureboot", "workstation"
CHANGED_EVENT = 20  # firmware event that measured something else on the changed machine
HOST = "localhost"


class World:
    """Machines `server` and `client` accept each other. `changed` is enrolled like `server`, claims the same image, and booted
    with one component altered: nobody may accept it."""

    def __init__(self, build_folder, work_folder, changed=True, services=None):
        self.build = Build(build_folder)
        self.folder = pathlib.Path(work_folder).resolve()
        self.with_changed = changed
        self.services = services or {}
        self.borrowed = None
        self.machines = []
        self.servers = []

    def __enter__(self):
        try:
            return self.make()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *unused):
        self.close()

    def make(self):
        processes.end_with_us(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        os.chmod(self.folder, 0o755)
        self._let_services_in()
        self.authority = Authority(self.build, self.folder / "authority")
        self.authority.init()
        self.web = WebCertificates(self.folder / "web").make(HOST, "other.example", "client.example")
        self.server = self._machine("server", SERVER_BOOT, SERVER_IMAGE)
        self.client = self._machine("client", CLIENT_BOOT, CLIENT_IMAGE)
        signed = self.authority.describe(self.server, SERVER_IMAGE) + self.authority.describe(self.client, CLIENT_IMAGE)
        self.signed = [part for item in signed for part in ("--metadata", item)]
        for machine in (self.server, self.client):
            machine.enroll(self.authority, *self.signed)
        if self.with_changed:
            self.changed = self._machine("changed", SERVER_BOOT, SERVER_IMAGE, change=CHANGED_EVENT)
            self.changed.enroll(self.authority, *self.signed)
        return self

    def _let_services_in(self):
        """Programs of other users need the module and the sockets: where the tree stands in a folder they may not enter (/root, say),
        the world moves to the folder for temporary files."""
        users = [User(name) for name in self.services.values()]
        if not users or not users[0].as_user:
            return
        if not all(user.may_enter(self.folder) for user in users):
            self.borrowed = self.folder = pathlib.Path(tempfile.mkdtemp(prefix="attest-e2e-"))
            os.chmod(self.folder, 0o755)
        module = self.folder / "attest.so"
        shutil.copy(self.build.module, module)
        os.chmod(module, 0o755)
        self.build.module = module

    def _machine(self, name, boot, image, **how):
        machine = AttestedMachine(self.build, self.folder / name, name, self.services)
        self.machines.append(machine)
        machine.switch_on(boot, **how)
        peers = [part for peer in (SERVER_IMAGE, CLIENT_IMAGE) for part in ("--peer-image", peer)]
        processes.must([self.build.attestctl, *machine.setup_command(self.authority, image, *peers)], env=processes.environment())
        machine.be_patient()
        machine.start_daemon()
        return machine

    def log(self, name):
        return self.folder / f"{name}.log"

    def serve(self, server):
        """Keeps a server process for close()."""
        self.servers.append(server)
        return server

    def close(self):
        for server in self.servers:
            server.stop()
        for machine in self.machines:
            machine.stop()
        if self.borrowed:
            shutil.rmtree(self.borrowed, ignore_errors=True)
