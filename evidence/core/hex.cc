#include "evidence/core/hex.h"

namespace attest {
namespace {

constexpr std::string_view kStandard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr auto kHexValues = [] {
  std::array<std::int8_t, 256> table{};
  table.fill(-1);
  constexpr std::string_view low = "0123456789abcdef", high = "0123456789ABCDEF";
  for (std::size_t i = 0; i < low.size(); i++)
    table[static_cast<unsigned char>(low[i])] = table[static_cast<unsigned char>(high[i])] = static_cast<std::int8_t>(i);
  return table;
}();

std::string encode64(View bytes, std::string_view alphabet, bool pad) {
  std::size_t tail = bytes.size() % 3, whole = bytes.size() - tail;
  std::string out(whole / 3 * 4 + (tail == 0 ? 0 : pad ? 4 : tail + 1), '=');
  char* to = out.data();
  auto put = [&](std::uint32_t group, std::size_t characters) {
    for (std::size_t k = 0; k < characters; k++) *to++ = alphabet[group >> (18 - 6 * k) & 63];
  };
  for (std::size_t i = 0; i < whole; i += 3)
    put(std::uint32_t{bytes[i]} << 16 | std::uint32_t{bytes[i + 1]} << 8 | bytes[i + 2], 4);
  if (tail == 1) put(std::uint32_t{bytes[whole]} << 16, 2);
  if (tail == 2) put(std::uint32_t{bytes[whole]} << 16 | std::uint32_t{bytes[whole + 1]} << 8, 3);
  return out;
}

std::array<std::int8_t, 256> reverse_table(std::string_view alphabet) {
  std::array<std::int8_t, 256> table{};
  table.fill(-1);
  for (std::size_t i = 0; i < alphabet.size(); i++)
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  return table;
}

Result<Bytes> decode64(std::string_view text, std::string_view alphabet, std::size_t max_bytes) {
  if (text.size() % 4 == 1) return Error{Errc::malformed, "base64: impossible length"};
  if (text.size() / 4 * 3 > max_bytes) return Error{Errc::malformed, "base64: more than " + std::to_string(max_bytes) + " bytes"};
  const auto table = reverse_table(alphabet);
  const std::size_t tail = text.size() % 4;  // 0, 2 or 3 characters: 0, 1 or 2 bytes
  Bytes out(text.size() / 4 * 3 + (tail == 0 ? 0 : tail - 1));
  int seen = 0;  // the sign of every value: negative after one character outside the alphabet
  auto value = [&](std::size_t i) {
    int v = table[static_cast<unsigned char>(text[i])];
    seen |= v;
    return static_cast<std::uint32_t>(v) & 63;
  };
  std::uint8_t* to = out.data();
  std::size_t i = 0;
  for (; i + 4 <= text.size(); i += 4) {
    std::uint32_t group = value(i) << 18 | value(i + 1) << 12 | value(i + 2) << 6 | value(i + 3);
    for (int shift = 16; shift >= 0; shift -= 8) *to++ = static_cast<std::uint8_t>(group >> shift);
  }
  std::uint32_t group = 0;
  for (std::size_t k = 0; k < tail; k++) group |= value(i + k) << (18 - 6 * k);
  for (std::size_t k = 1; k < tail; k++) *to++ = static_cast<std::uint8_t>(group >> (24 - 8 * k));
  if (seen < 0) return Error{Errc::malformed, "base64: character outside the alphabet"};
  if (tail != 0 && (group & (0xffffffU >> (8 * (tail - 1)))) != 0) return Error{Errc::malformed, "base64: stray bits at the end"};
  return out;
}

}  // namespace

std::string to_hex(View bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out(bytes.size() * 2, '0');
  char* to = out.data();
  for (auto b : bytes) {
    *to++ = digits[b >> 4];
    *to++ = digits[b & 15];
  }
  return out;
}

Result<Bytes> from_hex(std::string_view text, std::size_t max_bytes) {
  if (text.size() % 2 != 0 || text.size() / 2 > max_bytes) return Error{Errc::malformed, "hex: bad length " + std::to_string(text.size())};
  Bytes out(text.size() / 2);
  int seen = 0;  // the sign of every value: negative after one character that is no digit
  for (std::size_t i = 0; i < out.size(); i++) {
    int high = kHexValues[static_cast<unsigned char>(text[2 * i])], low = kHexValues[static_cast<unsigned char>(text[2 * i + 1])];
    seen |= high | low;
    out[i] = static_cast<std::uint8_t>((high & 15) << 4 | (low & 15));
  }
  if (seen < 0) return Error{Errc::malformed, "hex: not a hexadecimal digit"};
  return out;
}

std::string to_base64(View bytes) { return encode64(bytes, kStandard, true); }
std::string to_base64url(View bytes) { return encode64(bytes, kUrl, false); }

Result<Bytes> from_base64(std::string_view text, std::size_t max_bytes) {
  if (text.size() % 4 != 0) return Error{Errc::malformed, "base64: length is not a multiple of 4"};
  for (int i = 0; i < 2 && !text.empty() && text.back() == '='; i++) text.remove_suffix(1);
  return decode64(text, kStandard, max_bytes);
}

Result<Bytes> from_base64url(std::string_view text, std::size_t max_bytes) {
  return decode64(text, kUrl, max_bytes);
}

}  // namespace attest
