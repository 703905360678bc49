"""Statements of a TPM: quotes, certifications, creations, with signature and key."""
import tool

NAME = "quote"
SIGNATURES = (".sig", ".rawsig")


def claims(entry, path):
    if not tool.relative(path).startswith("tpm-quote/"):
        return False
    # Event logs and Azure's reports lie in the same folders, and are other kinds.
    return "format" not in entry and "binds_to_hw_report" not in entry and path.read_bytes()[:4] != b"HCLA"


def beside(path, *endings):
    """The first file that is named as path is, with another ending or one more."""
    for ending in endings:
        for there in (path.with_suffix(ending), path.with_name(path.name + ending)):
            if there.is_file() and there != path:
                return there
    return None


def companions(entry, path):
    """What belongs to a statement: as the entry names it, else as files are named beside it."""
    out = {}
    signature = path.with_name(entry["signature"]) if "signature" in entry else beside(path, *SIGNATURES)
    if signature:
        out["signature"] = signature
    key = path.with_name(entry["ak"]) if "ak" in entry else beside(path, ".tpmt_public", ".tpm2b_public", ".spki.pem", ".pem")
    if key:
        out["ak"] = key
        name = beside(key, ".name") or key.with_name(key.name.split(".")[0] + ".name")
        if name.is_file():
            out["ak-name"] = name
    made = beside(path, ".create_data")
    if made:
        out["creation-data"] = made
    parents = sorted(path.parent.glob("ek.tpm*_public"))
    if parents and "ak" in entry and "public" in entry["ak"]:
        out["ek"] = parents[0]
    values = {bank: entry[f"pcrs_{bank}"] for bank in ("sha1", "sha256", "sha384", "sha512") if f"pcrs_{bank}" in entry}
    if values:
        out["pcrs"] = values
    return out


def main_statement(entry, path):
    """The good statement of the folder, and its entry: what signatures, keys and roots of the folder are tried on."""
    good = {name: other for name, other in tool.siblings(path).items() if "signature" in other and claims(other, path)}
    derived = entry.get("derived_from")
    for name, other in good.items():
        if derived in (name, other["signature"], other.get("ak")):
            return path.with_name(name), other
    for name, other in good.items():
        if name in entry.get("expect", "") or len(good) == 1:
            return path.with_name(name), other
    return None, None


def roots_of(path):
    return [root for root in [path.with_name("ca.pem")] if root.is_file()]


def judged(path, entry, given, roots=(), nonce=None, policy=None):
    return tool.appraise(NAME, path, given, at=entry.get("verify_time"), roots=roots,
                         nonce=entry.get("nonce") if nonce is None else nonce, policy=policy)


def good(entry, path):
    given, roots = companions(entry, path), roots_of(path)
    _, facts = tool.inspect(path, NAME)
    code, verdict = judged(path, entry, given, roots)
    rows = []
    if tool.failed(verdict) == ["quote.sha1"]:  # refused by default, accepted where a policy says so
        rows.append(("sha1 refused without policy", 1, code))
        code, verdict = judged(path, entry, given, roots, policy={"allow_sha1": True})
    facts = {**verdict, **facts}
    expected = dict(entry)
    if "type" in entry:
        expected["type"] = entry["type"].split(" (")[0]
    rows += tool.compare(expected, facts, but=("signature", "ak", "eventlog", "invalid_nonce"))
    rows.append(("verdict", "trusted", "trusted" if code == 0 and verdict.get("trusted") else tool.failures(verdict)))
    rows.append(("signature", True, verdict.get("signature_valid")))
    for role, check in (("ak-name", "quote.ak-name"), ("ek", "quote.signer"), ("creation-data", "quote.creation")):
        if role in given:
            rows.append((check, True, tool.passed(verdict, check)))
    if "invalid_nonce" in entry:
        code, verdict = judged(path, entry, given, roots, nonce=entry["invalid_nonce"])
        rows.append(("invalid_nonce", (1, ["quote.nonce"]), (code, tool.failed(verdict))))
    return rows


def reason(expect):
    """The checks that may refuse for what the entry says is wrong."""
    text = expect.lower()
    if "not tpm generated" in text:
        return {"quote.magic"}
    if "chain" in text:
        return {"quote.ak-chain"}
    out = set()
    if "signature" in text or "verify" in text:
        out.add("quote.signature")
    if "parse" in text or "truncat" in text:
        out.add("quote.form")
    if "nonce" in text:
        out.add("quote.nonce")
    if "pcr" in text:
        out.add("quote.pcr-digest")
    return out


def bad(entry, path):
    data = path.read_bytes()
    statement, other = main_statement(entry, path)
    if data.startswith(b"-----BEGIN CERTIFICATE"):  # roots that did not issue the key's certificate
        code, verdict = judged(statement, other, companions(other, statement), roots=[path])
    elif path.suffix in SIGNATURES:
        code, verdict = judged(statement, other, {**companions(other, statement), "signature": path}, roots_of(path),
                               policy={"allow_sha1": True})
    else:
        given = companions(other, statement) if other else {}
        own = beside(path, *SIGNATURES)
        if own:
            given["signature"] = own
        code, verdict = judged(path, other or entry, given, roots_of(path), policy={"allow_sha1": True})
    allowed, failed = reason(entry.get("expect", "")), tool.failed(verdict)
    rows = [("verdict", 1, code)]
    if allowed:
        rows.append(("reason", sorted(allowed), sorted(allowed) if set(failed) & allowed else tool.failures(verdict)))
    return rows


def run(entry, path):
    if entry["verdict"] == "fail":
        return bad(entry, path)
    if entry["verdict"] == "pass":
        return good(entry, path)
    code, facts = tool.inspect(path)
    return [("kind", NAME, facts.get("kind")), ("exit", 0, code),
            *tool.compare({**entry, "type": entry.get("type", "").split(" (")[0]}, facts)]
