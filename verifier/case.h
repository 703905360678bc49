// case.h: one appraisal on its way through the appraisers.
#pragma once
#include "evidence/metadata/layers.h"
#include "verifier/appraise.h"
#include "verifier/checks.h"
#include "verifier/known_facts.h"

namespace attest {

// Case is what every step may look at. All of it is lent for the length of one appraise().
struct Case {
  const Question& question;
  const Policy& policy;
  const PeerRule& rule;
  const Evidence& evidence;   // whose anchors and metadata are judged: this message's, or those of the quote behind its key
  const Evidence& message;    // what came in this handshake
  const ReportContext& context;
  Digest qualifying;  // what every anchor has to have signed
  KnownFacts& facts;
  const Facts* known = nullptr;  // of evidence that is judged again: what was verified is not verified twice
  Facts* learnt = nullptr;       // of new evidence: what is verified is written here
};

// ClaimedMetadata are the signed items the machine's context names.
struct ClaimedMetadata {
  std::vector<std::shared_ptr<const MetadataItem>> items;  // by index in the context; null where not at hand
  Layers layers;                                           // points into items
  ReferenceCache* references = nullptr;                    // of the active set
};

// Failed is the outcome of a step that stops at the first failure: the failed check, or nothing.
using Failed = std::optional<Check>;
inline Failed failed(std::string_view id, std::string why, std::string remedy = {}) {
  return Check{std::string(id), Outcome::fail, std::move(why), std::move(remedy)};
}
// note records a step in the verdict; false if it failed.
inline bool note(Verdict& verdict, std::string_view id, Failed result) {
  if (!result) {
    verdict.pass(id);
    return true;
  }
  verdict.fail(result->id, std::move(result->why), std::move(result->remedy));
  return false;
}

}  // namespace attest
