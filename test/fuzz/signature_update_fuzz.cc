// Updates of firmware variables: read, added to themselves, and measured again.
#include "verifier/logs/predict_parts.h"

namespace {

// UEFI_VARIABLE_DATA of a variable "db" with this content.
attest::Bytes event_of(attest::View content) {
  attest::Writer out;
  out.put(attest::Bytes(16, 7));
  out.u64le(2);
  out.u64le(content.size());
  for (char c : {'d', 'b'}) out.u16le(static_cast<std::uint8_t>(c));
  out.put(content);
  auto bytes = std::move(out).finish("event");
  return bytes ? *std::move(bytes) : attest::Bytes{};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto update = attest::signature_update({data, size});
  if (!update) return 0;
  attest::Bytes bytes = event_of(*update);
  attest::TcgEvent event;
  event.type = 0x80000001;
  event.data = bytes;
  auto same = attest::changed_variable(event, {"db", *update, true});  // it has everything already
  if (same && *same && **same != bytes) __builtin_trap();
  auto set = attest::changed_variable(event, {"db", *update, false});
  if (!set || !*set || **set != bytes) __builtin_trap();
  return 0;
}
