"""Where things are: the source tree, the build, the programs of the system."""
import pathlib
import shutil

SOURCE = pathlib.Path(__file__).resolve().parents[3]
BOOTS = SOURCE / "test/fixtures/boots"


class Build:
    """A build tree; names of what was built in it."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder).resolve()
        self.module = self.folder / "provider/attest.so"
        self.attestctl = self.folder / "apps/attestctl/attestctl"
        self.daemon = self.folder / "cmcd-lite/server/cmcd-lite"
        self.epochd = self.folder / "apps/attest-epochd/attest-epochd"
        self.pair = self.folder / "apps/attest-demo/attest-demo"

    def missing(self):
        return [p.name for p in (self.module, self.attestctl, self.daemon, self.pair) if not p.exists()]


def program(name, *folders):
    """The path of an installed program; "" if there is none."""
    return shutil.which(name) or next((str(f) for f in (pathlib.Path(d) / name for d in folders) if f.exists()), "")


NGINX = program("nginx", "/usr/sbin")
CURL = program("curl")
OPENSSL = program("openssl")
PSQL = program("psql")
PYTHON = "/usr/bin/python3"  # Debian's, which uses Debian's OpenSSL
APACHE = program("apache2", "/usr/sbin")
HAPROXY = program("haproxy", "/usr/sbin")
STUNNEL = program("stunnel4", "/usr/bin")
REDIS_SERVER = program("redis-server")
REDIS_CLI = program("redis-cli")
GO = program("go", "/usr/local/go/bin", *sorted(pathlib.Path("/usr/lib").glob("go-*/bin"), reverse=True))
POSTGRES_BIN = next(iter(sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
