#include "evidence/logs/measured_log.h"

namespace attest {

Digest pcr_start_value(HashAlg bank, std::uint8_t pcr, std::uint8_t startup_locality) {
  bool dynamic_launch = pcr >= 17 && pcr <= 22;
  Digest value = Digest::filled(bank, dynamic_launch ? 0xff : 0x00);
  if (pcr == 0) value.data()[value.size() - 1] = startup_locality;
  return value;
}

}  // namespace attest
