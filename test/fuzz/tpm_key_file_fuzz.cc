#include "drivers/tpm/key_file.h"
#include "drivers/tpm/nv.h"
#include "evidence/core/hex.h"

// What an administrator puts into keys/, and what a manufacturer left in NV.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attest;
  View bytes(data, size);
  (void)certificate_span(bytes);
  std::string pem =
      "-----BEGIN TSS2 PRIVATE KEY-----\n" + to_base64(bytes) + "\n-----END TSS2 PRIVATE KEY-----\n";
  auto file = parse_key_file(pem);
  if (file && !encode_key_file(*file)) __builtin_trap();
  (void)parse_key_file(as_text(bytes));
  return 0;
}
