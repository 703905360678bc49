// freshness.h: how old the evidence is, and why that is known (docs/PROTOCOL.md, "Freshness").
#pragma once
#include "verifier/case.h"

namespace attest {

// Subject is what is judged in place of a message: the message itself, or what an earlier one proved.
struct Subject {
  std::shared_ptr<const QuotedKey> facts;  // of an earlier quote; null: judge the message
  Digest qualifying;                       // what every anchor has to have signed
};

// check_freshness judges the mode and, for evidence that a key K signs, K itself: that this verifier knows its quote and not
// for too long, or that it was quoted with an Epoch ID that is young enough. Notes the step that failed and returns false.
// For a nonce it computes what the quote has to cover and judges nothing. Fills in how old the evidence may be.
bool check_freshness(const Question& question, const Policy& policy, const QuotedKey& message, Subject& subject, Appraisal& out);

const char* freshness_name(FreshnessMode mode);  // "known-key"

}  // namespace attest
