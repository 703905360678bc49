#include "test/support/measured_boot.h"

#include "evidence/logs/ima_list.h"
#include "evidence/logs/tcg_event_log.h"

namespace attest::test {
namespace {

void add(Manifest& manifest, ReferenceValue value) {
  manifest.tpm.push_back(static_cast<std::uint32_t>(manifest.references.size()));
  manifest.references.push_back(std::move(value));
}

}  // namespace

MeasuredLog measured_log(const Recording& rec, HashAlg bank) {
  MeasuredLog log;
  log.bank = bank;
  log.generation = 1;
  bool padded = bank == HashAlg::sha384 || bank == HashAlg::sha512;
  log.ima_extend = padded ? ImaExtend::padded_sha1 : ImaExtend::template_data;
  log.events = must(tcg_measured_events(must(parse_tcg_event_log(rec.event_log)), bank));
  log.tcg_events = log.events.size();
  Hasher hasher = must(Hasher::make(bank));
  for (const ImaEntry& e : must(parse_ima_list(rec.ima)).entries)
    log.events.push_back(must(ima_measured_event(hasher, e, log.ima_extend)));
  log.ima_covered = log.events.size() - log.tcg_events;
  return log;
}

Manifest manifest_of(const Recording& rec) {
  Manifest manifest;
  manifest.log_ordered = true;
  for (const TcgEvent& e : must(parse_tcg_event_log(rec.event_log)).events) {
    if (!e.extends()) continue;
    ReferenceValue value;
    value.reg = e.pcr;
    for (HashAlg bank : {HashAlg::sha1, HashAlg::sha256, HashAlg::sha384})
      if (!e.digest(bank).empty()) value.hashes.emplace_back(bank, Digest::of(e.digest(bank)));
    add(manifest, std::move(value));
  }
  Hasher sha256 = must(Hasher::make(HashAlg::sha256));
  for (const ImaEntry& e : must(parse_ima_list(rec.ima)).entries) {
    ReferenceValue value;
    value.reg = e.pcr;
    value.name = ima_hint(e.template_name, e.data).name;
    value.hashes.emplace_back(HashAlg::sha1, Digest::of(e.template_hash));
    value.hashes.emplace_back(HashAlg::sha256, must(ima_template_hash(sha256, e.template_name, e.data)));
    add(manifest, std::move(value));
  }
  return manifest;
}

Manifest manifest_with(const std::vector<std::pair<std::uint32_t, Digest>>& values) {
  Manifest manifest;
  for (const auto& [pcr, digest] : values) {
    ReferenceValue value;
    value.reg = pcr;
    value.hashes.emplace_back(HashAlg::sha256, digest);
    add(manifest, std::move(value));
  }
  return manifest;
}

}  // namespace attest::test
