#include "verifier/known_logs.h"

#include <algorithm>

#include "evidence/logs/prefix.h"

namespace attest {
namespace {

constexpr const char* kAgain = "connect again: the next request asks for all of the logs";

bool whole(const TpmAnchor& anchor) {
  return std::ranges::all_of(anchor.logs, [](const EvidenceLog& log) { return log.skipped == 0; });
}

// known_anchor: the logs named in the request, if they are of the machine that this message comes from.
const TpmAnchor* known_anchor(const Question& q, const ReportContext& context, const TpmAnchor& anchor) {
  if (!q.prefix) return nullptr;
  const ReportContext& known = q.prefix->context;
  if (known.anchors != context.anchors || known.pcrs != context.pcrs || known.metadata != context.metadata) return nullptr;
  for (const Anchor& any : q.prefix->evidence.anchors)
    if (const auto* tpm = std::get_if<TpmAnchor>(&any)) return tpm->startup_locality == anchor.startup_locality ? tpm : nullptr;
  return nullptr;
}

Failed complete(const TpmAnchor& before, EvidenceLog& log) {
  if (log.skipped == 0) return {};
  auto known = std::ranges::find(before.logs, log.kind, &EvidenceLog::kind);
  if (known == before.logs.end())
    return failed(check::kLogMalformed, "the evidence leaves out a log of a kind that is not known here", kAgain);
  auto joint = joined(*known, std::move(log));
  if (!joint)
    return failed(joint.error().code == Errc::denied ? check::kLogTooLong : check::kLogMalformed, joint.error().what, kAgain);
  log = *std::move(joint);
  return {};
}

}  // namespace

Failed complete_logs(const Question& question, QuotedKey& message) {
  for (Anchor& any : message.evidence.anchors) {
    auto* tpm = std::get_if<TpmAnchor>(&any);
    if (tpm == nullptr || whole(*tpm)) continue;
    const TpmAnchor* before = known_anchor(question, message.context, *tpm);
    if (before == nullptr)
      return failed(check::kLogMalformed, "the evidence leaves out the beginning of a log, and our request named none of this machine", kAgain);
    for (EvidenceLog& log : tpm->logs)
      if (Failed bad = complete(*before, log)) return bad;
  }
  return {};
}

}  // namespace attest
