// pe_image.h: programs of the firmware (PE32, PE32+) as far as measuring them needs: boot loaders, kernels.
#pragma once
#include <string>

#include "evidence/core/bytes.h"

namespace attest {

inline constexpr std::size_t kMaxPeSections = 96;

struct PeSection {
  std::string name;  // up to eight characters
  View content;      // as it is loaded, without the padding of the file
  std::uint32_t zeros = 0;  // that follow it in memory, as many as the header likes: bound it before use
};

struct PeImage {
  std::vector<View> hashed;         // the parts of the file that Authenticode covers, in order
  std::vector<PeSection> sections;  // in the order of the table
};

// parse_pe_image reads the headers ("Windows Authenticode Portable Executable Signature Format", clause "Calculating the PE
// image hash"). Everything but the checksum, the directory entry of the certificates and the certificates is hashed. Lends from
// the file. malformed for headers, sections or certificates outside of the file.
Result<PeImage> parse_pe_image(View file);

// authenticode_bytes is what is hashed, in one piece.
Result<Bytes> authenticode_bytes(View file);

// is_pe_image: cheap, by its first bytes.
bool is_pe_image(View file);

}  // namespace attest
