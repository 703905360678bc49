"""The offline authority and the certificates of the programs."""
import pathlib

from . import processes
from .paths import OPENSSL


class Authority:
    """attestctl ca: the two roots, and what is signed under them."""

    def __init__(self, build, folder):
        self.build = build
        self.folder = pathlib.Path(folder)
        self.ca = self.folder / "ca"

    def attestctl(self, *args):
        return processes.must([self.build.attestctl, *args], env=processes.environment())

    def init(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.attestctl("ca", "init", self.ca, "--name", "Example Ops")

    def sign(self, *payloads):
        """Signs payload files; returns the signed files."""
        self.attestctl("metadata", "sign", "--ca", self.ca, *payloads)
        return [p.with_name(p.stem + ".signed.json") for p in map(pathlib.Path, payloads)]

    def publish(self, out, *args):
        """Signs a list of what is current."""
        self.attestctl("metadata", "publish", "--ca", self.ca, "-o", out, *args)
        return out

    def certify(self, request, challenge, *more):
        return self.attestctl("ca", "certify", request, "--ca", self.ca, "-o", challenge, *more)

    def describe(self, machine, image):
        """Reference values of a running machine and its image description, signed."""
        manifest = self.folder / f"{image}-os.json"
        description = self.folder / f"{image}.json"
        machine.must("metadata", "create", "manifest", "--name", f"{image}-os", "--from-machine", "-o", manifest)
        self.attestctl("metadata", "create", "image-description", "--name", image, "--manifest", f"{image}-os", "-o", description)
        return self.sign(manifest, description)

    def described(self, image):
        """What describe() signed for an image."""
        return [self.folder / f"{image}{part}.signed.json" for part in ("-os", "")]


class WebCertificates:
    """An ordinary certificate authority for the programs: it knows nothing of attestation."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.ca = self.folder / "web-ca.pem"

    def make(self, *hosts):
        self.folder.mkdir(parents=True, exist_ok=True)
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
                      "/CN=Example Web CA", "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", self.folder / "web-ca.key", "-out", self.ca)
        for host in hosts:
            self._leaf(host)
        return self

    def cert(self, host):
        return self.folder / f"{host}.pem"

    def key(self, host):
        return self.folder / f"{host}.key"

    def _leaf(self, host):
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
                      f"/CN={host}", "-addext", f"subjectAltName=DNS:{host},IP:127.0.0.1", "-CA", self.ca, "-CAkey",
                      self.folder / "web-ca.key", "-addext", "basicConstraints=critical,CA:FALSE",
                      "-keyout", self.key(host), "-out", self.cert(host))

    def _openssl(self, *args):
        return processes.must([OPENSSL, *args], env=processes.environment())
