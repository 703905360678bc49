"""Intel's collateral by itself: TCB info and identities as JSON (old schemas too), and the root certificate."""
import dcap
import tool

NAME = "intel"


def claims(entry, path):
    name = tool.relative(path)
    if name.startswith("sgx/"):
        return dcap.is_json(path)
    if not name.startswith("tdx/") or dcap.is_json(path) or dcap.header(path) or "derived_from" in entry:
        return False
    return path.read_bytes()[:2] == b"\x30\x82" or path.read_bytes()[:5] == b"-----"


def run(entry, path):
    if dcap.is_json(path):  # accepted or rejected by form: signatures of these samples are made up
        code, _ = tool.inspect(path, NAME)
        return [("form", 1 if entry["verdict"] == "fail" else 0, code)]
    code, facts = tool.inspect(path)
    code, verdict = tool.appraise(NAME, path)
    return [("kind", NAME, facts.get("kind")), ("verdict", "trusted" if entry["verdict"] == "pass" else "refused",
                                               "trusted" if code == 0 and verdict.get("trusted") else "refused")]
