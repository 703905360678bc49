// dcap_judge.h: judging the quotes of a DcapWorld as attestctl and the appraisers do.
#pragma once
#include "test/support/dcap_maker.h"
#include "verifier/dcap/quote.h"

namespace attest::test {

// Judged is one judgement; failed lists the names of failed checks without the TEE's, in order.
struct Judged {
  bool signatures = false;
  std::vector<std::string> failed;
  std::optional<TcbStatus> status, advised;
  std::vector<std::string> advisories;
};

inline std::vector<std::string> failed_checks(const NamedChecks& checks) {
  std::vector<std::string> out;
  for (const Finding& check : checks.list())
    if (check.outcome == Outcome::fail) out.push_back(check.id.substr(check.id.find('.') + 1));
  return out;
}

// judge runs a quote of the world through signatures and platform.
inline Judged judge(const DcapWorld& world, const Bytes& bytes, DcapCollateral collateral,
                    const TcbPolicy& policy = {}, UnixTime when = DcapWorld::kNow) {
  Judged out;
  auto quote = parse_quote(bytes);
  auto roots = Issuers::make({world.root_der()});
  if (!quote || !roots) return {false, {"form"}, {}, {}, {}};
  NamedChecks checks("tdx");
  QuoteJudgement judgement;
  out.signatures = judge_signatures(*quote, *roots, {}, when, judgement, checks);
  auto checked = CheckedCollateral::make(std::move(collateral), *roots);
  if (out.signatures && checked) judge_platform(*checked, policy, when, judgement, checks);
  out.failed = failed_checks(checks);
  if (judgement.tcb) {
    out.status = judgement.tcb->status;
    out.advised = judgement.tcb->advised;
    out.advisories = judgement.tcb->advisories;
  }
  return out;
}

}  // namespace attest::test
