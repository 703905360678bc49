"""Platform certificates, as attribute certificates and as X.509 certificates."""
import datetime
import json

import tool

NAME = "platform"
# What cannot be told without the issuer's certificate.
NEEDS_ISSUER = {"platform.issuer"}
RULES = (("platform.issuer", "issuer_by_key"), ("platform.sha1", "allow_sha1"))


def claims(entry, path):
    return tool.relative(path).startswith("platform-certs/")


def time_of(entry, facts):
    if "verify_time" in entry:
        return entry["verify_time"]
    begin = tool.moment(facts.get("not_before", ""))
    return (begin + datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ") if begin else None


def issuer_of(entry, path):
    return [path.with_name(entry["issuer_cert"])] if entry.get("issuer_cert") else []


def inventory_of(path):
    there = path.with_name("componentlist.json")
    return {"components": there} if there.is_file() else {}


def companions(path):
    out = inventory_of(path)
    for holder in ("ek.crt", "ek.pem", "ek.der"):
        if path.with_name(holder).is_file():
            out["ek"] = path.with_name(holder)
    return out


def judged(entry, path, facts, given, policy=None):
    return tool.appraise(NAME, path, given, at=time_of(entry, facts), roots=issuer_of(entry, path), policy=policy)


def upstream(path, facts):
    """Facts of the parse result that came with the certificate, where there is one."""
    there = path.with_name("expected.json")
    if not there.is_file():
        return []
    known = json.loads(there.read_text())
    rows = [("upstream " + theirs, known[theirs], facts.get(ours, ""))
            for theirs, ours in (("PlatformManufacturer", "platform_manufacturer"), ("PlatformModel", "platform_model"),
                                 ("PlatformVersion", "platform_version"), ("PlatformSerial", "platform_serial"),
                                 ("PropertiesURI", "properties_uri")) if isinstance(known.get(theirs), str)]
    rows.append(("upstream Version", known["Version"], facts["version"]))
    rows.append(("upstream SerialNumber", known["SerialNumber"], int(facts["serial"], 16)))
    rows.append(("upstream holder", known["Holder"]["Serial"], int(facts["holder"]["serial"], 16)))
    for theirs, ours in (("NotBefore", "not_before"), ("NotAfter", "not_after")):
        rows.append(("upstream " + theirs, tool.moment(known[theirs]), tool.moment(facts[ours])))
    names = (("Manufacturer", "manufacturer"), ("Model", "model"), ("Serial", "serial"), ("Revision", "revision"))
    rows.append(("upstream Components", [[one[theirs] for theirs, _ in names] for one in known.get("Components") or []],
                 [[one.get(ours, "") for _, ours in names] for one in facts["components"]]))
    rows.append(("upstream Properties", [[one["PropertyName"], one["PropertyValue"]] for one in known.get("Properties") or []],
                 [[one["name"], one["value"]] for one in facts["properties"]]))
    return rows


def good(entry, path):
    code, facts = tool.inspect(path, NAME)
    rows = [("readable", 0, code)]
    rows += tool.compare(entry, facts, but=("signature_verified_by", "issuer_cert"), rename={"kind": "certificate_kind"})
    rows += upstream(path, facts)
    given = companions(path)
    code, verdict = judged(entry, path, facts, given)
    policy = {}
    # Refused by default, accepted where a policy says so: SHA-1, and an issuer of another name whose key verifies.
    for check, rule in RULES if issuer_of(entry, path) else ():
        if tool.failed(verdict) == [check]:
            rows.append((f"refused without {rule}", 1, code))
            policy[rule] = True
            code, verdict = judged(entry, path, facts, given, policy)
    if issuer_of(entry, path):
        rows.append(("verdict", "trusted", "trusted" if code == 0 and verdict.get("trusted") else tool.failures(verdict)))
        rows.append(("signature", True, tool.passed(verdict, "platform.signature")))
        late = tool.appraise(NAME, path, given, at="2200-01-01T00:00:00Z", roots=issuer_of(entry, path),
                             policy=policy)[1]
        rows.append(("expired in 2200", ["platform.time"], tool.failed(late)))
    else:  # nothing but the issuer is missing, and that is said
        rows.append(("refused without its issuer", (1, NEEDS_ISSUER), (code, set(tool.failed(verdict)))))
    for role, check in (("ek", "platform.holder"), ("components", "platform.components")):
        if role in given:
            rows.append((check, True, tool.passed(verdict, check)))
    return rows


def bad(entry, path):
    origin = tool.siblings(path).get(entry.get("derived_from"), entry)
    _, facts = tool.inspect(path.with_name(entry["derived_from"]) if "derived_from" in entry else path, NAME)
    code, verdict = tool.appraise(NAME, path, at=time_of(origin, facts), roots=issuer_of(origin, path),
                                  policy={rule: True for _, rule in RULES})
    failed, expect = set(tool.failed(verdict)), entry.get("expect", "")
    allowed = {check for word, check in (("signature", "platform.signature"), ("parse", "platform.form"),
                                         ("expired", "platform.time"), ("holder", "platform.holder"),
                                         ) if word in expect}
    # Nobody can check a signature without the issuer: where none came with the original, or the change is in the issuer's name.
    changed = tool.inspect(path, NAME)[1]
    if allowed and (not issuer_of(origin, path) or changed.get("issuer") != facts.get("issuer")):
        allowed |= NEEDS_ISSUER
    rows = [("verdict", 1, code)]
    if allowed:
        rows.append(("reason", True, bool(failed & allowed) or tool.failures(verdict)))
    return rows


def run(entry, path):
    return good(entry, path) if entry["verdict"] == "pass" else bad(entry, path)
