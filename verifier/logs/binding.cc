#include "verifier/logs/binding.h"

#include "evidence/logs/efi/tagged.h"
#include "evidence/logs/efi/text.h"
#include "evidence/logs/efi/variable.h"

namespace attest {
namespace {

// The candidates are the byte ranges whose hash the digest may be; usually one.
using Candidates = std::vector<View>;

void whole(View data, Candidates& out) { out.push_back(data); }

// Texts are measured with or without the NULs behind them.
void text(View data, Candidates& out) {
  out.push_back(data);
  View bare = efi::without_nuls(data);
  if (bare.size() != data.size()) out.push_back(bare);
}

// A variable is measured whole, without surplus bytes, or (boot options of old firmware) its content alone.
void variable(View data, Candidates& out) {
  out.push_back(data);
  auto parsed = efi::parse_uefi_variable(data);
  if (!parsed) return;
  if (parsed->surplus.empty()) return;
  out.push_back(data.first(data.size() - parsed->surplus.size()));
  out.push_back(data.first(data.size() - 1));  // shim logs a byte more than it measures
}
void boot_variable(View data, Candidates& out) {
  variable(data, out);
  auto parsed = efi::parse_uefi_variable(data);
  if (parsed) out.push_back(parsed->data);
}

// GRUB logs "grub_cmd: linux …" and measures what follows the blank; others measure the text as it is.
void boot_loader(View data, Candidates& out) {
  text(data, out);
  View bare = efi::without_nuls(data);
  std::size_t blank = as_text(bare).find(": ");
  if (blank == std::string_view::npos) return;
  out.push_back(bare.subspan(blank + 2));
  out.push_back(data.subspan(blank + 2));
}

void tagged(View data, Candidates& out) {
  out.push_back(data);
  auto parsed = efi::parse_tagged(data);
  if (parsed) out.push_back(parsed->data);
}

// An error's separator measures the number 1, whatever the data says.
void separator(View data, Candidates& out) {
  static constexpr std::array<std::uint8_t, 4> kError{1, 0, 0, 0};
  out.push_back(data);
  if (data.size() != 4) out.push_back(kError);
}

struct Row {
  std::uint32_t type;
  bool promised;
  void (*candidates)(View, Candidates&);
};
constexpr Row kRules[] = {
    {0x00000001, false, text},          {0x00000004, true, separator},     {0x00000005, true, text},
    {0x00000006, false, tagged},        {0x00000008, true, text},          {0x00000009, false, whole},
    {0x0000000a, false, whole},         {0x0000000b, false, whole},        {0x0000000c, false, text},
    {0x0000000d, false, boot_loader},   {0x00000010, false, whole},        {0x00000011, false, whole},
    {0x00000012, false, text},          {0x80000001, true, variable},      {0x80000002, true, boot_variable},
    {0x80000006, true, whole},          {0x80000007, true, text},          {0x8000000c, true, boot_variable},
    {0x8000000d, true, whole},          {0x80000010, false, text},         {0x800000e0, true, variable},
    {0x800000e1, false, whole},         {0x800000e2, false, whole},        {0x800000e3, true, variable},
    {0x800000e4, true, variable},
};

const Row* find(std::uint32_t type) {
  for (const Row& row : kRules)
    if (row.type == type) return &row;
  return nullptr;
}

bool all_zero(View digest) {
  return std::ranges::all_of(digest, [](std::uint8_t b) { return b == 0; });
}

}  // namespace

std::vector<View> digest_candidates(const TcgEvent& event) {
  Candidates out;
  if (const Row* row = find(event.type)) row->candidates(event.data, out);
  return out;
}

Result<DataRules> DataRules::make(const TcgEventLog& log) {
  constexpr std::array<std::array<std::uint8_t, 4>, 3> kValues{{{0, 0, 0, 0}, {255, 255, 255, 255}, {1, 0, 0, 0}}};
  std::vector<Bank> banks;
  for (const TcgEventLog::Algorithm& algorithm : log.algorithms) {
    auto hash = BankReplay::make(algorithm.id, 0);
    if (!hash) continue;
    Bank bank{algorithm.id, *std::move(hash), {}};
    for (std::size_t i = 0; i < kValues.size(); i++) bank.separators[i] = bank.hash.hash({kValues[i]});
    banks.push_back(std::move(bank));
  }
  if (banks.empty()) return Error{Errc::unsupported, "event log: no bank of it can be computed"};
  return DataRules(std::move(banks));
}

bool DataRules::matches(BankReplay& bank, View digest, std::vector<View>& candidates) {
  auto found = std::ranges::find_if(candidates, [&](View c) { return equal(bank.hash({c}).view(), digest); });
  if (found == candidates.end()) return false;
  std::iter_swap(candidates.begin(), found);
  return true;
}

bool DataRules::ends_firmware(const TcgEvent& event) const {
  for (const Bank& bank : banks_)
    for (const TcgDigest& digest : event.digests)
      if (digest.alg == bank.alg && event.extends())
        for (const Digest& separator : bank.separators)
          if (equal(separator.view(), digest.value)) return true;
  return false;
}

Binding DataRules::judge(const TcgEvent& event) {
  const Row* row = find(event.type);
  if (row == nullptr) return Binding::free;
  bool some = false, others = false;
  std::vector<View> candidates = digest_candidates(event);
  for (Bank& bank : banks_)
    for (const TcgDigest& digest : event.digests) {
      if (digest.alg != bank.alg || all_zero(digest.value)) continue;  // zeros: firmware that does not feed the bank
      (matches(bank.hash, digest.value, candidates) ? some : others) = true;
    }
  if (some && others) return Binding::contrary;
  if (some) return Binding::bound;
  return row->promised && others ? Binding::broken : Binding::free;
}

}  // namespace attest
