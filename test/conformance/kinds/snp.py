"""Reports of AMD SEV-SNP guests with the certificate of the key that signed them."""
import tool

NAME = "snp"
ABOUT_OTHERS = ("dstack_tcb_status", "report_data_ascii", "invalid_nonce", "nonce")


def claims(entry, path):
    return tool.relative(path).startswith("snp/") and path.suffix == ".bin"


def good_entry(entry, path):
    """The genuine report of the folder, for what is said about the time."""
    return next((other for other in tool.siblings(path).values() if "verify_time" in other), entry)


def permissive(entry):
    """What the verdict leaves to a policy: a debug guest, a privilege level."""
    return {"guest": {"debug": "any", "migration": "any"}, "vmpl": [0, 1, 2, 3]}


def appraise(entry, path, nonce=None, policy=None):
    return tool.appraise(NAME, path, at=entry.get("verify_time") or good_entry(entry, path).get("verify_time"),
                         collateral=path.parent, nonce=nonce, policy=policy)


def fields(entry, path, verdict):
    rows = tool.compare(entry, verdict, but=ABOUT_OTHERS)
    if "report_data_ascii" in entry:
        text = bytes.fromhex(verdict.get("report_data", "")).rstrip(b"\0").decode("ascii", "replace")
        rows.append(("report_data_ascii", entry["report_data_ascii"].rstrip("\0"), text))
    _, facts = tool.inspect(path)
    rows.append(("kind by content", NAME, facts.get("kind")))
    said = {key: value for key, value in entry.items() if key in facts and key not in ("kind", "product")}
    return rows + [("inspect " + row[0], *row[1:]) for row in tool.compare(said, facts)]


def policies(entry, path):
    """What no verdict says but every genuine report must show: unsafe guests are refused by silence, a measurement by name."""
    refused = ["snp.debug"] * (int(entry["policy"], 16) >> 19 & 1) + ["snp.vmpl"] * (entry["vmpl"] != 0)
    _, silent = appraise(entry, path)
    rows = [("refused without a policy", refused, tool.failed(silent))]
    for value, wanted in ((entry["measurement"], []), ("00" * 48, ["snp.measurement"])):
        _, verdict = appraise(entry, path, policy={**permissive(entry), "measurements": [value]})
        rows.append(("measurement", wanted, tool.failed(verdict)))
    return rows


def good(entry, path):
    code, verdict = appraise(entry, path, nonce=entry.get("nonce"), policy=permissive(entry))
    rows = fields(entry, path, verdict)
    trusted = code == 0 and verdict.get("trusted")
    rows.append(("verdict", "trusted", "trusted" if trusted else tool.failures(verdict)))
    if "invalid_nonce" in entry:
        code, verdict = appraise(entry, path, nonce=entry["invalid_nonce"], policy=permissive(entry))
        rows.append(("invalid_nonce", (1, ["snp.nonce"]), (code, tool.failed(verdict))))
    return rows + policies(entry, path)


def reasons(expect):
    """The checks that must refuse, every one of which has to be there, for what the entry says is wrong."""
    text = expect.lower()
    if "length" in text or "malformed" in text:
        return {"snp.report"}
    out = set()
    if "signature invalid" in text:
        out.add("snp.signature")
    if "tcb" in text:
        out.add("snp.tcb-certificate")
    if "chip id" in text:
        out.add("snp.chip-id")
    return out


def bad(entry, path):
    code, verdict = appraise(entry, path, policy=permissive(entry))
    rows = fields(entry, path, verdict) if "measurement" in entry else []
    wanted = reasons(entry.get("expect", ""))
    rows += [("verdict", 1, code), ("some reason", True, bool(wanted))]
    return rows + [("reason " + check, True, check in tool.failed(verdict)) for check in sorted(wanted)]


def run(entry, path):
    return bad(entry, path) if entry["verdict"] == "fail" else good(entry, path)
