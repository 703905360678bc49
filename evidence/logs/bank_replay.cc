#include "evidence/logs/bank_replay.h"

#include "evidence/core/crypto.h"
#include "evidence/core/hash.h"
#include "evidence/core/hex.h"

namespace attest {
namespace {

struct Row {
  std::uint16_t alg;
  const char *name, *fetch;
};
constexpr Row kBanks[] = {{0x0004, "sha1", "SHA1"},         {0x000b, "sha256", "SHA256"},
                          {0x000c, "sha384", "SHA384"},     {0x000d, "sha512", "SHA512"},
                          {0x0012, "sm3_256", "SM3"},       {0x0027, "sha3_256", "SHA3-256"},
                          {0x0028, "sha3_384", "SHA3-384"}, {0x0029, "sha3_512", "SHA3-512"}};

const Row* find(std::uint16_t alg) {
  for (const Row& row : kBanks)
    if (row.alg == alg) return &row;
  return nullptr;
}

// fetched is a reference of its own; the banks of every day are fetched once for all logs.
EVP_MD* fetched(const Row& row) {
  auto known = hash_alg_from_id(row.alg);
  auto* md = known ? const_cast<EVP_MD*>(evp_md(*known)) : nullptr;
  if (md != nullptr && EVP_MD_up_ref(md) == 1) return md;
  return EVP_MD_fetch(private_libctx(), row.fetch, nullptr);
}

}  // namespace

std::string bank_name(std::uint16_t alg) {
  if (const Row* row = find(alg)) return row->name;
  return "alg_0x" + to_hex(Bytes{static_cast<std::uint8_t>(alg >> 8), static_cast<std::uint8_t>(alg)});
}

Result<BankReplay> BankReplay::make(std::uint16_t alg, std::uint8_t startup_locality) {
  const Row* row = find(alg);
  BankReplay replay;
  if (row != nullptr) replay.md_.reset(fetched(*row));
  if (!replay.md_) return Error{Errc::unsupported, "replay: no hash for the bank " + bank_name(alg)};
  replay.ctx_.reset(EVP_MD_CTX_new());
  if (!replay.ctx_) return Error{Errc::io, "replay: out of memory"};
  replay.size_ = static_cast<std::size_t>(EVP_MD_get_size(replay.md_.get()));
  replay.locality_ = startup_locality;
  return replay;
}

Digest BankReplay::hash(std::initializer_list<View> parts) {
  Digest out;
  bool good = EVP_DigestInit_ex2(ctx_.get(), md_.get(), nullptr) == 1;
  for (View part : parts) good = good && EVP_DigestUpdate(ctx_.get(), part.data(), part.size()) == 1;
  if (good && EVP_DigestFinal_ex(ctx_.get(), out.data(), nullptr) == 1) out.resize(size_);
  return out;
}

Digest BankReplay::value(std::uint32_t reg) const {
  if (auto found = values_.find(reg); found != values_.end()) return found->second;
  Digest start;
  start.resize(size_);
  if (reg == 0) start.data()[size_ - 1] = locality_;
  if (reg >= 17 && reg <= 22) std::fill_n(start.data(), size_, std::uint8_t{0xff});
  return start;
}

Status BankReplay::extend(std::uint32_t reg, View digest) {
  if (digest.size() != size_)
    return Error{Errc::malformed, "replay: a digest of " + std::to_string(digest.size()) + " bytes in a bank of " +
                                      std::to_string(size_)};
  Digest next = hash({value(reg).view(), digest});
  if (next.empty()) return Error{Errc::io, "replay: hashing failed"};
  values_[reg] = next;
  return ok();
}

Result<std::vector<BankValues>> replay_banks(const TcgEventLog& log) {
  std::vector<BankValues> banks;
  for (const TcgEventLog::Algorithm& algorithm : log.algorithms) {
    auto replay = BankReplay::make(algorithm.id, log.startup_locality.value_or(0));
    if (!replay && replay.error().code == Errc::unsupported) continue;
    if (!replay) return std::move(replay).error();
    for (const TcgEvent& event : log.events)
      for (const TcgDigest& digest : event.digests)
        if (event.extends() && digest.alg == algorithm.id) CHECK_OK(replay->extend(event.pcr, digest.value));
    banks.push_back({algorithm.id, bank_name(algorithm.id), replay->values()});
  }
  return banks;
}

}  // namespace attest
