"""HCL reports of Azure confidential VMs, and the claims they carry."""
import tool

NAME = "azure"


def is_hcl(path):
    return path.is_file() and path.read_bytes()[:4] == b"HCLA"


def claims(entry, path):
    return "binds_to_hw_report" in entry or is_hcl(path)


def report_of(path):
    """The HCL report that lies beside the claims."""
    return next(other for other in sorted(path.parent.iterdir()) if is_hcl(other))


def judge_claims(entry, path):
    report = report_of(path)
    _, verdict = tool.appraise(NAME, report, {"claims": path})
    _, facts = tool.inspect(report)
    return [("binds_to_hw_report", entry["binds_to_hw_report"], verdict.get("binds_to_hw_report")),
            ("azure.claims-binding", entry["binds_to_hw_report"], tool.passed(verdict, "azure.claims-binding")),
            ("azure.same-claims", True, tool.passed(verdict, "azure.same-claims")),
            ("claims_sha256", entry["sha256"], verdict.get("claims_sha256")),
            ("kind by content", NAME, facts.get("kind"))]


def reasons(expect):
    """Any of these may refuse for what the entry says is wrong."""
    text = expect.lower()
    out = set()
    if "report_data" in text or "hash mismatch" in text:
        out.add("azure.claims-binding")
    if "ak cannot be read" in text:
        out |= {"azure.claims", "azure.ak"}
    if "parse" in text or "length" in text or "truncat" in text:
        out.add("azure.report")
    return out


def judge_report(entry, path):
    companions = {"key": path.with_name(name) for name in ("vek.der", "vek.pem") if path.with_name(name).is_file()}
    code, verdict = tool.appraise(NAME, path, companions, at=entry.get("verify_time"))
    if entry["verdict"] == "fail":
        wanted = reasons(entry.get("expect", ""))
        return [("verdict", 1, code), ("some reason", True, bool(wanted)),
                ("reason", sorted(wanted), sorted(wanted) if wanted & set(tool.failed(verdict)) else tool.failures(verdict))]
    rows = tool.compare(entry, verdict)
    return rows + [("azure.claims-binding", True, tool.passed(verdict, "azure.claims-binding"))]


def run(entry, path):
    return judge_claims(entry, path) if "binds_to_hw_report" in entry else judge_report(entry, path)
