#include "evidence/tpm/pcr_selection.h"

#include "evidence/core/hex.h"

namespace attest {
namespace {

constexpr std::uint32_t kMaxBanks = 16;  // HASH_COUNT

std::vector<std::uint8_t> read_bitmap(Reader& in) {
  std::size_t size = in.u8();  // sizeofSelect
  if (size == 0 || size > 4) in.fail();
  View bitmap = in.take(size);  // pcrSelect
  std::vector<std::uint8_t> pcrs;
  for (std::size_t i = 0; i < bitmap.size() * 8; i++) {
    if ((bitmap[i / 8] >> (i % 8) & 1) == 0) continue;
    if (i >= kMaxPcrs) in.fail();
    pcrs.push_back(static_cast<std::uint8_t>(i));
  }
  return pcrs;
}

}  // namespace

Result<std::vector<PcrSelection>> read_pcr_selections(Reader& in) {
  std::vector<PcrSelection> out;
  std::uint32_t count = in.count32be(kMaxBanks);
  for (std::uint32_t i = 0; i < count && in.good(); i++) {
    std::uint16_t id = in.u16be();  // hash
    std::vector<std::uint8_t> pcrs = read_bitmap(in);
    if (!in.good()) break;
    auto bank = hash_alg_from_id(id);
    if (!bank) return Error{Errc::unsupported, "pcr selection: bank with TPM_ALG_ID " + std::to_string(id)};
    out.push_back({*bank, std::move(pcrs)});
  }
  return out;
}

Result<std::vector<PcrSelection>> parse_pcr_selections(View bytes) {
  Reader in(bytes);
  TRY(auto selections, read_pcr_selections(in));
  CHECK_OK(in.done("pcr selection"));
  return selections;
}

Status write_pcr_selections(Writer& out, const PcrSelection& selection) {
  std::array<std::uint8_t, kMaxPcrs / 8> bitmap{};
  for (std::uint8_t pcr : selection.pcrs) {
    if (pcr >= kMaxPcrs) return Error{Errc::malformed, "pcr selection: PCR " + std::to_string(pcr)};
    bitmap[pcr / 8] = static_cast<std::uint8_t>(bitmap[pcr / 8] | 1U << pcr % 8);
  }
  out.u32be(1);
  out.u16be(static_cast<std::uint16_t>(selection.bank));
  out.u8(static_cast<std::uint8_t>(bitmap.size()));
  out.put(bitmap);
  return ok();
}

Result<PcrSelection> only_bank(const std::vector<PcrSelection>& selections) {
  const PcrSelection* found = nullptr;
  for (const PcrSelection& s : selections) {
    if (s.pcrs.empty()) continue;
    if (found != nullptr) return Error{Errc::mismatch, "pcr selection: more than one bank selected"};
    found = &s;
  }
  if (found == nullptr) return Error{Errc::mismatch, "pcr selection: no PCR selected"};
  return *found;
}

Digest pcr_digest(HashAlg scheme_hash, const std::vector<Digest>& values) {
  Bytes all;
  for (const Digest& value : values) all.insert(all.end(), value.view().begin(), value.view().end());
  return hash_of(scheme_hash, {all});
}

std::string selection_text(const PcrSelection& selection) {
  std::string text = hash_alg_name(selection.bank);
  char separator = ':';
  for (std::uint8_t pcr : selection.pcrs) {
    text += separator + std::to_string(pcr);
    separator = ',';
  }
  return text;
}

}  // namespace attest
