#include "evidence/http/head.h"

// A head that parses is written, and parses to the same again; so do the parts of it that lead somewhere.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attest::http;
  attest::View in(data, size);
  auto end = head_size(in);
  if (!end) return 0;
  if (auto head = parse_request(in.first(*end))) {
    (void)request_body(*head);
    (void)parse_url(head->target);
    (void)parse_authority(head->target, "");
    std::string once = write_request(*head);
    auto again = parse_request(attest::as_view(once));
    if (!again || write_request(*again) != once) __builtin_trap();
    remove_hop_by_hop(*head);
    if (head->find("Connection") != nullptr || !parse_request(attest::as_view(write_request(*head)))) __builtin_trap();
  }
  if (auto head = parse_response(in.first(*end))) {
    (void)response_body(*head, "GET");
    std::string once = write_response(*head);
    auto again = parse_response(attest::as_view(once));
    if (!again || write_response(*again) != once) __builtin_trap();
  }
  (void)parse_chunk_size(attest::as_text(in.subspan(*end)));
  return 0;
}
