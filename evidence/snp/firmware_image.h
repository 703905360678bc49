// firmware_image.h: what an OVMF image says of itself to whoever launches SEV guests. Private to launch.cc.
#pragma once
#include <optional>

#include "evidence/core/bytes.h"

namespace attest {

enum class SnpSection : std::uint32_t { memory = 1, secrets = 2, cpuid = 3, svsm_calling_area = 4, kernel_hashes = 0x10 };

struct SnpFirmware {
  struct Section {
    std::uint32_t gpa = 0, size = 0;
    SnpSection type = SnpSection::memory;
  };
  std::vector<Section> sections;             // in the order of the metadata
  std::optional<std::uint32_t> reset_eip;    // of vCPUs other than the first
  std::optional<std::uint32_t> hash_table;   // address of the table of kernel hashes
};

// parse_snp_firmware reads the GUIDed table at the end of the image and the SEV metadata it points to.
Result<SnpFirmware> parse_snp_firmware(View image);

}  // namespace attest
