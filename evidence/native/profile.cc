#include "evidence/native/profile.h"

#include "evidence/cbor/cbor.h"
#include "evidence/native/message.h"

namespace attest {
namespace {

constexpr std::string_view kReportLabel = "attest/1 tls";
constexpr std::int64_t kVersionKey = 0, kReportKey = 8;
constexpr std::uint64_t kVersion = 1;
// {0: 1, 8: ...}: the native message has its context under key 1.
constexpr std::array<std::uint8_t, 4> kHead = {0xa2, kVersionKey, kVersion, kReportKey};

}  // namespace

Bytes report_nonce(const Digest& binder) {
  Bytes out = to_bytes(as_view(kReportLabel));
  out.insert(out.end(), binder.view().begin(), binder.view().end());
  return out;
}

Bytes encode_report_evidence(View report) {
  cbor::Writer out;
  out.raw(kHead);
  out.bytes(report);
  return std::move(out).finish();
}

Profile profile_of(View evidence) {
  bool report = evidence.size() > kHead.size() && equal(evidence.first(kHead.size()), kHead);
  return report ? Profile::cmc : Profile::native;
}

Result<View> decode_report_evidence(View evidence) {
  cbor::Reader in(evidence);
  if (in.map(2) != 2) in.fail("a report and its version are due");
  std::int64_t key = in.key(-1);
  if (in.good() && (key != kVersionKey || in.uint(kVersion) != kVersion)) in.fail("another version");
  key = in.key(kVersionKey);
  if (in.good() && key != kReportKey) in.fail("no report");
  View report = in.bytes(kMaxEvidence, 1);
  CHECK_OK(in.done("report evidence"));
  return report;
}

}  // namespace attest
