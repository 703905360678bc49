#include "provider/libattest/link.h"

// Links of re-attestation: what decodes is what its encoder writes, byte for byte, and a report of any bytes names a machine
// or an error.
namespace {

using namespace attest;
using namespace attest::atls;

template <class Decode, class Encode>
void strict(View payload, Decode&& decode, Encode&& encode) {
  auto message = decode(payload);
  if (!message) return;
  auto again = encode(*message);
  if (!again || !equal(*again, payload)) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  View in(data, size);
  strict(in, decode_challenge, encode_challenge);
  strict(in, decode_answer, encode_answer);
  if (auto answer = decode_answer(in)) (void)identity_of(answer->report);
  return 0;
}
