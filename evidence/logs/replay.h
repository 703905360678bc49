// replay.h: from events to PCR values.
#pragma once
#include "evidence/logs/measured_log.h"

namespace attest {

// PcrReplay extends 24 PCRs of one bank with one fetched hash. Not thread safe.
class PcrReplay {
 public:
  // make starts all PCRs at pcr_start_value; io if the hash cannot be fetched, unsupported for a startup
  // locality other than 0, 3 and 4.
  static Result<PcrReplay> make(HashAlg bank, std::uint8_t startup_locality);
  // extend: the PCR becomes H(value || digest). A PCR above 23 or a digest of another length than the bank's
  // gives empty values for good: they match nothing.
  void extend(std::uint8_t pcr, const Digest& digest);
  // value of a PCR; empty for one above 23, after a bad extend, or if OpenSSL failed.
  Digest value(std::uint8_t pcr) const { return pcr < values_.size() && !bad_ ? values_[pcr] : Digest{}; }
  // touched: the PCR was extended at least once.
  bool touched(std::uint8_t pcr) const { return pcr < values_.size() && touched_[pcr]; }

 private:
  explicit PcrReplay(Hasher hasher) : hasher_(std::move(hasher)) {}
  Hasher hasher_;
  std::array<Digest, 24> values_{};
  std::array<bool, 24> touched_{};
  bool bad_ = false;
};

}  // namespace attest
