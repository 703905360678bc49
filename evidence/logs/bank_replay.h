// bank_replay.h: the PCR values of a whole log in every bank it has, SM3 and SHA-3 included.
#pragma once
#include <map>

#include "evidence/logs/tcg_event_log.h"

namespace attest {

// BankValues are the registers of one bank that the log extends, by number. The start value of PCR 0 carries the
// startup locality; PCR 17 to 22 start at 0xff.
struct BankValues {
  std::uint16_t alg = 0;  // TPM_ALG_ID
  std::string name;       // "sha256", "sm3_256"
  std::map<std::uint32_t, Digest> values;
};

// bank_name is the name of a TPM_ALG_ID; "alg_0x1234" for one we do not know.
std::string bank_name(std::uint16_t alg);

// BankReplay extends the registers of one bank. Not thread safe.
class BankReplay {
 public:
  // make: unsupported for an algorithm that OpenSSL does not have.
  static Result<BankReplay> make(std::uint16_t alg, std::uint8_t startup_locality);
  // extend: reg becomes H(reg || digest); a digest of another length than the bank's fails.
  Status extend(std::uint32_t reg, View digest);
  // start fixes a register's value before it is extended: what an earlier log left in it.
  void start(std::uint32_t reg, const Digest& value) { values_[reg] = value; }
  const std::map<std::uint32_t, Digest>& values() const { return values_; }
  // value of a register, extended or not.
  Digest value(std::uint32_t reg) const;
  // hash of some bytes with the bank's algorithm; empty if OpenSSL failed.
  Digest hash(std::initializer_list<View> parts);
  std::size_t digest_size() const { return size_; }

 private:
  struct FreeMd {
    void operator()(EVP_MD* md) const { EVP_MD_free(md); }
  };
  BankReplay() = default;
  std::uint8_t locality_ = 0;
  std::size_t size_ = 0;
  std::unique_ptr<EVP_MD, FreeMd> md_;
  OwnedMdCtx ctx_;
  std::map<std::uint32_t, Digest> values_;
};

// replay_banks replays every bank that can be computed; banks of unknown algorithms are left out, records
// without a bank's digest do not extend it.
Result<std::vector<BankValues>> replay_banks(const TcgEventLog& log);

}  // namespace attest
