"""Processes: every one that is started here is ended here, by its pid."""
import contextlib
import ctypes
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def _die_with_parent():
    """In a child before exec: should we be killed outright, the kernel ends it too."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def end_with_us(folder):
    """SIGTERM becomes an orderly exit, so that `with` blocks run; TPMs that a run before us left behind in this very folder, because
    it was killed, are ended (a TPM goes into the background by itself and does not die with its parent)."""
    signal.signal(signal.SIGTERM, lambda *unused: sys.exit(143))
    for pid_file in pathlib.Path(folder).glob("*/tpm/swtpm.pid"):
        with contextlib.suppress(OSError, ValueError):
            pid = int(pid_file.read_text())
            if str(pid_file).encode() in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGTERM)


class Ended(RuntimeError):
    """A server ended by itself before it served."""


class Done:
    """What a finished command left behind."""

    def __init__(self, code, out):
        self.code = code
        self.out = out

    def __str__(self):
        return f"exit code {self.code}\n{self.out}"


class Environment(dict):
    """Environment variables, and where a program with them runs: `prefix` is put before its command."""

    def __init__(self, values, prefix=()):
        super().__init__(values)
        self.prefix = list(prefix)


def _command(command, env):
    return [str(c) for c in (*getattr(env, "prefix", ()), *command)]


def run(command, env=None, timeout=120, stdin=None, **more):
    """Runs a command to its end, stderr behind stdout. A command that does not end in time is killed: code -9."""
    command = _command(command, env)
    more.setdefault("stdin", subprocess.PIPE if stdin is not None else subprocess.DEVNULL)
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", **more) as child:
        try:
            out, _ = child.communicate(stdin, timeout=timeout)
        except subprocess.TimeoutExpired:
            child.kill()
            out, _ = child.communicate()
            return Done(-9, out + f"\n[not ended after {timeout} s]")
    return Done(child.returncode, out)


def must(command, **more):
    """run() for commands whose failure is a failure of the laboratory itself."""
    done = run(command, **more)
    if done.code != 0:
        raise RuntimeError(f"{' '.join(str(c) for c in command)}: {done}")
    return done.out


def environment(**more):
    """A plain environment: nothing of ours, nothing of whoever started us."""
    keep = {k: os.environ[k] for k in ("PATH", "HOME", "LANG", "TMPDIR") if k in os.environ}
    return {**keep, "LC_ALL": "C.UTF-8", **{k: str(v) for k, v in more.items()}}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(condition, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not after {seconds} s")
        time.sleep(0.02)


def listens(port):
    """Something listens on a TCP port of this host, seen without connecting to it."""
    wanted = f"0100007F:{port:04X}"
    with open("/proc/net/tcp", encoding="ascii") as table:
        return any(line.split()[1] == wanted and line.split()[3] == "0A" for line in table.readlines()[1:])


def answers(path):
    """Something accepts connections on a Unix socket."""
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as s:
        try:
            s.connect(str(path))
            return True
        except OSError:
            return False


class Server:
    """A process in the background with its output in a file. Ends with stop(), or with the `with` block."""

    def __init__(self, command, log, env=None, **more):
        self.log = str(log)
        self.command = _command(command, env)
        with open(self.log, "ab") as out:
            self.child = subprocess.Popen(self.command, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                          preexec_fn=_die_with_parent, **more)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()

    @property
    def pid(self):
        return self.child.pid

    def alive(self):
        return self.child.poll() is None

    def output(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def wait_for(self, condition, what):
        def ready():
            if not self.alive():
                raise Ended(f"{self.command[0]} ended with {self.child.returncode}: {self.output()[-2000:]}")
            return condition()
        wait_until(ready, f"{self.command[0]}: {what}")
        return self

    def wait_for_port(self, port):
        return self.wait_for(lambda: listens(port), f"port {port}")

    def send(self, number):
        self.child.send_signal(number)

    def stop(self, number=signal.SIGTERM):
        if self.alive():
            self.child.send_signal(number)
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.child.kill()
        return self.child.wait()
