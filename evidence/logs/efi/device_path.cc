#include "evidence/logs/efi/device_path.h"

#include "evidence/logs/efi/text.h"

namespace attest::efi {
namespace {

constexpr std::uint8_t kEnd = 0x7f;
constexpr std::uint8_t kEndEntire = 0xff;
constexpr std::size_t kMaxNodes = 256;

}  // namespace

Result<DevicePath> parse_device_path(View bytes) {
  DevicePath path;
  Reader in(bytes);
  for (std::size_t nodes = 0; in.more(); nodes++) {
    if (nodes == kMaxNodes) return Error{Errc::malformed, "device path: more than 256 nodes"};
    std::uint8_t type = in.u8();      // Type
    std::uint8_t sub_type = in.u8();  // SubType
    std::uint16_t length = in.u16le();
    if (length < 4) in.fail();
    View body = in.take(length < 4 ? 0 : length - 4U);
    if (!in.good()) break;
    if (type == kEnd && sub_type == kEndEntire) break;
    if (type == kEnd) {  // another instance of the path follows
      path.text += ',';
      continue;
    }
    if (!path.text.empty() && path.text.back() != ',') path.text += '/';
    path.text += device_node_text(type, sub_type, body);
    if (type == 4 && sub_type == 4) path.file += from_utf16(body);
  }
  if (!in.good()) return Error{Errc::malformed, "device path: a node is truncated"};
  return path;
}

}  // namespace attest::efi
