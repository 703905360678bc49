// boot_maker.h: synthetic boots of unified kernel images: the image, and the firmware log that booting it leaves.
#pragma once
#include <string>
#include <vector>

#include "evidence/core/bytes.h"

namespace attest::test {

// ImageSection: `zeros` bytes follow the content in memory.
struct ImageSection {
  std::string name;
  Bytes content;
  std::uint32_t zeros = 0;
};

// stub_section says which version of systemd's stub an image has.
ImageSection stub_section(const std::string& version);

// unified_image is a PE32+ program with these sections, in their order, unsigned.
Bytes unified_image(const std::vector<ImageSection>& sections);

// LoggedEvent: what was measured, and what the record says.
struct LoggedEvent {
  std::uint32_t pcr = 0, type = 0;
  Bytes measured, data;
};

// boot_log is a crypto-agile log with banks sha1, sha256 and sha384.
Bytes boot_log(const std::vector<LoggedEvent>& events);
// ccel_log is one of a trust domain, with bank sha384 alone: registers 1 to 4 are RTMR 0 to 3.
Bytes ccel_log(const std::vector<LoggedEvent>& events);

// utf16 of ASCII, without a NUL.
Bytes utf16(const std::string& text);

// unified_boot are the events of booting an image with a stub that measures the sections named: the image, its sections, the kernel
// inside as a program, and that kernel's own measurements of command line and initrd, as the stub packs it.
std::vector<LoggedEvent> unified_boot(const std::vector<ImageSection>& sections, const std::vector<std::string>& measured);

}  // namespace attest::test
