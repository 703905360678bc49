#include "evidence/logs/efi/text.h"

namespace attest::efi {
namespace {

void put_utf8(std::string& out, std::uint32_t c) {
  auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | c >> 6);
    put(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3f));
    put(0x80 | (c & 0x3f));
  } else {
    put(0xf0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3f));
    put(0x80 | (c >> 6 & 0x3f));
    put(0x80 | (c & 0x3f));
  }
}

bool high_surrogate(std::uint32_t c) { return c >= 0xd800 && c < 0xdc00; }
bool low_surrogate(std::uint32_t c) { return c >= 0xdc00 && c < 0xe000; }

}  // namespace

std::string from_utf16(View data) {
  std::string out;
  Reader in(data);
  while (in.left() >= 2) {
    std::uint32_t c = in.u16le();
    if (c == 0) break;
    if (high_surrogate(c) && in.left() >= 2) {
      Reader ahead = in;
      std::uint32_t low = ahead.u16le();
      if (low_surrogate(low)) {
        in.u16le();
        put_utf8(out, 0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00)));
        continue;
      }
    }
    put_utf8(out, high_surrogate(c) || low_surrogate(c) ? '?' : c);
  }
  return out;
}

std::string from_bytes(View data) {
  auto end = std::ranges::find(data, std::uint8_t{0});
  return {data.begin(), end};
}

bool looks_like_utf16(View data) {
  if (data.size() < 2 || data.size() % 2 != 0 || data[0] == 0) return false;
  std::size_t units = 0, latin = 0;
  for (Reader in(data); in.more() && units < 64; units++) {
    std::uint16_t c = in.u16le();
    if (c == 0) break;
    if ((c >= 0x20 && c < 0x100) || c == '\t' || c == '\n' || c == '\r') latin++;
  }
  return latin * 4 >= units * 3;
}

std::string from_any(View data) { return looks_like_utf16(data) ? from_utf16(data) : from_bytes(data); }

View without_nuls(View data) {
  while (!data.empty() && data.back() == 0) data = data.first(data.size() - 1);
  return data;
}

bool is_text(View data) {
  View text = without_nuls(data);
  if (text.empty()) return false;
  return std::ranges::all_of(
      text, [](std::uint8_t c) { return (c >= 0x20 && c < 0x7f) || c == '\t' || c == '\n' || c == '\r'; });
}

}  // namespace attest::efi
