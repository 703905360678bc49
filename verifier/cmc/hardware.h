// hardware.h: what the appraisers of confidential hardware have in common. Private to verifier/cmc.
#pragma once
#include "evidence/dcap/collateral.h"
#include "verifier/cmc/steps.h"
#include "verifier/dcap/quote.h"

namespace attest::cmc {

MeasurementFinding judge_snp_evidence(const Measured& m);
MeasurementFinding judge_tdx_evidence(const Measured& m);
MeasurementFinding judge_sgx_evidence(const Measured& m);
MeasurementFinding judge_ias_evidence(const Measured& m);
// judge_azure_snp and judge_azure_tdx judge the hardware's part of an Azure machine's evidence, judge_azure_vtpm the quote.
MeasurementFinding judge_azure_snp(const Measured& m);
MeasurementFinding judge_azure_tdx(const Measured& m);
MeasurementFinding judge_azure_vtpm(const Measured& m);

// judge_snp_over and judge_tdx_over judge evidence that is over `nonce`, whatever the report's is.
MeasurementFinding judge_snp_over(const Measured& m, View nonce);
MeasurementFinding judge_tdx_over(const Measured& m, View nonce);

// root_manifest is the trusted manifest at the bottom of the stack, nullptr if there is none: hardware policies and the
// fingerprints of hardware roots stand there.
const Metadata* root_manifest(const Items& items);
// named_root: the fingerprint (SHA-256) of this certificate stands in the root manifest.
bool named_root(const Items& items, View der);
// only_reference is the one reference value of an anchor that has a single measurement; nullptr, with CMC's code, otherwise.
const Component* only_reference(const Measured& m, Finding& summary);
// measured_as adds what was measured to the artefacts: with its reference, or as a pair of both where they differ.
void measured_as(const Component& reference, std::int64_t index, View measured, HashAlg alg, const char* anchor, MeasurementFinding& out);

// tell puts named checks where CMC's results have them, with CMC's codes.
void tell(const std::vector<attest::Finding>& checks, MeasurementFinding& out);

// IntelCase is a quote on its way through Intel's documents.
struct IntelCase {
  std::optional<Quote> quote;
  std::optional<CheckedCollateral> collateral;
  QuoteJudgement judgement;
  bool genuine = false;  // the quote's signatures and chain are good
};
// judge_intel judges quote and platform; `policy` is tdxPolicy or sgxPolicy.
void judge_intel(const Measured& m, TeeType tee, const nlohmann::json& policy, IntelCase& c, MeasurementFinding& out);
// show_intel fills in what results show of platform and quoting enclave.
void show_intel(const IntelCase& c, TcbInfoFinding& tcb, QeFinding& qe);

// value_of reads a member of a policy, or its default where it is absent or of another kind.
template <class T>
T value_of(const nlohmann::json& policy, const char* name, T fallback) {
  if (!policy.is_object()) return fallback;
  auto at = policy.find(name);
  if (at == policy.end() || at->is_null()) return fallback;
  const T* value = at->template get_ptr<const T*>();
  return value != nullptr ? *value : fallback;
}
std::int64_t number_of(const nlohmann::json& policy, const char* name, std::int64_t fallback);
const nlohmann::json& member_of(const nlohmann::json& policy, const char* name);  // a null value if absent

}  // namespace attest::cmc
