"""A stand-in for the agent of a machine: the socket API of CMC 1.4.0, with reports that say what they are over."""
import base64
import itertools
import json
import os
import socketserver
import struct
import threading

NAMES = {1: {0: "version", 1: "nonce", 2: "cached"},
         2: {0: "version", 1: "nonce", 2: "report", 6: "peer", 7: "peerAddr", 8: "policies"},
         6: {0: "version", 1: "peer"}}
ANSWER_KEYS = {"version": 0, "report": 1, "result": 1, "cache": 1, "msg": 1}
BYTES = {"nonce", "report", "policies"}
NUMBERS = itertools.count()


def report_over(machine, nonce):
    """A report in form: nobody signed it, but it names its machine and what it is over."""
    context = json.dumps({"type": "Context", "alg": "SHA-256", "nonce": base64.b64encode(nonce).decode(), "collateral": None, "digests": None})
    return json.dumps({"version": "3.3.0", "type": "Attestation Report", "name": machine, "encoding": "b64", "evidences": [],
                       "context": base64.urlsafe_b64encode(context.encode()).decode().rstrip("=")}).encode()


def _head(data):
    major, short = data[0] >> 5, data[0] & 31
    size = {24: 1, 25: 2, 26: 4, 27: 8}.get(short, 0)
    return major, int.from_bytes(data[1:1 + size], "big") if size else short, data[1 + size:]


def decode(data):
    """The first CBOR item of data, and the rest."""
    major, value, data = _head(data)
    if major == 0:
        return value, data
    if major in (2, 3):
        return (data[:value] if major == 2 else data[:value].decode()), data[value:]
    out = []
    for _ in range(value * (2 if major == 5 else 1)):
        item, data = decode(data)
        out.append(item)
    return (dict(zip(out[::2], out[1::2])) if major == 5 else out), data


def encode(value):
    def head(major, n):
        for size, mark in ((0, 0), (1, 24), (2, 25), (4, 26), (8, 27)):
            if size == 0 and n < 24:
                return bytes([major << 5 | n])
            if size and n < 1 << (8 * size):
                return bytes([major << 5 | mark]) + n.to_bytes(size, "big")
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(encode, value))
    return head(5, len(value)) + b"".join(encode(k) + encode(v) for k, v in value.items())


class FleetAgent:
    """`machine` is what reports say of this machine, `accepts` the machines that are accepted; calls of the types in `fails` are answered
    by an error. `calls` lists what was asked."""

    def __init__(self, folder, machine="good", accepts=("good",), fails=()):
        self.machine, self.accepts, self.fails, self.calls = machine, set(accepts), set(fails), []
        self.path = os.path.join(folder, f"agent-{next(NUMBERS)}.sock")
        agent = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                length, kind = struct.unpack(">II", self.rfile.read(8))
                payload = self.rfile.read(length)
                answer = agent.answer(kind, payload)
                self.wfile.write(struct.pack(">II", len(answer), 0 if kind in agent.fails else kind) + answer)

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True
            request_queue_size = 128

        self.server = Server(self.path, Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, kind, payload):
        is_json = payload[:1] == b"{"
        if is_json:
            call = {k: base64.b64decode(v) if k in BYTES else v for k, v in json.loads(payload).items()}
        else:
            call = {NAMES[kind].get(k): v for k, v in decode(payload)[0].items()}
        self.calls.append((kind, call))
        out = {"version": "1.4.0", **self.act(kind, call)}
        if is_json:
            return json.dumps({k: base64.b64encode(v).decode() if isinstance(v, bytes) else v for k, v in out.items()}).encode()
        return encode({ANSWER_KEYS[k]: v for k, v in out.items()})

    def act(self, kind, call):
        if kind in self.fails:
            return {"msg": "the agent is out of order"}
        if kind == 1:
            return {"report": report_over(self.machine, call["nonce"])}
        if kind == 6:
            return {"cache": []}
        good = call["report"] in [report_over(machine, call["nonce"]) for machine in self.accepts]
        return {"result": {"version": "3.4.0", "type": "Attestation Result", "summary": {"status": "success" if good else "fail"}}}
