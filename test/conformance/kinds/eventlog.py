"""Firmware logs: of machines with a TPM, and of confidential virtual machines (CCEL)."""
import tool

NAME = "eventlog"
FOLDERS = ("tpm-eventlog/",)
ONLY_HERE = ("tpm2_eventlog_5_4", "pcr_oracle", "also_in", "published_pcrs", "python_parser", "python_parser_error", "matches_quote")


def confidential(entry, path):
    """CCEL by what is said of it; a broken one by the log it was made from."""
    if entry.get("format", "").startswith("CCEL"):
        return True
    other = tool.siblings(path).get(entry.get("derived_from"), {})
    return other.get("format", "").startswith("CCEL")


def claims(entry, path):
    if tool.relative(path).startswith(FOLDERS):
        return True
    return confidential(entry, path) or entry.get("format") in ("tpm12-sha1", "crypto-agile")


def values_of(entry):
    """The registers an entry knows, as --with pcrs=FILE takes them."""
    return {key: value for key, value in entry.items() if key.startswith(("pcrs_sha", "pcrs_sm3", "rtmrs_sha"))}


def good(kind, entry, path):
    expected = dict(entry)
    if kind == "ccel":
        expected["format"] = "CCEL"
    code, facts = tool.inspect(path)
    rows = [("kind", kind, facts.get("kind")), ("inspect", 0, code)]
    values = values_of(entry)
    code, verdict = tool.appraise(kind, path, {"pcrs": values} if values else {})
    rows += tool.compare(expected, verdict, but=ONLY_HERE)
    for bank, published in entry.get("published_pcrs", {}).items():
        ours = facts.get(f"pcrs_{bank}", {})
        if isinstance(published, dict):
            rows += [(f"published {bank} {pcr}", tool.normal(value), tool.normal(ours.get(pcr))) for pcr, value in published.items()
                     if pcr in ours]
    rows.append(("verdict", "trusted", "trusted" if code == 0 and verdict.get("trusted") else tool.failures(verdict)))
    return rows


def bad(kind, entry, path):
    expect = entry.get("expect", "").lower()
    if "parse" in expect:
        code, verdict = tool.appraise(kind, path)
        return [("verdict", 1, code), ("reason", [f"{kind}.form"], tool.failed(verdict))]
    # It can be read: what it replays to is not what the log it was made from did.
    original = tool.siblings(path).get(entry.get("derived_from"), {})
    _, facts = tool.inspect(path, kind)
    rows = tool.compare(entry, facts, but=ONLY_HERE)
    code, verdict = tool.appraise(kind, path, {"pcrs": values_of(original)})
    return rows + [("verdict", 1, code), ("reason", True, "eventlog.pcrs" in tool.failed(verdict))]


def run(entry, path):
    kind = "ccel" if confidential(entry, path) else "eventlog"
    return (bad if entry["verdict"] == "fail" else good)(kind, entry, path)
