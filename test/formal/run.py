#!/usr/bin/env python3
"""run.py [VERIFPAL] [NAME...]: runs the models of this folder and compares each answer with the table. `make formal` calls it.

A model of the design must hold; its broken twin, one change away, must fall: a model whose twin holds too proves nothing. Answers are
Verifpal's result codes, one pair a query: c confidentiality, a authentication; 0 no attack found, 1 attack found. The bound is one
session of each principal, so 0 means "no attack found", not a proof. README.md says what each model asks and what all leave out.
"""
import pathlib
import subprocess
import sys
import time

FOLDER = pathlib.Path(__file__).resolve().parent
SECONDS = 900  # for one model; the longest takes half a minute on an idle machine

# name, expected answer, is the attack expected
MODELS = [
    ("handshake", "c0a0c0", False),
    ("handshake-leaked-tls-key", "c0a0c0", False),
    ("nonce-and-key-only", "c1a1c1", True),
    ("shares-only", "c0a0c0", False),
    ("secret-only", "c0a0c0", False),
    ("kem-secret", "c0a0c0", False),
    ("kem-nothing", "c1a1c1", True),
    ("eph-leaked-tls-safe", "c1a0c1", True),
    ("batch", "c0a1", False),  # a1: the server's other honest connection answers; m stays secret
    ("batch-raw-leaf", "c1a1", True),
    ("batch-no-separation", "c1", True),
    ("batch-nonce-only", "c1", True),
    ("known-key", "c0a0c0", False),
    ("known-key-no-nonce", "c1a1c1", True),
    ("known-key-stolen", "c1a1c1", True),
    ("epoch-id", "c0a0c0", False),
    ("epoch-id-time-only", "c1a1c1", True),
    ("epoch-id-any-age", "c1a1c1", True),
    ("mutual", "c0a0a0", False),
    ("mutual-symmetric", "c1a1a0", True),
    ("mutual-symmetric-role", "c0a0a0", False),
    ("cmc-report", "c0a0", False),
    ("cmc-report-any-nonce", "c1a1", True),
    ("cmc-report-nonce-and-key", "c1a0", True),  # a0: the report is the server's; the session is not
    ("links", "a0a0", False),
    ("links-no-challenge", "a0a1", True),
    ("links-challenge-only", "a0a1", True),
    ("links-no-chain", "a0a0", False),
    ("links-no-exporter", "a0a0", False),
]


def answer(verifpal, name):
    command = [verifpal, "verify", FOLDER / f"{name}.vp", "--sessions", "1", "--result-code", "--color", "never"]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return f"not ended after {SECONDS} s"
    lines = done.stdout.strip().splitlines()
    return lines[-1].strip() if lines else f"exit code {done.returncode}"


def main():
    verifpal = sys.argv[1] if len(sys.argv) > 1 else "verifpal"
    chosen = [m for m in MODELS if not sys.argv[2:] or m[0] in sys.argv[2:]]
    unlisted = {f.stem for f in FOLDER.glob("*.vp")} ^ {name for name, *_ in MODELS}
    wrong = len(unlisted)
    for name in sorted(unlisted):
        print(f"{name}: a model without a row in the table, or a row without a model")
    for name, expected, attack in chosen:
        start = time.monotonic()
        got = answer(verifpal, name)
        said = "as expected" if got == expected else f"EXPECTED {expected}"
        kind = "attack found" if attack else "holds"
        print(f"{name:26} {got:8} {kind:13} {said:14} {time.monotonic() - start:6.1f} s", flush=True)
        wrong += got != expected
    print(f"{len(chosen) - wrong} passed, {wrong} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
