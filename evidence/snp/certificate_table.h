// certificate_table.h: the certificates a host hands to its guests beside a report (Linux: auxblob of configfs-tsm; AMD GHCB
// specification, clause 4.1.8.1, SNP extended guest request).
#pragma once
#include "evidence/core/bytes.h"

namespace attest {

// SnpCertificateTable holds what the host gave; all of it is a hint until its chain is verified. Empty where absent.
struct SnpCertificateTable {
  Bytes vcek, vlek, ask, ark, crl;
  std::size_t others = 0;  // entries of unknown GUIDs
  // key is the VLEK where there is one, else the VCEK; above lists ASK (or ASVK) and ARK as far as there are any.
  const Bytes& key() const { return vlek.empty() ? vcek : vlek; }
  std::vector<Bytes> above() const;
};

inline constexpr std::size_t kMaxCertificateTable = 1 << 20;

// parse_certificate_table reads a table of {GUID, u32le offset, u32le length}, ended by an entry of zeros, and the data it
// points to; at most 64 entries. malformed for entries that point outside or into the table itself, for a GUID twice, for a
// table without an end. The data may be followed by padding.
Result<SnpCertificateTable> parse_certificate_table(View bytes);
// encode_certificate_table is the way back, for tests and tools.
Bytes encode_certificate_table(const SnpCertificateTable& table);

}  // namespace attest
