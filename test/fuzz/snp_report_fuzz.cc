#include "evidence/snp/signature.h"

// A report is parsed or refused; one that parses has its exact length, and no report verifies with AMD's authorities' keys.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  attest::View bytes(data, size);
  auto report = attest::parse_snp_report(bytes);
  if (!report) return 0;
  if (attest::parse_snp_report(bytes.first(size - 1))) __builtin_trap();
  for (auto product : {attest::SnpProduct::milan, attest::SnpProduct::genoa, attest::SnpProduct::turin}) {
    attest::SnpTcb tcb = attest::decode_tcb(report->current_tcb, product);
    if (!tcb.at_least(tcb)) __builtin_trap();
    (void)attest::tcb_text(tcb, product);
  }
  return 0;
}
