#include "evidence/logs/replay.h"

namespace attest {

Result<PcrReplay> PcrReplay::make(HashAlg bank, std::uint8_t startup_locality) {
  if (startup_locality != 0 && startup_locality != 3 && startup_locality != 4)
    return Error{Errc::unsupported, "replay: startup locality " + std::to_string(startup_locality)};
  TRY(Hasher hasher, Hasher::make(bank));
  PcrReplay replay(std::move(hasher));
  for (std::uint8_t pcr = 0; pcr < replay.values_.size(); pcr++)
    replay.values_[pcr] = pcr_start_value(bank, pcr, startup_locality);
  return replay;
}

void PcrReplay::extend(std::uint8_t pcr, const Digest& digest) {
  if (pcr >= values_.size() || digest.size() != digest_size(hasher_.alg())) bad_ = true;
  if (bad_) return;
  values_[pcr] = hasher_.extend(values_[pcr], digest.view());
  touched_[pcr] = true;
  bad_ = values_[pcr].empty();
}

}  // namespace attest
