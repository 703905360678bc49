#include "cmcd-lite/server/reference.h"

#include "evidence/logs/ima_list.h"
#include "evidence/logs/tcg_event_log.h"
#include "evidence/logs/tcg_event_text.h"

namespace attest {
namespace {

std::optional<ReferenceValue> firmware_value(const TcgEvent& event) {
  if (!event.extends() || event.pcr > 23) return std::nullopt;
  ReferenceValue value;
  value.reg = event.pcr;
  value.name = tcg_event_type_name(event.type);
  value.description = tcg_event_text(event.type, event.data);
  for (const TcgDigest& digest : event.digests)
    if (auto alg = hash_alg_from_id(digest.alg)) value.hashes.emplace_back(*alg, Digest::of(digest.value));
  return value;
}

// Violations have no reference value: their digest says nothing about a file.
std::optional<ReferenceValue> ima_value(Hasher& sha256, const ImaEntry& entry) {
  if (entry.violation()) return std::nullopt;
  auto digest = ima_template_hash(sha256, entry.template_name, entry.data);
  if (!digest) return std::nullopt;
  ReferenceValue value;
  value.reg = entry.pcr;
  value.name = ima_hint(entry.template_name, entry.data).name;
  value.optional = true;
  value.hashes = {{HashAlg::sha256, *digest}, {HashAlg::sha1, Digest::of(entry.template_hash)}};
  return value;
}

Status add_firmware(Driver& driver, std::vector<ReferenceValue>& out) {
  TRY(Bytes bytes, driver.raw_log(LogKind::tcg));
  TRY(TcgEventLog log, parse_tcg_event_log(bytes));
  for (const TcgEvent& event : log.events)
    if (auto value = firmware_value(event)) out.push_back(std::move(*value));
  return ok();
}

Status add_ima(Driver& driver, std::vector<ReferenceValue>& out) {
  TRY(Bytes bytes, driver.raw_log(LogKind::ima));
  TRY(ImaList list, parse_ima_list(bytes, Stray::report));
  TRY(Hasher sha256, Hasher::make(HashAlg::sha256));
  for (const ImaEntry& entry : list.entries)
    if (auto value = ima_value(sha256, entry)) out.push_back(std::move(*value));
  return ok();
}

}  // namespace

Result<std::vector<ReferenceValue>> machine_reference(Driver& driver) {
  std::vector<ReferenceValue> out;
  auto selection = driver.pcrs();
  CHECK_OK(add_firmware(driver, out));
  bool ima = selection && std::ranges::find(selection->pcrs, 10) != selection->pcrs.end();
  if (ima) CHECK_OK(add_ima(driver, out));
  // A PCR that is never quoted would be a reference nothing can meet.
  std::erase_if(out, [&](const ReferenceValue& value) {
    return selection &&
           std::ranges::find(selection->pcrs, static_cast<std::uint8_t>(value.reg)) == selection->pcrs.end();
  });
  return out;
}

}  // namespace attest
