#include "evidence/tpm/signature.h"

#include "evidence/core/hex.h"

namespace {

// Public areas of two attestation keys whose private halves nobody here holds.
constexpr const char* kKeys[] = {
    "0023000b00050072000000100018000b00030010002009a841c3709365dbed089f25c4e65b313800a39aa302d65cc5ee837b"
    "a9f93da70020287120c31b4b08f8ac428832d326d74f718672d7664779aca53890aeffd7a7eb",
    "0001000b00050072000000100014000b0800000000000100aa4e8349e827fe1998482db3dbe3930b649d80abd5b648c140db"
    "5fec58f0f12c4911e024c5793633cb56aafb67fb4f51a3ac688fec5a555eee7b63d88b4ad0ccd8a1a4f8490eda005ff408fc"
    "9fbed57e58526b815130020b8a7f39db5cd5e8765fe38e7c409ea798cc1d2dc720a194146540432c13fc47f6642b00a3ded0"
    "ede6f5aea04ee590441c03e1b94e6d812f502e654be48b29724b3b68416c03a0c59804e9c4f30f7ecb0054a3d016228cb110"
    "b94903351b185614657beaabce518d3871dce37e4c13066bb896fc93b1b9d2b21abc20b2713419d5231f0130bd32920914d2"
    "8a21011ba3cf7079f932af739e82c614e76d84a4f19def986aadd81c3437",
};

std::vector<attest::PublicArea> keys() {
  std::vector<attest::PublicArea> out;
  for (const char* hex : kKeys) {
    auto bytes = attest::from_hex(hex);
    if (!bytes) __builtin_trap();
    auto key = attest::parse_public(*bytes);
    if (!key) __builtin_trap();
    out.push_back(*std::move(key));
  }
  return out;
}

}  // namespace

// No input is a signature of a message that was never signed.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<attest::PublicArea> kFixed = keys();
  auto parsed = attest::parse_signature({data, size});
  if (!parsed) return 0;
  if (attest::parse_signature({data, size - 1})) __builtin_trap();
  for (const attest::PublicArea& key : kFixed)
    if (attest::verify_signature(attest::as_view("never signed"), *parsed, key, {.allow_sha1 = true}))
      __builtin_trap();
  return 0;
}
