// td_firmware.h: the measurement of a trust domain's firmware, MRTD, computed from the image it is launched with (TDVF Design
// Guide, clause 11 "TDVF metadata"; Intel TDX Module ABI: TDH.MEM.PAGE.ADD, TDH.MR.EXTEND).
#pragma once
#include "evidence/core/hash.h"

namespace attest {

inline constexpr std::size_t kMaxTdFirmware = 64 << 20;

// TdSection is a part of the image and where it lies in the guest's memory.
struct TdSection {
  std::uint32_t offset = 0, size = 0;  // in the image; size 0: no content
  std::uint64_t gpa = 0, memory = 0;   // bytes, whole pages
  std::uint32_t type = 0;              // 0 BFV, 1 CFV, 2 TD_HOB, 3 TempMem, 4 PermMem, 5 payload, 6 its parameters
  bool extended = false;               // content is measured into MRTD
  bool augmented = false;              // pages are accepted by the guest; nothing of them is measured
};

// parse_td_firmware reads the TDX metadata that the table of GUIDs points to. malformed for sections outside the image or the
// memory, of no whole pages, or of more than 1 GiB in all; unsupported for an image without them.
Result<std::vector<TdSection>> parse_td_firmware(View image);

// TdOrder is how the monitor adds and extends pages. QEMU 9 and later (and kernels with TDX upstream) extend each page right
// after they added it; older ones add all pages of a section first.
enum class TdOrder : std::uint8_t { page, section };

// td_measurement is MRTD of a domain launched with this image: SHA-384.
Result<Digest> td_measurement(View image, TdOrder order = TdOrder::page);

}  // namespace attest
