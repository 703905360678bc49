"""IMA measurement lists, binary and text."""
import tool

NAME = "ima"
# Said of the entries' origin: names that a test gave them, and how the values were made.
ONLY_HERE = ("pcr_rules", "pcr_oracle", "upstream", "entry_names", "also_in")


def claims(entry, path):
    return tool.relative(path).startswith("ima/")


def firmware_log(path):
    """A firmware log beside the list, known by its content."""
    for other in sorted(path.parent.iterdir()):
        if other != path and other.is_file() and tool.inspect(other)[1].get("kind") == "eventlog":
            return other
    return None


def values_of(entry, bank):
    return {bank: entry[f"pcrs_{bank}"]} if f"pcrs_{bank}" in entry else {}


def good(entry, path):
    given = {}
    log = firmware_log(path) if "boot_aggregate_rule" in entry else None
    if log:
        given["eventlog"] = log
    code, verdict = tool.appraise(NAME, path, given)
    rows = tool.compare(entry, verdict, but=ONLY_HERE)
    rows.append(("verdict", "trusted", "trusted" if code == 0 and verdict.get("trusted") else tool.failures(verdict)))
    for bank in ("sha1", "sha256", "sha384", "sha512"):  # each form of each bank explains the register
        for form in (f"pcrs_{bank}", f"pcrs_{bank}_zero_padded_sha1"):
            if form in entry:
                code, verdict = tool.appraise(NAME, path, {**given, "pcrs": {bank: entry[form]}})
                rows.append((f"{form} given", (0, True), (code, tool.passed(verdict, "ima.pcr"))))
    if log:
        rows.append(("boot aggregate", True, tool.passed(verdict, "ima.boot-aggregate")))
    code, facts = tool.inspect(path, NAME)
    rows.append(("inspect", (0, entry["entries"]), (code, len(facts.get("list", [])))))
    return rows


def run(entry, path):
    if entry["verdict"] != "fail":
        return good(entry, path)
    code, verdict = tool.appraise(NAME, path)
    wanted = "ima.template-hash" if "template hash" in entry.get("expect", "") else "ima.form"
    rows = [("verdict", 1, code), ("reason", [wanted], sorted(set(tool.failed(verdict))))]
    if "at entry" in entry.get("expect", ""):
        number = int(entry["expect"].rsplit(" ", 1)[1])
        rows.append(("entry", [number], verdict.get("template_hash_mismatch_entries")))
    return rows
