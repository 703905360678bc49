"""What the kinds share: running attestctl on an artefact, and comparing what it says with what is expected.

A kind is a module in kinds/ with
    NAME                      of the kind, as `attestctl appraise` knows it
    claims(entry, path)       is this entry of expected.json mine? Exactly one kind claims each.
    run(entry, path)          -> list of (fact, expected, got); a fact passes if both are equal
path is the artefact's pathlib.Path. Nothing is decided by a file's name where its content or the entry can say it.
"""
import datetime
import json
import os
import pathlib
import re
import subprocess
import tempfile

ATTESTCTL = os.environ.get("ATTESTCTL", "attestctl")
TREE = pathlib.Path(".")
ENTRIES = {}

# What an entry says about itself rather than about the artefact's content.
ABOUT = {"verdict", "expect", "sha256", "source", "note", "derived_from", "mutation", "expected_source", "verify_time",
         "stratum", "label", "machine"}


class Skip(Exception):
    """A reason why an entry cannot be judged here; it is printed and counted."""


def configure(attestctl, tree, entries):
    global ATTESTCTL, TREE
    ATTESTCTL, TREE = str(attestctl), pathlib.Path(tree)
    ENTRIES.update(entries)


def relative(path):
    return path.relative_to(TREE).as_posix()


def siblings(path):
    """The entries of the same folder: {file name: entry}, without the artefact itself."""
    folder = relative(path).rpartition("/")[0]
    return {name.rpartition("/")[2]: entry for name, entry in ENTRIES.items()
            if name.rpartition("/")[0] == folder and name != relative(path)}


def _run(arguments):
    done = subprocess.run([ATTESTCTL, "--json", *map(str, arguments)], capture_output=True, timeout=300,
                          stdin=subprocess.DEVNULL)
    if done.returncode not in (0, 1, 2, 3):
        raise RuntimeError(f"attestctl died with {done.returncode}: {done.stderr.decode(errors='replace')[-500:]}")
    try:
        return done.returncode, json.loads(done.stdout)
    except ValueError:
        return done.returncode, {"error": {"text": done.stderr.decode(errors="replace")}}


def inspect(path, kind=None, *more):
    """-> (exit code, document)"""
    return _run(["inspect", *(["--kind", kind] if kind else []), path, *more])


def appraise(kind, path, companions=None, at=None, roots=(), nonce=None, collateral=None, policy=None):
    """-> (exit code, document). companions: {role: path or bytes or JSON}; policy: a JSON object or a path."""
    with tempfile.TemporaryDirectory() as folder:
        def named(role, value):
            if isinstance(value, (str, pathlib.Path)):
                return str(value)
            here = pathlib.Path(folder, role)
            here.write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())
            return str(here)
        arguments = ["appraise", kind, path]
        for role, value in (companions or {}).items():
            arguments += ["--with", f"{role}={named(role, value)}"]
        if at:
            arguments += ["--at", at]
        for root in [roots] if isinstance(roots, (str, pathlib.Path)) else roots:
            arguments += ["--roots", root]
        if nonce:
            arguments += ["--nonce", nonce]
        if collateral:
            arguments += ["--collateral", collateral]
        if policy is not None:
            arguments += ["--policy", named("policy", policy)]
        return _run(arguments)


def failed(document):
    """The ids of the failed checks."""
    return [check["id"] for check in document.get("checks", []) if check["outcome"] == "fail"]


def failures(document):
    """The failed checks as text, for messages."""
    return "; ".join(f"{check['id']}: {check['why']}" for check in document.get("checks", [])
                     if check["outcome"] == "fail") or document.get("error", {}).get("text", "nothing failed")


def passed(document, check):
    outcomes = [c["outcome"] for c in document.get("checks", []) if c["id"] == check]
    return bool(outcomes) and all(outcome != "fail" for outcome in outcomes)


def moment(text):
    """Any of the forms that times come in, as an aware datetime; None if it is none of them."""
    for form in ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%z", "%Y%m%d%H%M%SZ", "%b %d %H:%M:%S %Y GMT"):
        try:
            return datetime.datetime.strptime(text.strip(), form).replace(tzinfo=datetime.timezone.utc)
        except ValueError:
            pass
    return None


def normal(value):
    """One form for values that mean the same: hex in lower case without 0x and leading zeros of 0x numbers, times, sets."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        when = moment(value)
        if when:
            return when
        if re.fullmatch(r"0x[0-9a-fA-F]+", value):
            return int(value, 16)
        return value.lower() if re.fullmatch(r"[0-9a-fA-F]+", value) else value
    if isinstance(value, dict):
        return {key: normal(inner) for key, inner in value.items()}
    if isinstance(value, list):
        inner = [normal(x) for x in value]
        return inner
    return value


def compare(entry, facts, but=(), rename=None, missing_is_failure=True):
    """Every fact of the entry against the facts that attestctl gave: rows for run(). `but` names the keys that the
    kind handles by itself, rename maps the entry's keys to ours."""
    rows = []
    for key, expected in entry.items():
        if key in ABOUT or key in but:
            continue
        ours = (rename or {}).get(key, key)
        if ours in facts:
            rows.append((key, normal(expected), normal(facts[ours])))
        elif missing_is_failure:
            rows.append((key, normal(expected), "not reported"))
    return rows
