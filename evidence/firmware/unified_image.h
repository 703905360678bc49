// unified_image.h: unified kernel images (UAPI.5): systemd's stub with kernel, initrd and command line as sections of one program.
#pragma once
#include <optional>

#include "evidence/firmware/pe_image.h"

namespace attest {

inline constexpr std::uint32_t kMaxSectionZeros = 256U << 20;  // bytes behind the content of a section that is used
inline constexpr unsigned kFirstMeasuringStub = 252;           // versions of the stub whose measurements are known: from this one
inline constexpr unsigned kLastKnownStub = 258;                // to this one

// UnifiedImage is an image as its stub uses it when a profile of it is booted. Lends from the file.
struct UnifiedImage {
  std::string stub;         // version of the stub as it writes it, "252.39-1~deb12u2"
  unsigned stub_major = 0;
  std::size_t profiles = 0;          // sections .profile; without one there is profile 0 alone
  std::vector<PeSection> measured;   // what the stub measures, in the order in which it does; .linux first
  std::optional<PeSection> signature;           // .pcrsig: handed to the kernel, not measured
  std::vector<PeSection> device_trees, firmware;  // .dtbauto and .efifw: the machine picks one of each or none, and measures it

  // section of a name; nullptr for one that is not there or not measured, or that the machine picks.
  const PeSection* section(std::string_view name) const;
};

// is_unified_image: there is a section ".linux".
bool is_unified_image(const PeImage& image);

// parse_unified_image: malformed for what is no unified image, has a section twice in one profile, or zeros behind one above the bound;
// unsupported for a stub that is not systemd's or older than 252 (it measures no sections); mismatch for a profile it does not have.
Result<UnifiedImage> parse_unified_image(View file, unsigned profile = 0);

// picked_by_machine: ".dtbauto" and ".efifw".
bool picked_by_machine(std::string_view section);

}  // namespace attest
