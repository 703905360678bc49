#include "evidence/tpm/pcr_file.h"

#include "evidence/tpm/pcr_selection.h"
#include "evidence/tpm/tpm_ids.h"

namespace attest {
namespace {

constexpr std::uint32_t kBanks = 16;      // entries of a TPML_PCR_SELECTION, used or not
constexpr std::uint32_t kDigests = 8;     // entries of a TPML_DIGEST, used or not
constexpr std::uint32_t kMaxLists = 384;  // 16 banks of 24 values, one a list at worst

struct Slot {
  HashAlg bank;
  std::uint8_t pcr;
};

void add_slots(HashAlg bank, std::size_t size, View bitmap, std::vector<Slot>& slots) {
  for (std::size_t i = 0; i < size * 8; i++)
    if ((bitmap[i / 8] >> (i % 8) & 1) != 0) slots.push_back({bank, static_cast<std::uint8_t>(i)});
}

// TPML_PCR_SELECTION as a C structure: count, then 16 of {u16 hash, u8 size, u8[4], padding}.
Result<std::vector<Slot>> read_slots(Reader& in) {
  std::vector<Slot> slots;
  std::uint32_t count = in.count32le(kBanks);
  for (std::uint32_t i = 0; i < kBanks; i++) {
    std::uint16_t id = in.u16le();
    std::size_t size = in.u8();
    View bitmap = in.take(4);
    in.take(1);
    if (i >= count) continue;
    if (size > 3) in.fail();
    if (!in.good()) break;
    auto bank = hash_alg_from_id(id);
    if (!bank) return Error{Errc::unsupported, "pcr file: bank with TPM_ALG_ID " + std::to_string(id)};
    add_slots(*bank, size, bitmap, slots);
  }
  return slots;
}

// TPML_DIGEST as a C structure: count, then 8 of {u16 size, u8[64]}.
void read_digests(Reader& in, std::vector<Digest>& values) {
  std::uint32_t count = in.count32le(kDigests);
  for (std::uint32_t i = 0; i < kDigests; i++) {
    std::size_t size = in.u16le();
    View buffer = in.take(tpm::kMaxDigest);
    if (i >= count) continue;
    if (size > buffer.size()) in.fail();
    if (in.good()) values.push_back(Digest::of(buffer.first(size)));
  }
}

}  // namespace

Result<PcrValues> parse_pcr_file(View bytes) {
  Reader in(bytes);
  TRY(std::vector<Slot> slots, read_slots(in));
  std::uint32_t lists = in.count32le(kMaxLists);
  std::vector<Digest> values;
  for (std::uint32_t i = 0; i < lists && in.good(); i++) read_digests(in, values);
  CHECK_OK(in.done("pcr file"));
  if (values.size() != slots.size()) return Error{Errc::malformed, "pcr file: values and selection differ"};
  PcrValues out;
  for (std::size_t i = 0; i < slots.size(); i++) {
    if (values[i].size() != digest_size(slots[i].bank))
      return Error{Errc::malformed, "pcr file: a value has not the size of its bank"};
    out[slots[i].bank][slots[i].pcr] = values[i];
  }
  return out;
}

}  // namespace attest
