// appraise.cc: TDX evidence of a handshake: the registers against the signed references, event by event where
// a log came.
#include "evidence/core/hex.h"
#include "evidence/dcap/ccel.h"
#include "verifier/dcap/appraise.h"
#include "verifier/tdx/measure.h"

namespace attest {
namespace {

// Registers as references number them: 0 MRTD, 1 to 4 RTMR0 to RTMR3, 5 MRSEAM.
constexpr std::uint32_t kMrTd = 0, kRtmr0 = 1, kMrSeam = 5;

std::string register_name(std::uint32_t reg) {
  return reg == kMrTd ? "MRTD" : reg == kMrSeam ? "MRSEAM" : "RTMR" + std::to_string(reg - kRtmr0);
}

// TdMeasure compares one guest with the references; it collects every disagreement.
class TdMeasure {
 public:
  TdMeasure(const TdReport& td, const ClaimedMetadata& metadata, Appraisal& out)
      : td_(td),
        references_(dcap_references(metadata, AnchorKind::tdx, HashAlg::sha384)),
        out_(out),
        used_(references_.size()) {}
  void run(const std::vector<CcelEvent>& events);

 private:
  void whole(std::uint32_t reg, View measured, bool needed);
  void events_of(std::uint32_t reg, const std::vector<CcelEvent>& events);
  void folded(std::uint32_t reg);
  void wrong(std::uint32_t reg, std::string name, View measured, const DcapReference* nearest,
             std::string why);
  bool take(std::uint32_t reg, const Digest& digest);
  const DcapReference* first_of(std::uint32_t reg) const;

