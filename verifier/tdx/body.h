// body.h: what a TDX guest's report has to be: attributes, owner, measurements.
#pragma once
#include "evidence/core/hash.h"
#include "evidence/dcap/quote.h"
#include "verifier/dcap/checks.h"

namespace attest {

// Bits of TDATTRIBUTES (Intel TDX module ABI): 0 to 7 put the TD under debug, the others change what it can
// do.
namespace td_attribute {
inline constexpr std::uint64_t kDebug = 1ULL << 0, kUnderTest = 0xfe, kLass = 1ULL << 27,
                               kSeptVeDisable = 1ULL << 28, kMigratable = 1ULL << 29, kPks = 1ULL << 30,
                               kKeyLocker = 1ULL << 31, kTpa = 1ULL << 62, kPerfmon = 1ULL << 63;
}  // namespace td_attribute

// TdxPolicy lists what is demanded; what is unset is not. Debug and migratable TDs are refused unless
// allowed.
struct TdxPolicy {
  bool allow_debug = false;
  bool allow_migratable = false;
  std::optional<Block<8>> xfam;
  std::optional<bool> sept_ve_disable, pks, key_locker;
  std::optional<Block<48>> mr_td, mr_seam, mr_signer_seam, mr_config_id, mr_owner, mr_owner_config,
      mr_service_td;
  std::array<std::optional<Block<48>>, 4> rtmr;
};

// judge_td checks attributes, XFAM and the values the policy names. report_data is compared where given,
// padded with zeros to 64 bytes.
void judge_td(const TdReport& td, const TdxPolicy& policy, const std::optional<Bytes>& report_data,
              NamedChecks& checks);

// judge_rtmrs compares replayed registers with the quoted ones.
void judge_rtmrs(const TdReport& td, const std::array<Digest, 4>& replayed, NamedChecks& checks);

}  // namespace attest
