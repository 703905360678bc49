"""Certificates of TPMs: endorsement and attestation keys, device identities, vendors' CAs."""
import tool

NAME = "ek"


def claims(entry, path):
    return tool.relative(path).startswith("ek-certs/")


def roots_of(entry, path, facts):
    """The issuers that the entry brings. Without them the built-in store counts; a self-signed certificate that brings
    none is its own root: what is judged then is its form, signature and time."""
    if "issuers" in entry:
        return [path.with_name(entry["issuers"])]
    for other in tool.siblings(path).values():  # of what it was derived from
        if entry.get("derived_from") and "issuers" in other:
            return [path.with_name(other["issuers"])]
    return [path] if facts.get("self_signed") else []


def time_of(entry, path):
    if "verify_time" in entry:
        return entry["verify_time"]
    origin = tool.siblings(path).get(entry.get("derived_from"), {})
    return origin.get("verify_time")


def as_printed(name):
    """An empty subject was recorded together with the line that follows it in the output of openssl."""
    return "" if name is None or name.startswith("issuer=") else name


def judged(entry, path, facts):
    return tool.appraise(NAME, path, at=time_of(entry, path), roots=roots_of(entry, path, facts),
                         policy={"role": facts.get("role", "ek")})


def good(entry, path):
    code, facts = tool.inspect(path, NAME)
    rows = [("readable", 0, code)]
    code, verdict = judged(entry, path, facts)
    expected = dict(entry)
    if "subject" in entry:
        expected["subject"] = as_printed(entry["subject"])
    if "chain_validity_window" in entry and "issuers" not in entry:  # without issuers it is that of the certificate alone
        rows.append(("chain_validity_window", tool.normal(entry["chain_validity_window"]),
                     tool.normal([facts.get("not_before", ""), facts.get("not_after", "")])))
        del expected["chain_validity_window"]
    # Facts about other programs, about file names at the source, and about the day of the collection.
    rows += tool.compare(expected, {**facts, **verdict},
                         but=("openssl_rc", "python_cryptography_strict_parse", "chain_found", "issuers",
                              "chain_signatures", "expired_today"))
    if "verified" in entry.get("chain_signatures", ""):
        rows.append(("chain_signatures", True, tool.passed(verdict, "ek.signature")))
    rows.append(("verdict", "trusted", "trusted" if code == 0 and verdict.get("trusted") else tool.failures(verdict)))
    if "not_after" in entry and tool.moment(entry["not_after"]).year < 9999:  # valid then, expired later
        code, later = tool.appraise(NAME, path, at="9999-01-01T00:00:00Z", roots=roots_of(entry, path, facts),
                                    policy={"role": facts.get("role", "ek")})
        rows.append(("expired in 9999", (1, ["ek.time"]), (code, tool.failed(later))))
    return rows


def bad(entry, path):
    _, facts = tool.inspect(path, NAME)
    code, verdict = judged(entry, path, facts)
    rows = [("verdict", 1, code)]
    expect, failed = entry.get("expect", ""), tool.failed(verdict)
    for word, check in (("signature", "ek.signature"), ("expired", "ek.time"), ("parse", "ek.form"), ("chain", "ek.chain")):
        if word in expect:
            rows.append(("reason", check, check if check in failed else tool.failures(verdict)))
    known = {key: entry[key] for key in ("subject", "not_before", "not_after") if entry.get(key)}
    if "subject" in known:
        known["subject"] = as_printed(known["subject"])
    return rows + tool.compare(known, facts)


def run(entry, path):
    return good(entry, path) if entry["verdict"] == "pass" else bad(entry, path)
