#include "verifier/appraise.h"

// Whatever comes, nobody is trusted by a verifier that holds no metadata, and a verdict always says why.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attest;
  static const Policy policy = [] {
    Policy p;
    PeerRule rule;
    rule.name.push_back('*');
    rule.ak_names = {std::string(68, 'a')};
    rule.allowed_anchors = {AnchorKind::tpm, AnchorKind::sw};
    p.peers = {rule};
    return p;
  }();
  static const ActiveSet active;
  Question question;
  question.evidence = {data, size};
  question.binder = Digest::filled(HashAlg::sha256, 7);
  Appraisal appraisal = appraise(question, policy, active);
  if (appraisal.verdict.trusted() || !appraisal.verdict.failed()) __builtin_trap();
  if (!parse_appraisal(appraisal_json(appraisal))) __builtin_trap();
  return 0;
}
