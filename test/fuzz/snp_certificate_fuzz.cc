#include "evidence/snp/chain.h"

// A certificate is one of a VCEK or VLEK or it is not; nothing a fuzzer makes is certified by AMD.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto key = attest::parse_snp_key_certificate({data, size});
  if (!key) return 0;
  bool vcek = key->role == attest::SnpCertificateRole::vcek;
  if (vcek == key->hwid.empty() || vcek != key->csp_id.empty()) __builtin_trap();
  static const auto kTrust = attest::SnpTrust::built_in();
  if (!kTrust) __builtin_trap();
  (void)kTrust->verify({data, size}, {}, 1780000000);
  return 0;
}
