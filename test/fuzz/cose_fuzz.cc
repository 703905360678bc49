#include "evidence/cmc/cose.h"
#include "evidence/x509/certificate.h"
#include "test/fuzz/root.h"

// No root is ever met: nothing verifies.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto store = attest::TrustStore::make(*attest::split_certificates(attest::as_view(attest::fuzz::kRoot), "root"));
  (void)attest::cmc::unverified_cose_payload({data, size});
  (void)attest::cmc::examine_cose({data, size}, *store, 1795305600);
  return 0;
}
