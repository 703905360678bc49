// valid_now.h: certificates for servers and machines that live in the present, not at kTestNow.
#pragma once
#include "evidence/core/time.h"
#include "test/support/test_ca.h"

namespace attest::test {

// valid_now is a leaf for one extended usage, from a day ago for a year.
inline CertSpec valid_now(const std::string& name, const std::string& usage) {
  CertSpec spec;
  spec.common_name = name;
  spec.not_before = wall_clock_now() - kDay;
  spec.not_after = wall_clock_now() + 365 * kDay;
  spec.extensions = {{"keyUsage", "digitalSignature"}, {"extendedKeyUsage", usage}, {"authorityKeyIdentifier", "keyid"}};
  return spec;
}

}  // namespace attest::test
