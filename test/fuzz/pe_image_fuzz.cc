// Programs of the firmware, as far as measuring them needs; unified kernel images.
#include "evidence/firmware/stub_initrd.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  attest::View file(data, size);
  auto image = attest::parse_pe_image(file);
  auto bytes = attest::authenticode_bytes(file);
  if (bytes && (!image || bytes->size() > 2 * size)) __builtin_trap();
  auto unified = attest::parse_unified_image(file);
  if (!unified) return 0;
  if (!image || unified->stub_major < 252 || unified->measured.at(0).name != ".linux") __builtin_trap();
  for (const attest::PeSection& section : unified->measured)
    if (unified->section(section.name) != &section || section.zeros > attest::kMaxSectionZeros) __builtin_trap();
  auto other = attest::parse_unified_image(file, 1);
  if (other && (unified->profiles < 2 || other->profiles != unified->profiles)) __builtin_trap();
  std::size_t zeros = unified->signature ? unified->signature->zeros : 0;
  for (const attest::PeSection& section : unified->measured) zeros += section.zeros;
  if (zeros < (1U << 20) && attest::stub_initrd(*unified).size() > 2 * size + zeros + 4096) __builtin_trap();
  return 0;
}
