// handshake.h: a CMC report as the evidence of a handshake, judged into the verdict that native evidence gets.
#pragma once
#include <functional>

#include "verifier/appraise.h"
#include "verifier/cmc/judge.h"

namespace attest {

// ReportTerms is what a report is judged by beside the policy. Lent for the length of an appraisal.
struct ReportTerms {
  std::function<cmc::Judged(View report, View nonce)> judge;  // by the roots and scripts of this machine
  std::span<const Digest> keys;  // SHA-256 of the SPKI of the attestation keys whose reports are taken
};

// appraise_report judges evidence of the profile cmc. Beyond what judge finds, the report must be over this handshake
// (report_nonce), its TPM evidence signed by a listed key, and the rule's and policy's demands met: registers, banks,
// anchors, image, and that every item is on the set list where one is followed. What a report cannot show fails a rule
// that demands it: service labels, keys pinned by TPM name, certified TLS keys. Integrity stops at the first failure.
Appraisal appraise_report(const Question& question, const Policy& policy, const ActiveSet& active_set, const ReportTerms& terms);

}  // namespace attest
