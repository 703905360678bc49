#include "verifier/appraise.h"

#include "evidence/core/printable.h"
#include "verifier/appraisers.h"
#include "verifier/consistency.h"
#include "verifier/freshness.h"
#include "verifier/identity.h"
#include "verifier/known_logs.h"
#include "verifier/tpm/tls_key.h"

namespace attest {
namespace {

Failed decode(View bytes, QuotedKey& out) {
  if (bytes.size() > kMaxEvidence)
    return failed(check::kEvidenceTooLarge, std::to_string(bytes.size()) + " bytes of evidence, at most " + std::to_string(kMaxEvidence));
  auto evidence = decode_evidence(bytes);
  if (!evidence) return failed(check::kEvidenceMalformed, evidence.error().what);
  auto context = decode_context(evidence->context);
  if (!context) return failed(check::kEvidenceMalformed, context.error().what);
  out.evidence = *std::move(evidence);
  out.context = *std::move(context);
  return {};
}

Failed find_peer_rule(const Question& q, const Policy& policy, const PeerRule*& rule) {
  rule = find_rule(policy, q.peer, q.prover);
  if (rule != nullptr) return {};
  std::string peer = q.peer.empty() ? "a peer without a name" : "\"" + printable(q.peer) + "\"";
  return failed(check::kPeerUnknown, "policy \"" + policy.name + "\" has no rule for " + peer + " as " + role_name(q.prover),
                "add a peer rule, or set attest-peer in openssl.cnf");
}

// verify_anchors judges the integrity of every anchor the rule allows; false if one of them is not what it says.
bool verify_anchors(const Case& c, Appraisal& out) {
  for (const Anchor& anchor : c.evidence.anchors) {
    if (!anchor_allowed(c, kind_of(anchor))) continue;
    if (!find_appraiser(kind_of(anchor))->verify(c, anchor, out.verdict)) return false;
  }
  return true;
}

void keep_facts(const Case& c, Appraisal& out) {
  out.service = printable(c.context.service);
  for (const AnchorIdentity& anchor : c.context.anchors)
    if (anchor_allowed(c, anchor.kind)) out.anchors.push_back(anchor);
}

void keep_names(const ClaimedMetadata& metadata, Appraisal& out) {
  auto name = [](const MetadataItem& item) { return printable(item.metadata->name) + " " + printable(item.metadata->version); };
  out.image = name(*metadata.layers.image);
  for (const MetadataItem* item : metadata.layers.manifests) out.manifests.push_back(name(*item));
}

// judge_claims is the part that collects: metadata, identity, and what was measured.
void judge_claims(const Case& c, const ActiveSet& active_set, Appraisal& out) {
  check_identified(c, out.verdict);
  check_tls_key_due(c, out.verdict);
  ClaimedMetadata metadata;
  if (!choose_metadata(c, active_set, metadata, out.verdict)) return;
  keep_names(metadata, out);
  check_claims(c, metadata, out.verdict);
  check_anchors_of_metadata(c, metadata, out.verdict);
  for (const Anchor& anchor : c.evidence.anchors)
    if (anchor_allowed(c, kind_of(anchor))) find_appraiser(kind_of(anchor))->measure(c, anchor, metadata, out);
}

// judge_case: message is what c.message lends, for its logs to be completed once its quote is known to be one.
void judge_case(const Case& c, QuotedKey& message, const ActiveSet& active_set, Appraisal& out) {
  check_anchors_allowed(c, out.verdict);
  check_anchors_required(c, out.verdict);
  if (!verify_anchors(c, out)) return;
  if (Failed bad = complete_logs(c.question, message)) return void(note(out.verdict, check::kLogMalformed, std::move(bad)));
  if (out.verdict.failed()) return;  // an anchor that may not be, or one that must be: nothing else counts
  keep_facts(c, out);
  judge_claims(c, active_set, out);
}

void run(const Question& q, const Policy& policy, const ActiveSet& active_set, Appraisal& out) {
  Verdict& verdict = out.verdict;
  if (q.evidence.empty())
    return verdict.fail(check::kPeerSilent, (q.peer.empty() ? "the peer" : "\"" + printable(q.peer) + "\"") + std::string(" gave no evidence"),
                        "start cmcd-lite there, or see attestctl status on that machine");
  const PeerRule* rule = nullptr;
  if (!note(verdict, check::kPeerUnknown, find_peer_rule(q, policy, rule))) return;
  auto message = std::make_shared<QuotedKey>();
  if (!note(verdict, check::kEvidenceMalformed, decode(q.evidence, *message))) return;
  if (!note(verdict, check::kEvidenceRole, check_role(q, message->context))) return;
  if (!note(verdict, check::kEvidenceInconsistent, check_parts(message->evidence, message->context))) return;
  Subject subject;
  if (!check_freshness(q, policy, *message, subject, out)) return;
  message->qualifying = subject.qualifying;
  const Evidence& judged = subject.facts ? subject.facts->evidence : message->evidence;
  Case c{q, policy, *rule, judged, message->evidence, message->context, subject.qualifying, active_set.facts(),
         subject.facts ? &subject.facts->facts : nullptr, subject.facts ? nullptr : &message->facts};
  judge_case(c, *message, active_set, out);
  bool answers_us = message->context.freshness == FreshnessMode::nonce && !q.binder.empty();
  bool of_use = !message->context.known_key.empty() || message->facts.log;
  if (answers_us && of_use && verdict.trusted()) out.quoted = std::move(message);
}

}  // namespace

Appraisal appraise(const Question& question, const Policy& policy, const ActiveSet& active_set) {
  Appraisal out;
  out.peer = printable(question.peer, 256);
  run(question, policy, active_set, out);
  return out;
}

}  // namespace attest
