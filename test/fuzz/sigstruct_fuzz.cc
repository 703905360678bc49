// The statement of an enclave's maker.
#include "evidence/dcap/sigstruct.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto read = attest::parse_sigstruct({data, size});
  if (read && (size != attest::kSigstructBytes || read->mr_enclave.size() != 32)) __builtin_trap();
  return 0;
}
