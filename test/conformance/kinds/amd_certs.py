"""AMD's certificates: bundles of ARK, ASK and ASVK, and single certificates of keys."""
import tool

NAME = "amd-certs"


def claims(entry, path):
    return tool.relative(path).startswith("snp/") and path.suffix in (".pem", ".der", ".crt", ".cer")


def run(entry, path):
    when = entry.get("verify_time") or next((e["verify_time"] for e in tool.siblings(path).values() if "verify_time" in e), None)
    code, verdict = tool.appraise(NAME, path, at=when)
    if entry["verdict"] == "fail":
        wanted = "snp.certificate" if "not an amd" in entry.get("expect", "").lower() else "snp.chain"
        return [("verdict", 1, code), ("reason", [wanted], tool.failed(verdict))]
    rows = tool.compare(entry, verdict)
    return rows + [("verdict", "trusted", "trusted" if code == 0 and verdict.get("trusted") else tool.failures(verdict))]
