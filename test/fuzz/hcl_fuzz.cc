#include "evidence/azure/hcl.h"

// A report yields claims no longer than itself; its parts stay within it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto report = attest::parse_hcl_report({data, size});
  if (report) {
    if (report->claims.size() + report->hardware.size() > size) __builtin_trap();
    if (attest::claims_digest(*report).size() != 64) __builtin_trap();
    (void)attest::hardware_report_data(*report);
  }
  auto claims = attest::parse_hcl_claims(report ? attest::View(report->claims) : attest::View(data, size));
  if (!claims) return 0;
  for (const attest::HclKey& key : claims->keys) (void)attest::hcl_key_spki(key);
  return 0;
}
