#include "evidence/snp/anchor.h"

namespace attest {

Bytes snp_identity(const SnpReport& report, const SnpKeyCertificate& key) {
  bool masked = std::ranges::all_of(report.chip_id, [](std::uint8_t b) { return b == 0; });
  if (!masked) return to_bytes(report.chip_id);
  Bytes spki = spki_der(key.key.get());
  return spki.empty() ? Bytes{} : to_bytes(sha256(View(spki)).view());
}

Bytes snp_report_data(const Digest& qualifying) {
  Bytes out = to_bytes(qualifying.view());
  out.resize(kSnpReportDataBytes);
  return out;
}

}  // namespace attest
