#include "verifier/consistency.h"

#include <unordered_set>

#include "evidence/core/hex.h"

namespace attest {
namespace {

Failed inconsistent(std::string why) { return failed(check::kEvidenceInconsistent, std::move(why)); }

Failed check_anchors(const Evidence& evidence, const ReportContext& context) {
  if (evidence.anchors.size() != context.anchors.size())
    return inconsistent("the evidence holds " + std::to_string(evidence.anchors.size()) + " anchors, its context names " +
                        std::to_string(context.anchors.size()));
  unsigned seen = 0;
  for (std::size_t i = 0; i < evidence.anchors.size(); i++) {
    AnchorKind kind = kind_of(evidence.anchors[i]);
    unsigned bit = 1U << static_cast<unsigned>(kind);
    if (kind != context.anchors[i].kind || (seen & bit) != 0)
      return inconsistent(std::string("anchor ") + std::to_string(i) + " is a second " + anchor_name(kind) + " or another one than the context names");
    seen |= bit;
  }
  bool tpm = (seen & 1U << static_cast<unsigned>(AnchorKind::tpm)) != 0;
  if (tpm != context.pcrs.has_value()) return inconsistent("PCR selection and TPM anchor do not go together");
  return {};
}

Failed check_items(const Evidence& evidence, const ReportContext& context) {
  std::unordered_set<Digest, DigestHash> listed(context.metadata.begin(), context.metadata.end());
  if (listed.size() != context.metadata.size()) return inconsistent("the context names a metadata item twice");
  for (const Bytes& item : evidence.metadata) {
    Digest digest = sha256(View(item));
    if (listed.erase(digest) == 0)
      return inconsistent("a metadata item with the hash " + short_hex(digest.view()) + " came, which the context does not name, or it came twice");
  }
  return {};
}

}  // namespace

AnchorKind kind_of(const Anchor& anchor) {
  return std::visit([](const auto& a) { return a.kKind; }, anchor);
}

Failed check_role(const Question& question, const ReportContext& context) {
  // A raw report is made for no handshake; the daemon gives it the server role.
  if (question.binder.empty() || context.role == question.prover) return {};
  return failed(check::kEvidenceRole, std::string("the evidence is a ") + role_name(context.role) + "'s where a " +
                                          role_name(question.prover) + " has to prove itself");
}

Failed check_parts(const Evidence& evidence, const ReportContext& context) {
  if (context.profile != 0) return failed(check::kEvidenceUnsupported, "profile " + std::to_string(context.profile));
  bool keyed = context.freshness != FreshnessMode::nonce;
  bool epoch = context.freshness == FreshnessMode::epoch_id;
  if (evidence.key.has_value() != keyed || evidence.epoch.has_value() != epoch)
    return inconsistent("the freshness mode and the key or Epoch ID that came do not go together");
  if (evidence.anchors.empty() != (context.freshness == FreshnessMode::known_key))
    return inconsistent("the freshness mode says one thing about a quote, the evidence another");
  if (evidence.tls_key && !context.pcrs) return inconsistent("a certified TLS key came without the TPM it should live in");
  if (evidence.anchors.empty()) return {};
  if (Failed anchors = check_anchors(evidence, context)) return anchors;
  return check_items(evidence, context);
}

Result<Digest> qualifying_data(const Question& question, const Evidence& evidence) {
  if (question.binder.empty() == question.raw_nonce.empty())
    return Error{Errc::denied, "an appraisal needs either a binder or a nonce"};
  if (!question.binder.empty() && question.binder.size() != 32) return Error{Errc::denied, "a binder has 32 bytes"};
  Digest leaf;
  if (question.raw_nonce.empty()) {
    leaf = evidence_hash(question.binder, evidence.context);
  } else {
    TRY(leaf, raw_evidence_hash(question.raw_nonce, evidence.context));
  }
  TRY(Digest root, merkle_root(leaf, evidence.path));
  return batch_qualifying_data(root);
}

}  // namespace attest
