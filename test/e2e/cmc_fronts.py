#!/usr/bin/env python3
"""CMC's agent API over gRPC and CoAP: the two fronts before a daemon, and what they must not let through."""
import base64
import json
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

BUILD = pathlib.Path(os.environ.get("ATTEST_BUILD", pathlib.Path(__file__).resolve().parents[2] / "build"))
FRONTS = {name: BUILD / "apps" / name / name for name in ("cmc-grpc", "cmc-coap")}
PATIENCE = 30
CALLS = ("Attest", "Verify", "TLSCreate", "TLSSign", "TLSCert", "PeerCache", "Measure", "UpdateCerts", "UpdateMetadata")


def wait_for(what, probe):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = probe()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come")


def varint(value):
    out = b""
    while value >= 0x80:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def field(number, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def fields(message):
    """The length-delimited fields of a message, by number."""
    out, at = {}, 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at, value, shift = at + 1, value | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                return value

    while at < len(message):
        tag = number()
        if tag & 7 == 0:
            out.setdefault(tag >> 3, []).append(number())
        else:
            size = number()
            out.setdefault(tag >> 3, []).append(message[at:at + size])
            at += size
    return out


class Coap:
    """A client of CoAP (RFC 7252) with blockwise transfer in both directions (RFC 7959)."""

    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(5)
        self.socket.connect(("127.0.0.1", port))
        self.close = self.socket.close
        self.next = int.from_bytes(os.urandom(1), "big")

    @staticmethod
    def options(pairs):
        out, last = b"", 0
        for number, value in sorted(pairs):
            delta, last = number - last, number
            assert delta < 269 and len(value) < 269
            heads = [min(delta, 13), min(len(value), 13)]
            more = [bytes([n - 13]) for n in (delta, len(value)) if n >= 13]
            out += bytes([heads[0] << 4 | heads[1]]) + b"".join(more) + value
        return out

    @staticmethod
    def parse(packet):
        at, number, options = 4 + (packet[0] & 15), 0, {}
        while at < len(packet) and packet[at] != 0xFF:
            parts = [packet[at] >> 4, packet[at] & 15]
            at += 1
            for i in (0, 1):
                if parts[i] == 13:
                    parts[i], at = packet[at] + 13, at + 1
                elif parts[i] == 14:
                    parts[i], at = int.from_bytes(packet[at:at + 2], "big") + 269, at + 2
            number += parts[0]
            options[number] = packet[at:at + parts[1]]
            at += parts[1]
        return packet[1], options, packet[at + 1:]

    def send(self, options, payload):
        self.next = (self.next + 1) & 0xFFFF
        token = struct.pack(">I", self.next)
        packet = bytes([0x44, 0x02]) + struct.pack(">H", self.next) + token + self.options(options) + (b"\xff" + payload if payload else b"")
        self.socket.send(packet)
        for _ in range(8):
            try:
                answer = self.socket.recv(65536)
            except TimeoutError:
                self.socket.send(packet)
                continue
            if answer[0] >> 4 & 3 == 0:  # confirmable
                self.socket.send(b"\x60\0" + answer[2:4])
            if answer[4:4 + (answer[0] & 15)] == token and answer[1] != 0:
                return self.parse(answer)
        raise AssertionError("no answer over CoAP")

    @staticmethod
    def block1(number, more):
        return (number << 4 | (8 if more else 0) | 5).to_bytes(3, "big").lstrip(b"\0")

    def post(self, path, content_format, payload, block=512):
        """Returns the code as text, the content format and the whole body."""
        base = [(11, path.encode())]
        if content_format is not None:
            base.append((12, bytes([content_format])))
        for at in range(0, len(payload), block):
            more = at + block < len(payload)
            one = [] if len(payload) <= block else [(27, self.block1(at // block, more))]
            code, options, body = self.send(base + one, payload[at:at + block])
            if more and code != 0x5F:  # 2.31 Continue
                break
        if not payload:
            code, options, body = self.send(base, b"")
        while 23 in options and int.from_bytes(options[23], "big") & 8:
            value = int.from_bytes(options[23], "big")
            following = ((value >> 4) + 1) << 4 | value & 7
            code, options, rest = self.send(base + [(23, following.to_bytes(2, "big"))], b"")
            body += rest
        return f"{code >> 5}.{code & 31:02}", int.from_bytes(options.get(12, b""), "big"), body


class SlowAgent(threading.Thread):
    """An agent that answers PeerCache: at once for peer "quick", for others once it is told to. .calls counts those."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.calls, self.go = 0, threading.Event()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(16)
        self.start()

    def run(self):
        while True:
            threading.Thread(target=self.one, args=(self.listener.accept()[0],), daemon=True).start()

    def one(self, connection):
        stream = connection.makefile("rwb")
        size, kind = struct.unpack(">II", stream.read(8))
        if json.loads(stream.read(size))["peer"] != "quick":
            self.calls += 1
            self.go.wait(PATIENCE)
        answer = json.dumps({"version": "1.4.0", "cache": ["ab" * 32] * 100}).encode()
        stream.write(struct.pack(">II", len(answer), kind) + answer)
        stream.flush()
        connection.close()


@unittest.skipUnless(all(path.exists() for path in FRONTS.values()), "cmc-grpc and cmc-coap were not built: libgrpc++-dev, libcoap3-dev")
class Fronts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="cmc-"))
        cls.processes = []
        config = {"state_dir": str(cls.folder), "sockets": [{"path": str(cls.folder / "attest.sock")}],
                  "callers": [{"name": "me", "uid": os.getuid(), "rights": ["judge"]}], "sw": {}, "policies": "policies",
                  "cmc": {"sockets": [{"path": str(cls.folder / "front.sock"), "remote": True}], "one_root": True, "roots": ["ca.pem"]}}
        (cls.folder / "policies").mkdir()
        (cls.folder / "cmcd.json").write_text(json.dumps(config))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=root",
                        "-keyout", cls.folder / "ca.key", "-out", cls.folder / "ca.pem"], check=True, capture_output=True)
        cls.start("cmcd", [BUILD / "cmcd-lite/server/cmcd-lite", "--config", cls.folder / "cmcd.json"])
        wait_for("the daemon", (cls.folder / "front.sock").exists)
        agent = f"unix://{cls.folder}/front.sock"
        cls.start("grpc", [FRONTS["cmc-grpc"], "--listen", "127.0.0.1:0", "--agent", agent])
        cls.grpc_port = int(wait_for("cmc-grpc", lambda: re.search(r"port (\d+)", cls.log("grpc")))[1])
        cls.coap_port = cls.coap_front("coap", agent)

    @classmethod
    def coap_front(cls, name, agent):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        cls.start(name, [FRONTS["cmc-coap"], "--listen", f"127.0.0.1:{port}", "--agent", agent])
        wait_for("cmc-coap", lambda: "serving" in cls.log(name))
        return port

    @classmethod
    def tearDownClass(cls):
        for process in cls.processes:
            process.terminate()
        for process in cls.processes:
            process.wait(PATIENCE)
        shutil.rmtree(cls.folder)

    @classmethod
    def start(cls, name, command):
        with open(cls.folder / f"{name}.log", "wb") as log:
            cls.processes.append(subprocess.Popen([str(part) for part in command], stdout=log, stderr=log))

    @classmethod
    def log(cls, name):
        return (cls.folder / f"{name}.log").read_text()

    def grpc(self, method, message):
        """One unary call: its status code, the message of a status, and the answer's fields."""
        head, body = self.folder / "head", self.folder / "body"
        for _ in range(20):  # an early answer resets the stream, and curl may lose the answer with it
            body.unlink(missing_ok=True)
            subprocess.run(["curl", "-sS", "--http2-prior-knowledge", "--max-time", str(PATIENCE), "-D", head, "-o", body,
                            "-H", "content-type: application/grpc", "-H", "te: trailers", "--data-binary", "@-",
                            f"http://127.0.0.1:{self.grpc_port}/grpcapi.CMCService/{method}"],
                           input=b"\0" + struct.pack(">I", len(message)) + message, stderr=subprocess.DEVNULL)
            text = head.read_text()
            status = re.search(r"(?i)^grpc-status: (\d+)", text, re.M)
            if status:
                break
        self.assertTrue(status, f"no status for {method}: {text}")
        why = re.search(r"(?i)^grpc-message: (.*)$", text, re.M)
        answer = body.read_bytes() if body.exists() else b""
        return int(status[1]), why[1] if why else "", fields(answer[5:])

    def test_grpc_serves_verify_and_peer_cache(self):
        status, why, answer = self.grpc("PeerCache", field(1, "1.4.0") + field(2, "ab" * 32))
        self.assertEqual((status, answer), (0, {1: [b"1.4.0"]}), why)
        status, why, answer = self.grpc("Verify", field(1, "1.4.0") + field(2, b"nonce") + field(3, b"no report") + field(8, "192.0.2.7:1"))
        self.assertEqual(status, 0, why)
        self.assertEqual(json.loads(answer[2][0])["summary"]["status"], "fail")

    def test_grpc_lets_nothing_else_through(self):
        for call in CALLS:
            if call in ("Verify", "PeerCache"):
                continue
            status, why, _ = self.grpc(call, field(1, "1.4.0"))
            self.assertEqual(status, 7, (call, why))
            self.assertIn("peer credentials", why, call)

    def test_grpc_refuses_what_is_no_call(self):
        self.assertEqual(self.grpc("Nonsense", b"")[0], 12)
        self.assertEqual(self.grpc("PeerCache", field(2, "x"))[0], 9, "no version")
        self.assertEqual(self.grpc("PeerCache", field(1, "1.3.0"))[0], 9)
        self.assertEqual(self.grpc("PeerCache", b"\x0a\xff\xff\xff\xff\x0f")[0], 3, "a length beyond the message")
        self.assertEqual(self.grpc("PeerCache", field(1, "1.4.0") + b"\x10\x01")[0], 3, "a number where a text is due")

    def test_coap_serves_both_serialisations(self):
        coap = Coap(self.coap_port)
        self.addCleanup(coap.close)
        self.assertEqual(coap.post("PeerCache", 50, b'{"version":"1.4.0","peer":"p"}'), ("2.05", 50, b'{"version":"1.4.0","cache":[]}'))
        self.assertEqual(coap.post("PeerCache", 60, bytes.fromhex("a20065312e342e30016170")), ("2.05", 60, bytes.fromhex("a20065312e342e300180")))
        code, content, body = coap.post("Verify", 50, b'{"version":"1.4.0","nonce":"AQ==","report":"e30="}')
        self.assertEqual((code, content), ("2.05", 50), body)
        self.assertEqual(json.loads(body)["result"]["summary"]["status"], "fail")

    def test_coap_lets_nothing_else_through(self):
        coap = Coap(self.coap_port)
        self.addCleanup(coap.close)
        for call in CALLS:
            if call in ("Verify", "PeerCache"):
                continue
            code, _, body = coap.post(call, 50, b'{"version":"1.4.0"}')
            self.assertEqual(code, "5.00", call)
            self.assertIn(b"peer credentials", body, call)

    def test_coap_refuses_what_is_no_call(self):
        coap = Coap(self.coap_port)
        self.addCleanup(coap.close)
        self.assertEqual(coap.post("PeerCache", 0, b"text")[0], "4.15")
        self.assertEqual(coap.post("PeerCache", None, b"{}")[0], "4.15")
        self.assertEqual(coap.post("PeerCache", 60, b'{"version":"1.4.0"}')[0], "4.15", "JSON that says it is CBOR")
        self.assertEqual(coap.post("Nonsense", 50, b"{}")[0], "4.04")
        self.assertEqual(coap.post("PeerCache", 50, b'{"version":"1.3.0"}')[0], "5.00")

    def test_coap_takes_uploads_in_blocks(self):
        coap = Coap(self.coap_port)
        self.addCleanup(coap.close)
        for size in (700, 300000):  # no report, but one that is judged
            report = base64.b64encode(os.urandom(size)).decode()
            code, _, body = coap.post("Verify", 50, json.dumps({"version": "1.4.0", "nonce": "AQ==", "report": report}).encode())
            self.assertEqual(code, "2.05", body)
            self.assertEqual(json.loads(body)["result"]["summary"]["errorCodes"], [6], size)

    def test_coap_bounds_uploads(self):
        coap = Coap(self.coap_port)
        self.addCleanup(coap.close)
        base, half = [(11, b"PeerCache"), (12, b"\x32")], b"{" + b" " * 511
        first = base + [(27, coap.block1(0, True))]
        third = base + [(27, coap.block1(2, False))]
        code = lambda options, body: "{}.{:02}".format(*divmod(coap.send(options, body)[0], 32))
        self.assertEqual(code(third, b"}"), "4.08", "an upload without its beginning")
        self.assertEqual(code(first, half), "2.31")
        self.assertEqual(code(third, b"}"), "4.08", "a block is missing")
        self.assertEqual(code(base + [(27, coap.block1(1, False))], b"}"), "4.08", "nothing is left of it")
        self.assertEqual(code(first + [(60, (1 << 30).to_bytes(4, "big"))], half), "4.13", "announced too large")
        other = Coap(self.coap_port)
        self.addCleanup(other.close)
        self.assertEqual(code(first, half), "2.31")
        self.assertEqual(other.send(base + [(27, coap.block1(1, False))], b"}")[0], 0x88, "another client's upload")
        self.assertEqual(code(first, half), "2.31", "begun anew, or sent again")
        tail = b'"version":"1.4.0","peer":"p"}'
        self.assertEqual(code(base + [(27, coap.block1(1, False))], tail), "2.05")

    def test_coap_holds_nobody_up_and_calls_once(self):
        agent = SlowAgent(self.folder / "slow.sock")
        port = self.coap_front("slow-coap", f"unix://{self.folder}/slow.sock")
        slow, quick = Coap(port), Coap(port)
        self.addCleanup(slow.close)
        self.addCleanup(quick.close)
        options = Coap.options([(11, b"PeerCache"), (12, b"\x32")])
        request = b"\x44\x02\x12\x34toke" + options + b'\xff{"version":"1.4.0","peer":"slow"}'
        slow.socket.send(request)
        wait_for("the slow call", lambda: agent.calls)
        self.assertEqual(quick.post("PeerCache", 50, b'{"version":"1.4.0","peer":"quick"}')[0], "2.05")
        slow.socket.send(request)  # the client has lost patience
        self.assertEqual(slow.socket.recv(65536), b"\x60\0\x12\x34", "an acknowledgement without an answer")
        agent.go.set()
        answer = slow.socket.recv(65536)
        self.assertEqual(answer[:8], b"\x64\x45\x12\x34toke", "the answer to the request itself, in its acknowledgement")
        self.assertIn(23, Coap.parse(answer)[1], "the first of its blocks")
        self.assertEqual(agent.calls, 1)

    def test_fronts_listen_on_loopback_alone(self):
        for program in FRONTS.values():
            done = subprocess.run([program, "--listen", "0.0.0.0:0"], capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual(done.returncode, 2)
            self.assertIn("127.0.0.1", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
