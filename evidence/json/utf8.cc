#include "evidence/json/utf8.h"

#include <cstdint>
#include <cstring>

namespace attest {

std::size_t utf8_size(std::string_view text) {
  auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  unsigned first = byte(0);
  if (first < 0x80) return text.empty() ? 0 : 1;
  std::size_t size = first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : 4;
  unsigned low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  unsigned high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  bool good = first >= 0xc2 && first <= 0xf4 && byte(1) >= low && byte(1) <= high;
  for (std::size_t i = 2; i < size; i++) good = good && byte(i) >= 0x80 && byte(i) <= 0xbf;
  return good ? size : 0;
}

bool valid_utf8(std::string_view text) {
  while (!text.empty()) {
    std::uint64_t eight = 0;
    if (text.size() >= sizeof eight) {
      std::memcpy(&eight, text.data(), sizeof eight);
      if ((eight & 0x8080808080808080U) == 0) {  // most texts are ASCII
        text.remove_prefix(sizeof eight);
        continue;
      }
    }
    std::size_t size = utf8_size(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

}  // namespace attest
