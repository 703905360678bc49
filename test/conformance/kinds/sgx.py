"""SGX quotes: bare, in Open Enclave reports, in certificates."""
import dcap
import tool

NAME = "sgx"


def claims(entry, path):
    return tool.relative(path).startswith("sgx/") and not dcap.is_json(path)


def run(entry, path):
    if entry["verdict"] == "fail" and "quote_version" not in entry:
        return dcap.refused(NAME, path, entry)
    code, facts = tool.inspect(path)
    return [("kind", NAME, facts.get("kind")), ("inspect", 0, code), *dcap.accepted(NAME, path, entry)]
