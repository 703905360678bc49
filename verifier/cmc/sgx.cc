// sgx.cc: SGX evidence of a CMC report.
#include <algorithm>

#include "evidence/core/hex.h"
#include "verifier/cmc/hardware.h"
#include "verifier/sgx/body.h"

namespace attest::cmc {
namespace {

// Flags as CMC numbers them: from provisionKey on one too high, and so do the policies its tools write. The kinds of extended
// state are values of the first byte of XFRM there.
struct FlagRow {
  const char* name;
  unsigned bit;
};
constexpr FlagRow kFlags[] = {{"initted", 0}, {"debug", 1}, {"mode64Bit", 2}, {"provisionKey", 5}, {"eInitToken", 6}, {"kss", 8}};
constexpr std::uint8_t kLegacyState = 3, kAvxState = 6;

void judge_attributes(const EnclaveReport& enclave, const nlohmann::json& policy, MeasurementFinding& out) {
  const nlohmann::json& due = member_of(policy, "attributes");
  std::uint64_t flags = Reader(enclave.attributes).u64le();
  auto& findings = out.sgx->attributes;
  std::string wrong;
  std::size_t i = 0;
  auto compare = [&](const char* name, bool measured) {
    bool claimed = value_of(due, name, false);
    findings.at(i++) = {claimed == measured, claimed, measured};
    if (claimed != measured) wrong += std::string(" ") + name;
  };
  for (const FlagRow& row : kFlags) compare(row.name, (flags >> row.bit & 1) != 0);
  compare("legacy", enclave.attributes[8] == kLegacyState);
  compare("avx", enclave.attributes[8] == kAvxState);
  if (!wrong.empty()) out.summary.fail("the enclave's attributes are not those of the policy:" + wrong);
}

// judge_identity: signer and version; CMC demands the very version.
void judge_identity(const EnclaveReport& enclave, const nlohmann::json& policy, MeasurementFinding& out) {
  auto signer = from_hex(value_of<std::string>(policy, "mrSigner", ""), 32);
  if (!signer || !equal(*signer, enclave.mr_signer))
    out.summary.fail(kVerifyMeasurement, "MRSIGNER is " + to_hex(enclave.mr_signer) + ", the policy names another");
  if (enclave.isv_svn != number_of(policy, "isvSvn", -1))
    out.summary.fail(kVerifyMeasurement, "the enclave's SVN is " + std::to_string(enclave.isv_svn) + ", the policy names another");
}

// judge_cpu: the processor that made the report is not older than the one its certificate is for.
void judge_cpu(const IntelCase& c, const EnclaveReport& enclave, Finding& summary) {
  if (!c.genuine) return;
  const auto& certified = c.judgement.pck->pck->cpu_svn;
  for (std::size_t i = 0; i < certified.size(); i++)
    if (certified[i] > enclave.cpu_svn[i]) return summary.fail(kVerifyMeasurement, "the enclave ran on an older TCB than its PCK is for");
}

void judge_body(const Measured& m, const nlohmann::json& policy, const EnclaveReport& enclave, MeasurementFinding& out) {
  NamedChecks checks("sgx");
  SgxPolicy demands;
  demands.allow_debug = value_of(member_of(policy, "attributes"), "debug", false);
  judge_enclave(enclave, demands, to_bytes(m.nonce), checks);
  tell(checks.list(), out);
  out.freshness.got = to_hex(enclave.report_data);
  judge_attributes(enclave, policy, out);
  judge_identity(enclave, policy, out);
  if (const Component* reference = only_reference(m, out.summary))
    measured_as(*reference, 0, enclave.mr_enclave, HashAlg::sha256, "SGX", out);
}

}  // namespace

MeasurementFinding judge_sgx_evidence(const Measured& m) {
  MeasurementFinding out;
  out.type = "SGX Result";
  const Metadata* root = root_manifest(m.items);
  if (root == nullptr || !root->sgx_policy) {
    out.summary.fail(kPolicyNotPresent, "the root manifest has no policy for SGX");
    return out;
  }
  IntelCase c;
  judge_intel(m, TeeType::sgx, *root->sgx_policy, c, out);
  if (!c.quote || c.quote->enclave() == nullptr) return out;
  SgxFinding& finding = out.sgx.emplace();
  show_intel(c, finding.tcb, finding.qe);
  finding.quote_version.compare(std::to_string(c.quote->version), std::to_string(number_of(*root->sgx_policy, "quoteVersion", 0)));
  if (!finding.quote_version.good()) out.summary.fail("the quote is of another version than the policy wants");
  judge_body(m, *root->sgx_policy, *c.quote->enclave(), out);
  judge_cpu(c, *c.quote->enclave(), out.summary);
  if (!c.genuine) out.summary.fail("the quote is not genuine");
  return out;
}

}  // namespace attest::cmc
