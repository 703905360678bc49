// unified_image.h: unified kernel images (UAPI.5): systemd's stub with kernel, initrd and command line as sections of one program.
#pragma once
#include "evidence/firmware/pe_image.h"

namespace attest {

inline constexpr std::uint32_t kMaxSectionZeros = 256U << 20;  // bytes behind the content of a measured section

// UnifiedImage lends from the file.
struct UnifiedImage {
  std::string stub;       // version of the stub as it writes it, "252.39-1~deb12u2"
  unsigned stub_major = 0;
  std::vector<PeSection> measured;  // what the stub measures, in the order in which it does; .linux first

  // section of a name; nullptr for one that is not there or not measured.
  const PeSection* section(std::string_view name) const;
};

// is_unified_image: there is a section ".linux".
bool is_unified_image(const PeImage& image);

// parse_unified_image: malformed for what is no unified image, has a section twice, or zeros behind one above the bound;
// unsupported for a stub that is not systemd's or older than 252 (it measures no sections), and for images whose sections are chosen
// by the machine at boot (profiles, device trees, firmware by hardware id).
Result<UnifiedImage> parse_unified_image(View file);

}  // namespace attest
