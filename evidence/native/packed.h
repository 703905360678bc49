// packed.h: indices of a fixed width on the wire (docs/PROTOCOL.md, "CBOR").
#pragma once
#include "evidence/native/message.h"

namespace attest {

// pack_indices gives the width in bits as one byte, then each index with its highest bit first, then zeros up to a whole byte.
// Indices that need more bits than the segment says lose the upper ones.
Bytes pack_indices(const PackedSegment& segment);
// unpack_indices is the way back; malformed for no index at all, a width that is not 1 to 32, another length than count and
// width say, or bits behind the last index that are not zero. Nothing is allocated before count and length agree.
Result<PackedSegment> unpack_indices(std::uint32_t metadata, std::uint32_t count, View bytes);
// packed_size is the length of pack_indices() for so many indices.
std::size_t packed_size(std::size_t count, std::uint8_t bits);

}  // namespace attest
