// pck_extension.h: Intel's SGX extension of a PCK certificate (Intel, "SGX PCK Certificate and CRL Profile").
#pragma once
#include <array>
#include <optional>

#include "evidence/core/bytes.h"

namespace attest {

struct PckExtension {
  std::array<std::uint8_t, 16> ppid{};
  std::array<std::uint8_t, 16> comp{};  // TCB component SVNs 1 to 16
  std::array<std::uint8_t, 16> cpu_svn{};
  std::uint16_t pce_svn = 0;
  std::array<std::uint8_t, 2> pce_id{};
  std::array<std::uint8_t, 6> fmspc{};
  std::uint32_t sgx_type = 0;  // 0 standard, 1 scalable, 2 scalable with integrity
  std::optional<std::array<std::uint8_t, 16>> platform_instance_id;
  std::optional<bool> dynamic_platform, cached_keys, smt_enabled;
};

// parse_pck_extension reads the value of 1.2.840.113741.1.13.1: members in any order, each once; PPID, TCB,
// PCE-ID, FMSPC and SGX type must be there, members of another OID below it are passed over. malformed
// otherwise.
Result<PckExtension> parse_pck_extension(View value);

}  // namespace attest
