// reference_maker.h: manifests in memory for tests. Digests are SHA-256 of a short text, so that a test reads like a log.
#pragma once
#include "evidence/metadata/metadata.h"

namespace attest::test {

inline Digest digest_of(std::string_view content, HashAlg bank = HashAlg::sha256) {
  return hash_of(bank, {as_view(content)});
}

// reference: a TPM reference value whose digest is that of content (content also names it).
inline ReferenceValue reference(std::uint32_t pcr, std::string_view content, bool optional = false,
                                HashAlg bank = HashAlg::sha256) {
  ReferenceValue value;
  value.reg = pcr;
  value.name = content;
  value.optional = optional;
  value.hashes.emplace_back(bank, digest_of(content, bank));
  return value;
}

inline Manifest manifest(std::vector<ReferenceValue> values, bool log_ordered = true) {
  Manifest m;
  m.log_ordered = log_ordered;
  m.references = std::move(values);
  for (std::uint32_t i = 0; i < m.references.size(); i++)
    if (m.references[i].anchor == AnchorKind::tpm) m.tpm.push_back(i);
  return m;
}

}  // namespace attest::test