  const TdReport& td_;
  std::vector<DcapReference> references_;
  Appraisal& out_;
  std::vector<bool> used_;
  std::string first_;  // sentence about the first disagreement
  std::size_t wrong_ = 0;
};

const DcapReference* TdMeasure::first_of(std::uint32_t reg) const {
  auto found = std::ranges::find_if(references_, [&](const DcapReference& r) { return r.value->reg == reg; });
  return found == references_.end() ? nullptr : &*found;
}

void TdMeasure::wrong(std::uint32_t reg, std::string name, View measured, const DcapReference* nearest,
                      std::string why) {
  constexpr std::size_t kMaxMismatches = 1000;
  if (wrong_++ == 0) first_ = std::move(why);
  if (wrong_ <= kMaxMismatches)
    out_.verdict.mismatch(dcap_mismatch(AnchorKind::tdx, reg, std::move(name), measured, nearest));
  else
    out_.mismatches_omitted++;
}

// take marks a reference as found; an event may repeat at most as often as it stands in the references.
bool TdMeasure::take(std::uint32_t reg, const Digest& digest) {
  for (std::size_t i = 0; i < references_.size(); i++) {
    const DcapReference& r = references_[i];
    if (used_[i] || r.value->reg != reg || r.digest == nullptr || !(*r.digest == digest)) continue;
    used_[i] = true;
    return true;
  }
  return false;
}

// whole compares a register that is measured at once.
void TdMeasure::whole(std::uint32_t reg, View measured, bool needed) {
  if (first_of(reg) == nullptr && !needed) return;
  out_.events++;
  if (take(reg, Digest::of(measured))) return;
  wrong(reg, register_name(reg), measured, first_of(reg),
        register_name(reg) + " " + to_hex(measured) + " is not in the signed references");
}

// events_of compares the events of one register; the log was replayed and explains it.
void TdMeasure::events_of(std::uint32_t reg, const std::vector<CcelEvent>& events) {
  for (const CcelEvent& event : events) {
    if (event.rtmr + kRtmr0 != reg) continue;
    out_.events++;
    if (!take(reg, event.digest))
      wrong(reg, "event of type " + std::to_string(event.type), event.digest.view(), nullptr,
            "an event in " + register_name(reg) + " (" + short_hex(event.digest.view()) +
                ") is not in the signed references");
  }
  for (std::size_t i = 0; i < references_.size(); i++)
    if (references_[i].value->reg == reg && !used_[i] && !references_[i].value->optional)
      wrong(reg, "", {}, &references_[i],
            "\"" + references_[i].value->name + "\" was not measured into " + register_name(reg));
}

// folded compares a register nobody has a log of: its references, extended in their order, must give it.
void TdMeasure::folded(std::uint32_t reg) {
  Digest value = Digest::filled(HashAlg::sha384, 0);
  for (const DcapReference& r : references_)
    if (r.value->reg == reg && r.digest != nullptr)
      value = hash_of(HashAlg::sha384, {value.view(), r.digest->view()});
  View measured = td_.rtmr[reg - kRtmr0];
  if (!value.empty() && equal(value.view(), measured)) return;
  wrong(reg, register_name(reg), measured, first_of(reg),
        register_name(reg) + " " + to_hex(measured) + " does not follow from the signed references");
}

void TdMeasure::run(const std::vector<CcelEvent>& events) {
  const std::string id = "tdx." + std::string(dcap_check::kMeasurements);
  whole(kMrTd, td_.mr_td, true);
  whole(kMrSeam, td_.mr_seam, false);
  for (std::uint32_t reg = kRtmr0; reg < kMrSeam; reg++) {
    bool logged = std::ranges::any_of(events, [&](const CcelEvent& e) { return e.rtmr + kRtmr0 == reg; });
    logged ? events_of(reg, events) : folded(reg);
  }
  if (wrong_ == 0) return out_.verdict.pass(id);
  out_.verdict.fail(
      id, std::to_string(wrong_) + (wrong_ == 1 ? " disagreement: " : " disagreements, the first: ") + first_,
      "publish references for what was changed on purpose");
}

// explained: a log has to give the registers it has events of.
bool explained(const TdReport& td, const std::vector<CcelEvent>& events, Verdict& verdict) {
  const std::string id = "tdx." + std::string(dcap_check::kRtmrReplay);
  auto rtmrs = replay_ccel(events);
  if (!rtmrs) {
    verdict.fail(id, rtmrs.error().what);
    return false;
  }
  for (const CcelEvent& event : events) {
    if (equal((*rtmrs)[event.rtmr].view(), td.rtmr[event.rtmr])) continue;
    verdict.fail(id, "the event log gives RTMR" + std::to_string(event.rtmr) + " " +
                         to_hex((*rtmrs)[event.rtmr].view()) + ", the quote has " +
                         to_hex(td.rtmr[event.rtmr]));
    return false;
  }
  verdict.pass(id);
  return true;
}

}  // namespace

void measure_td(const TdReport& td, const std::vector<CcelEvent>& events, const ClaimedMetadata& metadata, Appraisal& out) {
  TdMeasure(td, metadata, out).run(events);
}

bool verify_tdx(const Case& c, const Anchor& any, Verdict& verdict) {
  return verify_dcap(c, AnchorKind::tdx, std::get<TdxAnchor>(any).quote, verdict);
}

void measure_tdx(const Case&, const Anchor& any, const ClaimedMetadata& metadata, Appraisal& out) {
  const TdxAnchor& anchor = std::get<TdxAnchor>(any);
  auto quote = parse_quote(anchor.quote);
  if (!quote || quote->td() == nullptr)
    return out.verdict.fail("tdx." + std::string(dcap_check::kMeasurements), "the quote is not of a TD");
  std::vector<CcelEvent> events;
  if (!anchor.event_log.empty()) {
    auto parsed = parse_ccel(anchor.event_log);
    if (!parsed) return out.verdict.fail(check::kLogMalformed, parsed.error().what);
    events = *std::move(parsed);
    if (!explained(*quote->td(), events, out.verdict)) return;
  }
  measure_td(*quote->td(), events, metadata, out);
}

}  // namespace attest
