"""TDX quotes, good and broken, with and without collateral."""
import dcap
import tool

NAME = "tdx"


def claims(entry, path):
    if not tool.relative(path).startswith("tdx/") or dcap.is_json(path):
        return False
    if "derived_from" in entry:  # broken quotes: what they were made of says what they are
        parent = path.with_name(entry["derived_from"])
        return parent.is_file() and (dcap.header(parent) or (0, 0))[1] == 0x81
    return entry.get("tee") == NAME or (dcap.header(path) or (0, 0))[1] == 0x81


def run(entry, path):
    if entry["verdict"] == "fail" and "quote_version" not in entry:
        return dcap.refused(NAME, path, entry)
    code, facts = tool.inspect(path)
    return [("kind", NAME, facts.get("kind")), ("inspect", 0, code), *dcap.accepted(NAME, path, entry)]
