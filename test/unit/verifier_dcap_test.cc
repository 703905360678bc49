// The judgement of DCAP quotes: Intel's algorithm on made-up platforms.
#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "test/support/dcap_judge.h"
#include "verifier/dcap/binding.h"
#include "verifier/sgx/body.h"
#include "verifier/tdx/body.h"

namespace attest {
namespace {
using namespace attest::test;
using enum TcbStatus;
using Names = std::vector<std::string>;

const DcapWorld& world() {
  static const DcapWorld made;
  return made;
}

Judged judged(const DcapQuoteSpec& spec = {}, const PlatformSpec& platform = {}, const TcbPolicy& policy = {}) {
  return judge(world(), world().quote(spec, platform),
               world().collateral(world().tcb_info(), world().identity()), policy);
}

TEST(Dcap, AGoodQuoteOfEachVersionIsTrusted) {
  for (std::uint16_t version : std::to_array<std::uint16_t>({4, 5})) {
    DcapQuoteSpec spec;
    spec.version = version;
    Judged result = judged(spec);
    EXPECT_TRUE(result.signatures);
    EXPECT_EQ(result.failed, Names{}) << version;
    EXPECT_EQ(result.advised, up_to_date);
  }
}

TEST(Dcap, AnSgxQuoteIsTrusted) {
  DcapQuoteSpec spec;
  spec.tee = TeeType::sgx;
  spec.version = 3;
  Judged result = judge(world(), world().quote(spec),
                        world().collateral(world().tcb_info("SGX"), world().identity("QE")));
  EXPECT_EQ(result.failed, Names{});
  EXPECT_EQ(result.advised, up_to_date);
}

TEST(Dcap, TheFirstLevelThatIsReachedCounts) {
  DcapQuoteSpec spec;
  PlatformSpec platform;
  platform.comp = {2, 2, 2, 2, 3, 1, 0, 3};
  Judged result = judged(spec, platform);
  EXPECT_EQ(result.status, sw_hardening_needed);
  EXPECT_EQ(result.failed, Names{"tcb-status"});
  EXPECT_EQ(result.advisories, Names{"INTEL-SA-00615"});
  EXPECT_EQ(judged(spec, platform, {{sw_hardening_needed}, true}).failed, Names{});
  platform.comp = {};
  EXPECT_EQ(judged(spec, platform).advised, no_matching_level);
  platform = {};
  platform.pce_svn = 10;
  EXPECT_EQ(judged(spec, platform).advised, no_matching_level);
}

TEST(Dcap, TdxComponentsBeyondTheModuleLowerTheLevel) {
  DcapQuoteSpec spec;
  spec.td.tee_tcb_svn = {4, 1, 5};
  EXPECT_EQ(judged(spec).status, sw_hardening_needed);
  spec.td.tee_tcb_svn = {4, 0, 7};  // a module without version: its SVN is a component of the level
  EXPECT_EQ(judged(spec).status, out_of_date);
}

TEST(Dcap, ModuleAndQuotingEnclaveLowerTheStatus) {
  DcapQuoteSpec spec;
  spec.td.tee_tcb_svn = {3, 1, 7};
  Judged old_module = judged(spec);
  EXPECT_EQ(old_module.status, out_of_date);
  EXPECT_EQ(old_module.advisories, Names{"INTEL-SA-01036"});
  spec.td.tee_tcb_svn = {1, 1, 7};
  EXPECT_EQ(judged(spec).advised, no_matching_level);
  spec = {};
  spec.qe.isv_svn = 5;
  EXPECT_EQ(judged(spec).status, out_of_date);
  EXPECT_EQ(judged(spec).advisories, Names{"INTEL-SA-00002"});
  spec.qe.isv_svn = 3;
  EXPECT_EQ(judged(spec).advised, no_matching_level);
}

TEST(Dcap, ARelaunchIsAdvisedWhereOnlyTheTdsModuleIsOld) {
  DcapQuoteSpec spec;
  spec.version = 5;
  spec.td15 = true;
  spec.td.tee_tcb_svn = {3, 1, 7};
  spec.td.tee_tcb_svn2 = Block<16>{4, 1, 7};
  Judged result = judged(spec);
  EXPECT_EQ(result.status, out_of_date);
  EXPECT_EQ(result.advised, td_relaunch_advised);
  EXPECT_EQ(judged(spec, {}, {{out_of_date}, true}).failed, Names{"tcb-status"})
      << "accepting old platforms is another decision";
  spec.td.tee_tcb_svn2 = Block<16>{3, 1, 7};
  EXPECT_EQ(judged(spec).advised, out_of_date) << "the module that runs now is old as well";
  spec.td.tee_tcb_svn2 = Block<16>{4, 9, 7};
  EXPECT_EQ(judged(spec).advised, out_of_date) << "a module nobody knows";
}

TEST(Dcap, NothingIsJudgedOutsideItsTime) {
  Bytes quote = world().quote();
  for (UnixTime when : {DcapWorld::kNow - 30 * 86400, DcapWorld::kNow + 30 * 86400}) {
    Judged result =
        judge(world(), quote, world().collateral(world().tcb_info(), world().identity()), {}, when);
    EXPECT_EQ(result.failed, Names{"collateral-time"});
  }
  Judged later = judge(world(), quote, world().collateral(world().tcb_info(), world().identity()), {},
                       2524608000 + 86400);
  EXPECT_EQ(later.failed, Names{"pck-chain"});
}

TEST(TdxBody, DebugAndMeasurements) {
  DcapQuoteSpec spec;
  auto check = [&](const TdxPolicy& policy) {
    NamedChecks checks("tdx");
    judge_td(spec.td, policy, Bytes(64, 0x77), checks);
    return failed_checks(checks);
  };
  EXPECT_EQ(check({}), Names{});
  spec.td.td_attributes[0] = 1;
  EXPECT_EQ(check({}), Names{"debug"});
  TdxPolicy policy;
  policy.allow_debug = true;
  EXPECT_EQ(check(policy), Names{});
  policy.mr_td = spec.td.mr_td;
  policy.rtmr[2] = Block<48>{1};
  policy.mr_owner = Block<48>{1};
  EXPECT_EQ(check(policy), (Names{"measurements", "identity"}));
  policy = {};
  spec.td.td_attributes = {0, 0, 0, 0x30, 0, 0, 0, 0};
  EXPECT_EQ(check(policy), Names{"attributes"}) << "migratable";
  spec.td.report_data[63] = 0;
  EXPECT_EQ(check(policy), (Names{"nonce", "attributes"}));
}

TEST(TdxBody, RtmrsOfALog) {
  DcapQuoteSpec spec;
  NamedChecks checks("tdx");
  std::array<Digest, 4> replayed;
  for (std::size_t i = 0; i < 4; i++) replayed[i] = Digest::of(spec.td.rtmr[i]);
  judge_rtmrs(spec.td, replayed, checks);
  EXPECT_EQ(failed_checks(checks), Names{});
  replayed[3] = Digest::filled(HashAlg::sha384, 0);
  judge_rtmrs(spec.td, replayed, checks);
  EXPECT_EQ(failed_checks(checks), Names{"rtmr-replay"});
}

TEST(SgxBody, AttributesInIntelsOrder) {
  DcapQuoteSpec spec;
  auto check = [&](const SgxPolicy& policy) {
    NamedChecks checks("sgx");
    judge_enclave(spec.enclave, policy, std::nullopt, checks);
    return failed_checks(checks);
  };
  EXPECT_EQ(check({}), Names{});
  SgxPolicy policy;
  policy.provision_key = policy.einit_token = policy.kss = false;
  policy.mode64 = true;
  policy.mr_enclave = spec.enclave.mr_enclave;
  policy.min_isv_svn = 0;
  EXPECT_EQ(check(policy), Names{});
  spec.enclave.attributes[0] |= 0x10;
  EXPECT_EQ(check(policy), Names{"attributes"}) << "bit 4 is PROVISIONKEY";
  spec.enclave.attributes[0] = 0x07;
  EXPECT_EQ(check({}), Names{"debug"});
  spec.enclave.attributes[0] = 0x0d;
  EXPECT_EQ(check({}), Names{"attributes"}) << "bit 3 is reserved";
  spec.enclave.attributes[0] = 0x05;
  policy.min_isv_svn = 1;
  policy.mr_enclave = Block<32>{};
  EXPECT_EQ(check(policy), (Names{"identity", "measurements"}));
}

TEST(Binding, ACertificateThatIsNotQuotedIsRefused) {
  NamedChecks checks("sgx");
  judge_certificate_key(world().root_der(), Bytes(64), checks);
  EXPECT_EQ(failed_checks(checks), Names{"certificate-key"});
}

TEST(IntelRoot, IsTheOneIntelPublishes) {
  EXPECT_EQ(to_hex(sha256(intel_root()).view()),
            "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3");
  auto issuers = Issuers::make({});
  ASSERT_TRUE(issuers);
  EXPECT_TRUE(issuers->all().front()->intel);
}

}  // namespace
}  // namespace attest
