#include "evidence/cmc/report.h"

// What is decoded encodes, and what we encoded decodes to the same bytes. Logs may be lent of the same reports.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attest::cmc;
  auto report = decode_report({data, size});
  if (bool(report) != bool(decode_lent_report({data, size}))) __builtin_trap();
  if (!report || report->version != kReportVersion) return 0;
  attest::Bytes context = encode_context(report->context, report->encoding);
  attest::Bytes bytes = encode_report(*report, context);
  auto again = decode_report(bytes);
  if (!again) return 0;  // a member that cannot be written as it came: free-form values may hold what JSON cannot
  attest::Bytes second = encode_report(*again, encode_context(again->context, again->encoding));
  if (second != bytes) __builtin_trap();
  return 0;
}
