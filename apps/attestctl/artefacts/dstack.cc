// Kind "dstack": a quote with its RTMR event log in JSON, or such a log alone.
#include "evidence/dcap/dstack.h"
#include "apps/attestctl/artefacts/kinds.h"
#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "evidence/dcap/quote.h"
#include "verifier/tdx/body.h"

namespace attest::ctl {
namespace {

std::string_view start_of(View bytes) {
  std::string_view text = as_text(bytes);
  return text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
}

bool looks_like(View bytes) {
  std::string_view text = start_of(bytes);
  if (text.starts_with('{')) return text.find("\"event_log\"") != text.npos;
  return text.starts_with('[') && text.substr(0, 4096).find("\"imr\"") != text.npos;
}

Result<DstackReport> read(const ArtefactInput& input) {
  std::string_view text = start_of(input.file.bytes);
  if (!text.starts_with('[')) return parse_dstack_report(text);
  DstackReport out;
  TRY(out.events, parse_dstack_log(text));
  return out;
}

Facts log_facts(const std::vector<RtmrEvent>& events) {
  Facts out = Facts::array();
  for (const RtmrEvent& event : events) {
    Facts one = {{"rtmr", event.imr}, {"event_type", event.type}, {"event", printable(event.name, 256)}};
    one["digest"] =
        event.digest.empty() && event.runtime() ? to_hex(runtime_digest(event).view()) : to_hex(event.digest);
    one["payload"] = to_hex(event.payload);
    out.push_back(std::move(one));
  }
  return out;
}

// The registers that the log explains, and how they compare with the quote's.
Status add_replay(const DstackReport& report, const Quote* quote, Facts& out, NamedChecks* checks) {
  TRY(auto rtmrs, replay_rtmrs(report.events));
  const TdReport* td = quote == nullptr ? nullptr : quote->td();
  for (std::size_t i = 0; i < rtmrs.size(); i++) {
    std::string name = "rtmr" + std::to_string(i);
    out["replayed_rtmrs"][name] = to_hex(rtmrs[i].view());
    if (td != nullptr) out["matches_quote"][name] = equal(rtmrs[i].view(), td->rtmr[i]);
  }
  if (td != nullptr && checks != nullptr) judge_rtmrs(*td, rtmrs, *checks);
  return ok();
}

Result<std::optional<Quote>> quote_of(const DstackReport& report) {
  if (report.quote.empty()) return std::optional<Quote>{};
  TRY(Quote quote, parse_quote(report.quote));
  if (quote.td() == nullptr) return Error{Errc::mismatch, "quote report: its quote is not of TDX"};
  return std::optional<Quote>(std::move(quote));
}

Facts common_facts(const DstackReport& report) {
  Facts out = {{"event_log_events", report.events.size()}};
  if (!report.report_data.empty()) out["asked_report_data"] = to_hex(report.report_data);
  if (!report.vm_config.empty()) out["vm_config"] = Facts::parse(report.vm_config, nullptr, false);
  return out;
}

Result<Facts> inspect(const ArtefactInput& input) {
  TRY(DstackReport report, read(input));
  Facts out = common_facts(report);
  TRY(auto quote, quote_of(report));
  CHECK_OK(add_replay(report, quote ? &*quote : nullptr, out, nullptr));
  out["events"] = log_facts(report.events);
  if (!report.quote.empty()) out["quote"] = to_hex(report.quote);
  return out;
}

// appraise_quote judges the quote inside as any TDX quote.
Result<ArtefactAppraisal> appraise_quote(const ArtefactInput& input, const DstackReport& report) {
  ArtefactInput inner = input;
  inner.file.bytes = report.quote;
  return tdx_kind().appraise(inner);
}

Result<ArtefactAppraisal> appraise(const ArtefactInput& input) {
  TRY(DstackReport report, read(input));
  TRY(auto quote, quote_of(report));
  if (!quote)
    return Error{
        Errc::unsupported,
        "RTMR event log: without its quote there is nothing to judge; give the log to kind tdx as eventlog"};
  TRY(ArtefactAppraisal out, appraise_quote(input, report));
  out.facts.update(common_facts(report));
  NamedChecks checks("tdx");
  if (!report.report_data.empty() && !padded_equal(report.report_data, quote->report_data()))
    checks.fail(dcap_check::kNonce, "REPORTDATA is not what the report says it asked for",
                to_hex(report.report_data), to_hex(quote->report_data()));
  CHECK_OK(add_replay(report, &*quote, out.facts, &checks));
  out.checks.insert(out.checks.end(), checks.list().begin(), checks.list().end());
  return out;
}

}  // namespace

ArtefactKind dstack_kind() {
  return {"dstack", "a TDX quote with its RTMR event log in JSON, or the log alone", looks_like, inspect,
          appraise};
}

}  // namespace attest::ctl
