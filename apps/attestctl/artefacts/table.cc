// The table of artefact kinds. The first row that looks like the content wins: put the pickier ones first.
#include <cstdio>

#include "apps/attestctl/artefacts/kinds.h"
#include "evidence/core/hex.h"

namespace attest::ctl {

std::span<const ArtefactKind> artefact_kinds() {
  static const ArtefactKind kKinds[] = {
      tdx_kind(),
      sgx_kind(),
      dstack_kind(),
      intel_kind(),
      quote_kind(),
      azure_kind(),
      snp_kind(),
      amd_certs_kind(),
      platform_kind(),  // before ek: an X.509 platform certificate is a certificate too
      ek_kind(),
      cel_kind(),
      ima_kind(),
      ccel_kind(),
      eventlog_kind(),
  };
  return kKinds;
}

const ArtefactKind* find_artefact_kind(std::string_view name) {
  for (const ArtefactKind& kind : artefact_kinds())
    if (kind.name == name) return &kind;
  return nullptr;
}

Facts hexdump(View bytes, std::size_t max_bytes) {
  Facts lines = Facts::array();
  View shown = bytes.first(std::min(bytes.size(), max_bytes));
  for (std::size_t at = 0; at < shown.size(); at += 16) {
    View part = shown.subspan(at, std::min<std::size_t>(16, shown.size() - at));
    char offset[20];
    std::snprintf(offset, sizeof offset, "%08zx ", at);
    std::string line = offset, text;
    for (std::size_t i = 0; i < 16; i++) {
      line += i < part.size() ? " " + to_hex(part.subspan(i, 1)) : "   ";
      if (i < part.size()) text += part[i] >= 0x20 && part[i] <= 0x7e ? static_cast<char>(part[i]) : '.';
    }
    lines.push_back(line + "  |" + text + "|");
  }
  if (shown.size() < bytes.size())
    lines.push_back("... " + std::to_string(bytes.size() - shown.size()) + " more bytes");
  return lines;
}

}  // namespace attest::ctl
