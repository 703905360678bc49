// The answer of a CMC fleet's provisioning server: HTTP, parts, CMS.
#include "evidence/cmc/est_challenge.h"
#include "test/fuzz/root.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attest;
  View input(data, size);
  Secret secret = Secret::copy_of(Bytes(32));
  (void)open_est_certificate(input, secret);
  if (auto challenge = parse_est_challenge(input)) (void)open_est_certificate(challenge->certificate, secret);
  return 0;
}
