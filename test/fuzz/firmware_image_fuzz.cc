// The tables of a firmware image, for SEV-SNP and for TDX. Small images are measured as well.
#include "evidence/dcap/td_firmware.h"
#include "evidence/snp/firmware_image.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  attest::View image(data, size);
  if (auto snp = attest::parse_snp_firmware(image); snp && snp->sections.empty()) __builtin_trap();
  auto sections = attest::parse_td_firmware(image);
  if (!sections) return 0;
  std::uint64_t pages = 0;
  for (const attest::TdSection& section : *sections) {
    if (section.offset > size || section.size > size - section.offset) __builtin_trap();
    pages += section.memory / 4096;
  }
  if (pages <= 16 && !attest::td_measurement(image)) __builtin_trap();
  return 0;
}
