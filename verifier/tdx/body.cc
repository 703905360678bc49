#include "verifier/tdx/body.h"

#include "evidence/core/hex.h"

namespace attest {
namespace {

using namespace dcap_check;

constexpr std::uint64_t kXfamAlways = 0x3;  // x87 and SSE

void check_bit(std::uint64_t attributes, std::uint64_t bit, const std::optional<bool>& wanted,
               const char* name, std::string& wrong) {
  if (wanted && ((attributes & bit) != 0) != *wanted)
    wrong += std::string(" ") + name + (*wanted ? " is off" : " is on");
}

void check_attributes(const TdReport& td, const TdxPolicy& policy, NamedChecks& checks) {
  namespace bit = td_attribute;
  std::uint64_t attributes = Reader(td.td_attributes).u64le();
  constexpr std::uint64_t kKnown = bit::kDebug | bit::kLass | bit::kSeptVeDisable | bit::kMigratable |
                                   bit::kPks | bit::kKeyLocker | bit::kTpa | bit::kPerfmon;
  bool debug = (attributes & (bit::kDebug | bit::kUnderTest)) != 0;
  if (debug && !policy.allow_debug)
    checks.fail(dcap_check::kDebug, "the TD runs under debug: its memory can be read from outside",
                "no debug", to_hex(td.td_attributes));
  else if (debug)
    checks.warn(dcap_check::kDebug, "the TD runs under debug, which the policy allows");
  else
    checks.pass(dcap_check::kDebug);
  std::string wrong;
  if ((attributes & ~(kKnown | bit::kUnderTest)) != 0) wrong += " reserved bits are set";
  if ((attributes & bit::kMigratable) != 0 && !policy.allow_migratable) wrong += " the TD can be migrated";
  check_bit(attributes, bit::kSeptVeDisable, policy.sept_ve_disable, "SEPT_VE_DISABLE", wrong);
  check_bit(attributes, bit::kPks, policy.pks, "PKS", wrong);
  check_bit(attributes, bit::kKeyLocker, policy.key_locker, "KL", wrong);
  if (!std::ranges::all_of(td.seam_attributes, [](std::uint8_t b) { return b == 0; }))
    wrong += " SEAM attributes are not zero";
  if (!wrong.empty())
    return checks.fail(dcap_check::kAttributes, "TD attributes:" + wrong, {}, to_hex(td.td_attributes));
  checks.pass(dcap_check::kAttributes, to_hex(td.td_attributes));
}

void check_xfam(const TdReport& td, const TdxPolicy& policy, NamedChecks& checks) {
  if (policy.xfam) return checks.equals(kXfam, "XFAM", to_hex(*policy.xfam), to_hex(td.xfam));
  if ((Reader(td.xfam).u64le() & kXfamAlways) != kXfamAlways)
    return checks.warn(kXfam,
                       "XFAM " + to_hex(td.xfam) + " has neither x87 nor SSE: no processor grants that");
  checks.pass(kXfam, to_hex(td.xfam));
}

// Values compares what a policy names with what was measured; one check for all of them.
class Values {
 public:
  void want(const char* name, const std::optional<Block<48>>& wanted, View measured) {
    if (!wanted) return;
    any_ = true;
    if (!equal(*wanted, measured))
      wrong_ += std::string(wrong_.empty() ? "" : "; ") + name + " is " + to_hex(measured) + ", expected " +
                to_hex(*wanted);
  }
  void settle(std::string_view id, NamedChecks& checks) const {
    if (!wrong_.empty())
      checks.fail(id, wrong_);
    else if (any_)
      checks.pass(id);
  }

 private:
  bool any_ = false;
  std::string wrong_;
};

void check_values(const TdReport& td, const TdxPolicy& policy, NamedChecks& checks) {
  Values measurements, identity;
  measurements.want("MRTD", policy.mr_td, td.mr_td);
  constexpr const char* kRtmr[] = {"RTMR0", "RTMR1", "RTMR2", "RTMR3"};
  for (std::size_t i = 0; i < 4; i++) measurements.want(kRtmr[i], policy.rtmr[i], td.rtmr[i]);
  measurements.want("MRSEAM", policy.mr_seam, td.mr_seam);
  measurements.settle(kMeasurements, checks);
  identity.want("MRSIGNERSEAM", policy.mr_signer_seam, td.mr_signer_seam);
  identity.want("MRCONFIGID", policy.mr_config_id, td.mr_config_id);
  identity.want("MROWNER", policy.mr_owner, td.mr_owner);
  identity.want("MROWNERCONFIG", policy.mr_owner_config, td.mr_owner_config);
  Block<48> none{};
  identity.want("MRSERVICETD", policy.mr_service_td, td.mr_service_td ? View(*td.mr_service_td) : View(none));
  identity.settle(kIdentity, checks);
}

}  // namespace

void judge_td(const TdReport& td, const TdxPolicy& policy, const std::optional<Bytes>& report_data,
              NamedChecks& checks) {
  if (report_data) {
    if (padded_equal(*report_data, td.report_data))
      checks.pass(kNonce);
    else
      checks.fail(kNonce, "REPORTDATA is not the nonce given", to_hex(*report_data), to_hex(td.report_data));
  }
  check_attributes(td, policy, checks);
  check_xfam(td, policy, checks);
  check_values(td, policy, checks);
}

void judge_rtmrs(const TdReport& td, const std::array<Digest, 4>& replayed, NamedChecks& checks) {
  for (std::size_t i = 0; i < replayed.size(); i++)
    if (!equal(replayed[i].view(), td.rtmr[i]))
      return checks.fail(kRtmrReplay, "the log does not explain RTMR" + std::to_string(i), to_hex(td.rtmr[i]),
                         to_hex(replayed[i].view()));
  checks.pass(kRtmrReplay);
}

}  // namespace attest
