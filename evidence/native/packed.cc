#include "evidence/native/packed.h"

namespace attest {
namespace {

constexpr std::uint8_t kMaxBits = 32;

}  // namespace

std::size_t packed_size(std::size_t count, std::uint8_t bits) { return 1 + (count * bits + 7) / 8; }

Bytes pack_indices(const PackedSegment& segment) {
  Bytes out{segment.bits};
  out.reserve(packed_size(segment.entries.size(), segment.bits));
  std::uint64_t held = 0;  // bits not written yet, in its lower end
  unsigned count = 0;
  for (std::uint32_t entry : segment.entries) {
    held = held << segment.bits | (entry & ((std::uint64_t{1} << segment.bits) - 1));
    for (count += segment.bits; count >= 8; count -= 8) out.push_back(static_cast<std::uint8_t>(held >> (count - 8)));
  }
  if (count > 0) out.push_back(static_cast<std::uint8_t>(held << (8 - count)));
  return out;
}

Result<PackedSegment> unpack_indices(std::uint32_t metadata, std::uint32_t count, View bytes) {
  std::uint8_t bits = bytes.empty() ? std::uint8_t{0} : bytes[0];
  if (count == 0 || bits == 0 || bits > kMaxBits || bytes.size() != packed_size(count, bits))
    return Error{Errc::malformed, "packed indices: " + std::to_string(bytes.size()) + " bytes for " + std::to_string(count) + " of " +
                                      std::to_string(bits) + " bits"};
  PackedSegment out{metadata, bits, {}};
  out.entries.reserve(count);
  std::uint64_t held = 0;
  unsigned have = 0;
  for (std::uint8_t byte : bytes.subspan(1)) {
    held = held << 8 | byte;
    for (have += 8; have >= bits && out.entries.size() < count; have -= bits)
      out.entries.push_back(static_cast<std::uint32_t>(held >> (have - bits) & ((std::uint64_t{1} << bits) - 1)));
  }
  if ((held & ((std::uint64_t{1} << have) - 1)) != 0) return Error{Errc::malformed, "packed indices: more bits than indices"};
  return out;
}

}  // namespace attest
