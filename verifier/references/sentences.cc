#include "verifier/references/sentences.h"

#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "verifier/checks.h"

namespace attest {
namespace {

constexpr std::size_t kMaxName = 200;  // characters of a name that we keep

std::string quoted_words(std::uint32_t pcr) {
  std::string_view words = pcr_words(pcr);
  return words.empty() ? std::string() : " \"" + std::string(words) + "\"";
}

}  // namespace

Mismatch mismatch_of(const JudgedEvent& event, std::string_view check_id) {
  Mismatch m;
  m.check = check_id;
  m.anchor = anchor_name(AnchorKind::tpm);
  m.reg = event.pcr;
  m.event = event.position;
  m.measured_digest = to_hex(event.digest->view());
  m.event_type = event.kind == LogKind::ima ? "IMA" : "";
  if (event.full == nullptr) return m;
  m.measured_name = event_name(*event.full, event.kind);
  m.event_type = event_kind(*event.full, event.kind);
  return m;
}

void set_expected(Mismatch& m, const ReferenceIndex& index, const Place& place) {
  const NamedManifest& manifest = index.manifests()[place.manifest];
  const Digest* digest = place.value->hash(index.bank());
  m.expected_name = printable(place.value->description.empty() ? place.value->name : place.value->description, kMaxName);
  if (m.anchor == "tpm" && m.measured_name.empty() && digest != nullptr && m.measured_digest == to_hex(digest->view()))
    m.measured_name = m.expected_name;
  if (digest != nullptr) m.expected_digest = to_hex(digest->view());
  m.manifest = manifest.name;
  m.manifest_version = manifest.version;
  m.entry = place.entry;
}

std::string place_words(const Mismatch& m) {
  if (m.anchor == "sw") return "software measurement " + std::to_string(m.event);
  if (m.check == check::kImaUnexpected) return "file measurement " + std::to_string(m.event);
  return "boot event " + std::to_string(m.event) + " in PCR " + std::to_string(m.reg) + quoted_words(m.reg);
}

std::string value_words(std::string_view name, std::string_view digest, bool whole) {
  std::string out(name);
  if (!out.empty() && !digest.empty()) out += " ";
  return out.append(whole ? digest : digest.substr(0, 12));
}

std::string source_words(const Mismatch& m) {
  return "manifest " + m.manifest + " " + m.manifest_version + ", entry " + std::to_string(m.entry);
}

std::string unexpected_sentence(const Mismatch& m) {
  std::string out = place_words(m) + " is not in the signed references: measured " +
                    value_words(m.measured_name, m.measured_digest);
  if (m.expected_digest.empty()) return out;
  return out + ", expected " + value_words(m.expected_name, m.expected_digest) + " (" + source_words(m) + ")";
}

std::string order_sentence(const Mismatch& m, bool again) {
  std::string out = place_words(m) + ", " + value_words(m.measured_name, m.measured_digest);
  if (again) return out + ", was measured more often than it stands in " + source_words(m);
  return out + ", was measured later than its place in " + source_words(m);
}

std::string missing_sentence(const Mismatch& m, bool quoted, bool has_digest, HashAlg bank) {
  std::string out = value_words(m.expected_name, m.expected_digest) + " (" + source_words(m) + ") was not measured into PCR " +
                    std::to_string(m.reg) + quoted_words(m.reg);
  if (!has_digest) return out + ": the manifest gives no " + hash_alg_name(bank) + " digest for it";
  if (!quoted) return out + ": the quote does not cover that PCR";
  return out;
}

}  // namespace attest
