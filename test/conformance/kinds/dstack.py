"""dstack's quote reports: a quote with its RTMR event log in JSON."""
import dcap
import tool

NAME = "dstack"


def claims(entry, path):
    return tool.relative(path).startswith("tdx/") and dcap.is_json(path)


def run(entry, path):
    at = next((dcap.moment(e) for e in tool.siblings(path).values() if "quote_version" in e), None)
    code, verdict = tool.appraise(NAME, path, at=at, policy=dcap.WITHOUT_COLLATERAL)
    if entry["verdict"] == "fail":
        return [("verdict", 1, code)]
    inspected, facts = tool.inspect(path)
    return [("kind", NAME, facts.get("kind")), ("inspect", 0, inspected), *dcap.compare(entry, facts),
            ("verdict", "trusted", dcap.text_of(code, verdict))]
