#include "verifier/platform/platform.h"

// What parses has bounded lists, and judging it neither trusts it nor changes its mind.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto certificate = attest::parse_platform_certificate({data, size});
  if (!certificate) return 0;
  if (certificate->claims.components.size() > attest::PlatformClaims::kMaxComponents) __builtin_trap();
  if (certificate->der.size() > size || certificate->signed_part.size() >= certificate->der.size())
    __builtin_trap();
  std::vector<attest::Bytes> none;
  attest::PlatformQuestion question;
  question.certificate = &*certificate;
  question.base = &*certificate;
  question.deltas = {&*certificate};
  question.anchors = &none;
  question.at = certificate->not_before;
  auto found = attest::judge_platform(question);
  if (!found || found->trusted()) __builtin_trap();
  return 0;
}
