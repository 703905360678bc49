#include "cmcd-lite/server/cmc/hardware_collateral.h"

#include <algorithm>

#include "evidence/cmc/intel_collateral.h"
#include "evidence/dcap/ccel.h"
#include "evidence/dcap/quote.h"
#include "evidence/logs/tcg_event_text.h"

namespace attest {
namespace {

// description_of is an event's data where it is text.
std::string description_of(View data) {
  bool text = std::ranges::all_of(data, [](std::uint8_t c) { return c >= 0x20 && c <= 0x7e; });
  return text ? std::string(as_text(data)) : "";
}

cmc::Component cc_event(const CcelEvent& measured) {
  cmc::Component event;
  event.name = tcg_event_type_name(measured.type);
  event.hashes = {{cmc::hash_name(HashAlg::sha384), to_bytes(measured.digest.view())}};
  event.description = description_of(measured.data);
  return event;
}

// add_event_logs: CMC counts RTMR0 as register 1. A register that its log does not explain (something was measured in between,
// or is logged elsewhere) is left to its references.
Status add_event_logs(View log, const TdReport& td, std::vector<cmc::Artifact>& out) {
  TRY(std::vector<CcelEvent> events, parse_ccel(log));
  TRY(auto sums, replay_ccel(events));
  for (std::size_t rtmr = 0; rtmr < sums.size(); rtmr++) {
    if (!equal(sums[rtmr].view(), td.rtmr[rtmr])) continue;
    cmc::Artifact artifact{std::string(cmc::kCcEventlog), static_cast<std::int64_t>(rtmr) + 1, {}};
    for (const CcelEvent& event : events)
      if (event.rtmr == rtmr) artifact.events.push_back(cc_event(event));
    if (!artifact.events.empty()) out.push_back(std::move(artifact));
  }
  return ok();
}

Result<cmc::Collateral> intel(std::string_view type, View bytes, const DcapCollateral& held, View event_log = {}) {
  TRY(Quote quote, parse_quote(bytes));
  cmc::Collateral out;
  out.type = type;
  TRY(out.certs, cmc::pck_chain(quote));
  cmc::Component documents;
  TRY(documents.intel, cmc::pick_intel_collateral(held, quote));
  out.artifacts.push_back({std::string(quote.td() != nullptr ? cmc::kTdxCollateral : cmc::kSgxCollateral), 0, {std::move(documents)}});
  if (quote.td() != nullptr && !event_log.empty()) CHECK_OK(add_event_logs(event_log, *quote.td(), out.artifacts));
  return out;
}

}  // namespace

Result<cmc::Collateral> hardware_collateral(const Anchor& anchor, const DcapCollateral& held) {
  if (const auto* tdx = std::get_if<TdxAnchor>(&anchor)) return intel(cmc::kTdxEvidence, tdx->quote, held, tdx->event_log);
  if (const auto* sgx = std::get_if<SgxAnchor>(&anchor)) return intel(cmc::kSgxEvidence, sgx->quote, held);
  if (const auto* snp = std::get_if<SnpAnchor>(&anchor)) {
    cmc::Collateral out;
    out.type = cmc::kSnpEvidence;
    out.certs = snp->certificates;
    return out;
  }
  if (const auto* azure = std::get_if<AzureAnchor>(&anchor)) {
    if (!azure->td_quote.empty()) return intel(cmc::kAzureTdxEvidence, azure->td_quote, held);
    cmc::Collateral out;
    out.type = cmc::kAzureSnpEvidence;
    out.certs = azure->certificates;
    return out;
  }
  return Error{Errc::unsupported, "cmc report: no such hardware"};
}

}  // namespace attest
