#include "apps/attestctl/artefacts/ima_facts.h"

#include "evidence/core/hex.h"
#include "evidence/logs/ima/signature.h"
#include "evidence/x509/certificate.h"

namespace attest::ctl {
namespace {

Facts signature_facts(View bytes) {
  auto s = ima::parse_file_signature(bytes);
  if (!s) return {{"hex", to_hex(bytes)}};
  constexpr const char* kKinds[] = {"", "", "", "file", "", "evm", "verity"};
  auto alg = ima::kernel_hash(s->hash);
  return {{"kind", kKinds[static_cast<int>(s->kind)]},
          {"version", s->version},
          {"hash", alg ? hash_alg_name(*alg) : std::to_string(s->hash)},
          {"key_id", to_hex(s->key_id)},
          {"value", to_hex(s->value)}};
}

// A buffer is text (device-mapper tables), a key's certificate, or bytes.
Facts buffer_facts(View bytes) {
  if (auto certificate = parse_certificate(bytes))
    return {{"certificate", subject_text(certificate->get())}, {"sha256", to_hex(sha256(bytes).view())}};
  bool text = std::ranges::all_of(bytes, [](std::uint8_t c) { return (c >= 0x20 && c < 0x7f) || c == '\n'; });
  if (text) return std::string(as_text(bytes));
  return {{"hex", to_hex(bytes)}};
}

Facts field_facts(const ima::Field& field, View value) {
  if (field.id == "sig" || field.id == "evmsig") return value.empty() ? Facts(nullptr) : signature_facts(value);
  if (field.id == "buf") return buffer_facts(value);
  if (field.kind == ima::FieldKind::name) {
    while (!value.empty() && value.back() == 0) value = value.first(value.size() - 1);
    return std::string(as_text(value));
  }
  if (field.kind == ima::FieldKind::number) {
    std::uint64_t number = 0;
    for (std::size_t i = std::min<std::size_t>(value.size(), 8); i-- > 0;) number = number << 8 | value[i];
    return number;
  }
  auto nul = std::ranges::find(value, std::uint8_t{0});
  if (field.kind != ima::FieldKind::digest || field.id == "d" || nul == value.end()) return to_hex(value);
  std::size_t head = static_cast<std::size_t>(nul - value.begin());
  return std::string(as_text(value.first(head))) + to_hex(value.subspan(head + 1));
}

Facts fields_of(const ImaEntry& entry) {
  auto fields = ima::template_fields(entry.template_name);
  auto values = ima_fields(entry.template_name, entry.data);
  if (!fields || !values) return {{"hex", to_hex(entry.data)}};
  Facts out = Facts::object();
  for (std::size_t i = 0; i < values->size(); i++) {
    if (i < fields->size())
      out[std::string((*fields)[i].id)] = field_facts((*fields)[i], (*values)[i]);
    else
      out["field" + std::to_string(i)] = to_hex((*values)[i]);
  }
  return out;
}

using Digests = std::unordered_map<std::string, std::vector<Bytes>>;

Result<Digests> read_files(const Json& object) {
  Digests files;
  if (!object.is_object()) return Error{Errc::malformed, "policy: files are an object of paths"};
  for (const auto& [path, digests] : object.items()) {
    if (!digests.is_array()) return Error{Errc::malformed, "policy: a file has a list of digests"};
    for (const Json& digest : digests) {
      if (!digest.is_string()) return Error{Errc::malformed, "policy: a digest is a text"};
      std::string text = digest.get<std::string>();
      TRY(Bytes value, from_hex(std::string_view(text).substr(text.rfind(':') + 1), 64));
      files[path].push_back(std::move(value));
    }
  }
  return files;
}

Status read_rule(std::string_view name, const Json& value, ImaRules& rules) {
  if (name == "files") {
    TRY(rules.files, read_files(value));
  } else if (name == "old_files") {
    TRY(rules.old_files, read_files(value));
  } else if (name == "old_until" && value.is_string()) {
    TRY(rules.old_until, parse_rfc3339(value.get<std::string>()));
  } else if (name == "exclude" && value.is_array()) {
    for (const Json& pattern : value)
      if (pattern.is_string()) rules.exclude.push_back(pattern.get<std::string>());
  } else if (name == "no_violations" && value.is_boolean()) {
    rules.no_violations = value.get<bool>();
  } else if (name == "signatures" && value.is_boolean()) {
    rules.signatures = value.get<bool>();
  } else {
    return Error{Errc::malformed, "policy: \"" + std::string(name) + "\" is no rule on IMA lists, or has the wrong type"};
  }
  return ok();
}

}  // namespace

Result<ReadImaList> read_ima(View file) {
  ReadImaList out;
  View bytes = file;
  auto not_text = [](std::uint8_t c) { return c == 0; };
  bool binary = std::ranges::any_of(file.first(std::min<std::size_t>(file.size(), 64)), not_text);
  out.text = !file.empty() && !binary;
  if (out.text) {
    TRY(ima::ImaBinary made, ima::binary_of_ascii(file));
    out.owned = std::move(made.bytes);
    TRY(out.list, parse_ima_list(out.owned, Stray::refuse, made.hash_size));
    out.hash_size = made.hash_size;
    return out;
  }
  auto list = parse_ima_list(bytes, Stray::report);
  for (std::size_t size : {32U, 48U, 64U}) {
    if (list) break;
    auto other = parse_ima_list(bytes, Stray::report, size);
    if (!other || other->entries.empty() || !ima::template_fields(other->entries[0].template_name)) continue;
    list = std::move(other);
    out.hash_size = size;
  }
  if (!list) return std::move(list).error();
  out.list = *std::move(list);
  return out;
}

Facts ima_facts(const ReadImaList& read, const ImaJudgement& judgement) {
  Facts out = {{"form", read.text ? "text" : "binary"}, {"entries", read.list.entries.size()}, {"violations", judgement.violations}};
  out["templates"] = Facts::object();
  for (const auto& [name, count] : judgement.templates) out["templates"][name] = count;
  out["template_hash_mismatch_entries"] = judgement.wrong_hashes;
  if (read.list.stray_bytes > 0) out["trailing_bytes"] = read.list.stray_bytes;
  for (const ImaJudgement::Replayed& form : judgement.replayed) {
    std::string name = std::string("pcrs_") + hash_alg_name(form.bank) + (form.padded ? "_zero_padded_sha1" : "");
    for (const auto& [pcr, value] : form.values) out[name][std::to_string(pcr)] = to_hex(value.view());
  }
  if (!judgement.boot_aggregate.empty()) out["boot_aggregate"] = to_hex(judgement.boot_aggregate);
  if (!judgement.boot_aggregate_rules.empty()) out["boot_aggregate_rule"] = judgement.boot_aggregate_rules;
  if (judgement.signed_entries > 0) {
    out["signed_entries"] = judgement.signed_entries;
    out["good_signatures"] = judgement.good_signatures;
  }
  return out;
}

Facts ima_entry_facts(const ImaList& list) {
  Facts out = Facts::array();
  for (const ImaEntry& entry : list.entries) {
    Facts facts = {{"pcr", entry.pcr}, {"template_hash", to_hex(entry.template_hash)}, {"template", std::string(entry.template_name)}};
    if (entry.violation()) facts["violation"] = true;
    facts["fields"] = fields_of(entry);
    out.push_back(std::move(facts));
  }
  return out;
}

Result<ImaRules> read_ima_rules(const Json& policy) {
  ImaRules rules;
  if (policy.is_null()) return rules;
  if (!policy.is_object()) return Error{Errc::malformed, "policy: no JSON object"};
  for (const auto& [name, value] : policy.items()) CHECK_OK(read_rule(name, value, rules));
  return rules;
}

}  // namespace attest::ctl
