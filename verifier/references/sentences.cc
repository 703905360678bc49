#include "verifier/references/sentences.h"

#include "verifier/checks.h"
#include "verifier/references/nearest.h"

namespace attest {
namespace {

std::string quoted_words(std::uint32_t pcr) {
  std::string_view words = pcr_words(pcr);
  return words.empty() ? std::string() : " \"" + std::string(words) + "\"";
}

}  // namespace

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
