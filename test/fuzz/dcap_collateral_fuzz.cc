#include "evidence/dcap/collateral.h"
#include "verifier/dcap/collateral.h"

// Collateral of any form: what is read can be checked, and nothing counts as Intel's that Intel did not sign.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  attest::DcapCollateral collateral;
  if (!attest::add_collateral({data, size}, collateral)) return 0;
  for (const auto& info : collateral.tcb_infos)
    if (info.value.levels.empty() || info.signed_bytes.size() > size) __builtin_trap();
  for (const auto& crl : collateral.crls)
    for (attest::View serial : crl.revoked)
      if (!crl.lists(serial)) __builtin_trap();
  static const auto roots = attest::Issuers::make({});
  auto checked = attest::CheckedCollateral::make(std::move(collateral), *roots);
  if (!checked) __builtin_trap();
  for (const auto& info : checked->tcb_infos)
    if (info.signature) __builtin_trap();
  return 0;
}
