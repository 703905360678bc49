#include "cmcd-lite/protocol/messages.h"

// The first byte picks the message; the daemon and the module decode these from each other.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attest;
  if (size == 0) return 0;
  View payload(data + 1, size - 1);
  switch (data[0] % 13) {
    case 0: (void)decode_begin_call(payload); break;
    case 1: (void)decode_begin_answer(payload); break;
    case 2: (void)decode_attest_call(payload); break;
    case 3: (void)decode_attest_answer(payload); break;
    case 4: (void)decode_judge_call(payload); break;
    case 5: (void)decode_judge_answer(payload); break;
    case 6: (void)decode_sign_call(payload); break;
    case 7: (void)decode_sign_answer(payload); break;
    case 8: (void)decode_key_call(payload); break;
    case 9: (void)decode_key_answer(payload); break;
    case 10: (void)decode_machine_cert_answer(payload); break;
    case 11: (void)decode_error_answer(payload); break;
    default: (void)parse_frame_header(payload); break;
  }
  return 0;
}
