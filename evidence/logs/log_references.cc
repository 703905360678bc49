#include "evidence/logs/log_references.h"

#include "evidence/logs/tcg_event_text.h"

namespace attest {
namespace {

constexpr std::uint32_t kPcrs = 24, kImaPcr = 10;
constexpr std::uint32_t kLastCcRegister = 4;

ReferenceValue value_of(const TcgEvent& event, AnchorKind anchor) {
  ReferenceValue value;
  value.anchor = anchor;
  value.reg = event.pcr;
  value.name = tcg_event_type_name(event.type);
  value.description = tcg_event_text(event.type, event.data);
  for (const TcgDigest& digest : event.digests)
    if (auto alg = hash_alg_from_id(digest.alg)) value.hashes.emplace_back(*alg, Digest::of(digest.value));
  return value;
}

std::optional<HashAlg> hash_of_size(std::size_t size) {
  for (HashAlg alg : {HashAlg::sha1, HashAlg::sha256, HashAlg::sha384, HashAlg::sha512})
    if (digest_size(alg) == size) return alg;
  return std::nullopt;
}

std::optional<ReferenceValue> ima_reference(Hasher& sha256, const ImaEntry& entry) {
  if (entry.violation()) return std::nullopt;
  auto digest = ima_template_hash(sha256, entry.template_name, entry.data);
  if (!digest) return std::nullopt;
  ReferenceValue value;
  value.reg = entry.pcr;
  value.name = ima_hint(entry.template_name, entry.data).name;
  value.optional = true;
  value.hashes = {{HashAlg::sha256, *digest}};
  if (auto stored = hash_of_size(entry.template_hash.size()); stored && *stored != HashAlg::sha256)
    value.hashes.emplace_back(*stored, Digest::of(entry.template_hash));
  return value;
}

// The fields of template data: a length and that many bytes each.
void field(Writer& out, std::initializer_list<View> parts) {
  std::size_t size = 0;
  for (View part : parts) size += part.size();
  out.u32le(static_cast<std::uint32_t>(size));
  for (View part : parts) out.put(part);
}

Result<Bytes> template_data(std::string_view name, const ImaFile& file) {
  constexpr std::uint8_t kNul[] = {0};
  Writer out;
  if (name == "ima") {
    if (file.digest.size() != 20) return Error{Errc::unsupported, "ima: template \"ima\" has room for SHA-1 alone"};
    out.put(file.digest.view());
    field(out, {as_view(file.name)});
    return std::move(out).finish("ima entry");
  }
  std::string alg = std::string(hash_alg_name(file.alg)) + ":";
  if (name == "ima-ngv2")
    field(out, {as_view("ima:"), as_view(alg), kNul, file.digest.view()});
  else if (name == "ima-ng" || name == "ima-sig")
    field(out, {as_view(alg), kNul, file.digest.view()});
  else
    return Error{Errc::unsupported, "ima: no reference values for template \"" + std::string(name) + "\""};
  field(out, {as_view(file.name), kNul});
  if (name == "ima-sig") field(out, {file.signature});
  return std::move(out).finish("ima entry");
}

}  // namespace

std::optional<ReferenceValue> tcg_reference(const TcgEvent& event) {
  if (!event.extends() || event.pcr >= kPcrs) return std::nullopt;
  return value_of(event, AnchorKind::tpm);
}

std::vector<ReferenceValue> tcg_references(const TcgEventLog& log) {
  std::vector<ReferenceValue> out;
  for (const TcgEvent& event : log.events)
    if (auto value = tcg_reference(event)) out.push_back(std::move(*value));
  return out;
}

std::vector<ReferenceValue> cc_references(const TcgEventLog& log) {
  std::vector<ReferenceValue> out;
  for (const TcgEvent& event : log.events)
    if (event.extends() && event.pcr >= 1 && event.pcr <= kLastCcRegister)
      out.push_back(value_of(event, AnchorKind::tdx));
  return out;
}

Result<std::vector<ReferenceValue>> ima_references(const ImaList& list) {
  std::vector<ReferenceValue> out;
  TRY(Hasher sha256, Hasher::make(HashAlg::sha256));
  for (const ImaEntry& entry : list.entries)
    if (auto value = ima_reference(sha256, entry)) out.push_back(std::move(*value));
  return out;
}

Result<ReferenceValue> ima_file_reference(std::string_view template_name, const ImaFile& file) {
  TRY(Bytes data, template_data(template_name, file));
  ReferenceValue value;
  value.reg = kImaPcr;
  value.name = file.name;
  value.optional = true;
  for (HashAlg bank : {HashAlg::sha256, HashAlg::sha1, HashAlg::sha384}) {
    TRY(Hasher hasher, Hasher::make(bank));
    TRY(Digest digest, ima_template_hash(hasher, template_name, data));
    value.hashes.emplace_back(bank, digest);
  }
  return value;
}

Digest boot_aggregate(const BankValues& bank, std::uint32_t pcrs, HashAlg alg) {
  if (bank.values.empty()) return {};
  std::size_t size = bank.values.begin()->second.size();
  Bytes all;
  for (std::uint32_t pcr = 0; pcr < pcrs; pcr++) {
    auto found = bank.values.find(pcr);
    Bytes value = found == bank.values.end() ? Bytes(size, 0) : to_bytes(found->second.view());
    all.insert(all.end(), value.begin(), value.end());
  }
  return hash_of(alg, {all});
}

}  // namespace attest
