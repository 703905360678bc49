"""What the kinds of Intel's quotes share: claiming, policies, comparing nested facts, reasons."""
import datetime
import struct

import tool

# Whether a status is acceptable is a policy's business: the entries' verdicts leave it out. What no policy should take
# stays refused: Revoked, no level at all, and the advice to relaunch a TD.
LENIENT = {
    "accepted_tcb_statuses": ["UpToDate", "SWHardeningNeeded", "ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded",
                              "OutOfDate", "OutOfDateConfigurationNeeded"],
    "allow_debug": True,
    "allow_migratable": True,
}
WITHOUT_COLLATERAL = {**LENIENT, "collateral_required": False}
# Facts of an entry that describe how it is judged, or that are compared by hand.
BY_HAND = ("crypto_verdict", "verdict_meaning", "published", "cross_collateral", "expired_at", "expected_at_expired_at",
           "trusted_root", "tcb_info_validity", "expected_report_data", "nonce")


def header(path):
    """(version, TEE type) of the quote in a file, past an Open Enclave header; None if there is none."""
    data = path.read_bytes()
    if data[:8] == struct.pack("<II", 1, 2):
        data = data[16:]
    if len(data) < 48:
        return None
    version, key, tee = struct.unpack("<HHI", data[:8])
    return (version, tee) if version < 16 and key in (2, 3) and tee in (0, 0x81) else None


def is_json(path):
    return path.read_bytes()[:1] in b"{[ \n"


def subset(fact, expected, got):
    """Rows for every fact inside `expected`, which may be nested; what nobody knew (null) is left out."""
    if expected is None:
        return []
    if isinstance(expected, dict):
        if not isinstance(got, dict):
            return [(fact, expected, "not reported")]
        return [row for key, inner in expected.items() for row in subset(f"{fact}.{key}", inner, got.get(key, "not reported"))]
    if fact.endswith("advisories"):
        expected, got = sorted(expected), sorted(got) if isinstance(got, list) else got
    return [(fact, tool.normal(expected), tool.normal(got))]


def compare(entry, facts, but=()):
    rows = []
    for key, expected in entry.items():
        if key not in tool.ABOUT and key not in but and key not in BY_HAND:
            rows += subset(key, expected, facts.get(key, "not reported"))
    return rows


def moment(entry):
    """When to judge: the entry's time, else a day into the validity it names."""
    if "verify_time" in entry:
        return entry["verify_time"].replace("+00:00", "Z")
    if "tcb_info_validity" in entry:
        start = datetime.datetime.strptime(entry["tcb_info_validity"][0], "%Y-%m-%dT%H:%M:%SZ")
        return (start + datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return None


def text_of(code, verdict):
    return "trusted" if code == 0 and verdict.get("trusted") else "refused: " + tool.failures(verdict)


def reasons(expect):
    """The checks (without the TEE's name) that may refuse for what the entry says is wrong."""
    text, out = expect.lower(), set()
    if "parse" in text or "unsupported version" in text:
        out.add("form")
    if "qe report" in text:
        out |= {"qe-report-signature", "qe-report-data"}
    elif "quote signature" in text:
        out.add("quote-signature")
    if "relaunch" in text or "outofdate" in text:
        out.add("tcb-status")
    if "chain" in text:
        out.add("pck-chain")
    return out


def refused(kind, path, entry, rows_for="verdict"):
    """Rows that say: refused, and for the reason that the entry names."""
    at = moment(entry) or moment(next((e for n, e in tool.siblings(path).items() if n == entry.get("derived_from")), {}))
    code, verdict = tool.appraise(kind, path, at=at, policy=WITHOUT_COLLATERAL)
    rows = [(rows_for, 1, code)]
    allowed, failed = reasons(entry.get("expect", "")), {name.partition(".")[2] for name in tool.failed(verdict)}
    if allowed:
        rows.append(("reason", sorted(allowed), sorted(allowed) if failed & allowed else tool.failures(verdict)))
    return rows


def companions(path):
    """The PCK certificate and its chain beside a quote that carries none."""
    given = {"pck": path.with_name("pckCert.pem"), "chain": path.with_name("pckSignChain.pem")}
    return {role: file for role, file in given.items() if file.is_file()}


def accepted(kind, path, entry):
    """Rows for a quote whose entry has facts: with its collateral if it has some, at its time and past it."""
    if "trusted_root" in entry:
        return sample(kind, path, entry)
    own = "tcb_info_signature_valid" in entry
    collateral, policy = (path.parent, LENIENT) if own else (None, WITHOUT_COLLATERAL)
    given = {"companions": companions(path), "collateral": collateral, "policy": policy}
    nonce = entry.get("nonce") or entry.get("expected_report_data")
    code, verdict = tool.appraise(kind, path, at=moment(entry), nonce=nonce, **given)
    rows = compare(entry, verdict)
    if "crypto_verdict" in entry:
        rows.append(("crypto_verdict", entry["crypto_verdict"], verdict.get("crypto_verdict")))
    if entry["verdict"] == "pass":
        rows.append(("verdict", "trusted", text_of(code, verdict)))
    else:
        rows.append(("verdict", ["tcb-status"], [name.partition(".")[2] for name in tool.failed(verdict)]))
    if "expired_at" in entry:
        code, verdict = tool.appraise(kind, path, at=entry["expired_at"].replace("+00:00", "Z"), **given)
        rows.append(("expired_at", (1, True), (code, f"{kind}.collateral-time" in tool.failed(verdict))))
    code, verdict = tool.appraise(kind, path, at=moment(entry), policy=LENIENT)
    rows.append(("without collateral", (1, [f"{kind}.collateral"]), (code, tool.failed(verdict))))
    return rows + crossed(kind, path, entry)


def sample(kind, path, entry):
    """Intel's samples: genuine up to their signatures, under a root of their own. Platform and quoting enclave are filled
    with random bytes, which do not fit the collateral in every sample, so the TCB is not part of the verdict."""
    roots, at = [path.with_name(entry["trusted_root"].split(" ")[0])], moment(entry)
    given = {"companions": companions(path), "policy": WITHOUT_COLLATERAL}
    code, verdict = tool.appraise(kind, path, at=at, roots=roots, **given)
    rows = [("verdict", "trusted", text_of(code, verdict)), ("crypto_verdict", "pass", verdict.get("crypto_verdict"))]
    code, verdict = tool.appraise(kind, path, at=at, **given)
    rows.append(("the built-in root", (1, [f"{kind}.pck-chain"]), (code, tool.failed(verdict))))
    _, verdict = tool.appraise(kind, path, at=at, roots=roots, collateral=path.parent, **given)
    failed = set(tool.failed(verdict)) & {f"{kind}.{check}" for check in ("collateral-time", "crl", "pck-revoked", "tcb-info-match")}
    rows += [("collateral_signatures_ok", True, verdict.get("collateral_signatures_ok")), ("collateral", set(), failed)]
    return rows


def crossed(kind, path, entry):
    """The quote against the collateral of another of the same platform family."""
    rows = []
    for cross in entry.get("cross_collateral", []):
        folder = tool.TREE / cross["collateral_dir"]
        if not folder.is_dir():
            continue
        _, verdict = tool.appraise(kind, path, at=cross["verify_time"].replace("+00:00", "Z"), collateral=folder, policy=LENIENT)
        facts = {**verdict, **verdict.get("collateral", {})}
        for key in ("tcb_status", "tcb_level_match", "qe_identity_match", "pck_crl_issuer_matches", "pck_revoked"):
            if key in cross:
                rows += subset(f"{cross['collateral_dir']} {key}", cross[key], facts.get(key, "not reported"))
    return rows
