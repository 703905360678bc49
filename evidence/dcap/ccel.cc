#include "evidence/dcap/ccel.h"

#include "evidence/logs/tcg_event_log.h"

namespace attest {

Result<std::vector<CcelEvent>> parse_ccel(View log) {
  if (log.size() > kMaxCcelBytes) return Error{Errc::malformed, "CCEL: more than 1 MiB"};
  TRY(TcgEventLog parsed, parse_tcg_event_log(log, TcgLogEnd::padded));
  std::vector<CcelEvent> out;
  for (const TcgEvent& event : parsed.events) {
    if (!event.extends()) continue;
    CcelEvent one{0, event.type, Digest::of(event.digest(HashAlg::sha384)), event.data};
    if (event.pcr < 1 || event.pcr > 4 || one.digest.empty())
      return Error{Errc::malformed,
                   "CCEL: the event at byte " + std::to_string(event.offset) + " extends no RTMR"};
    one.rtmr = static_cast<std::uint8_t>(event.pcr - 1);
    out.push_back(one);
  }
  return out;
}

Result<Bytes> ccel_records(View log) {
  TRY(TcgEventLog parsed, parse_tcg_event_log(log, TcgLogEnd::padded));
  return to_bytes(log.first(log.size() - parsed.padding_bytes));
}

Result<std::array<Digest, 4>> replay_ccel(const std::vector<CcelEvent>& events) {
  TRY(Hasher hasher, Hasher::make(HashAlg::sha384));
  std::array<Digest, 4> out;
  out.fill(Digest::filled(HashAlg::sha384, 0));
  for (const CcelEvent& event : events) {
    Digest& rtmr = out[event.rtmr & 3];
    rtmr = hasher.extend(rtmr, event.digest.view());
    if (rtmr.empty()) return Error{Errc::io, "CCEL: out of memory"};
  }
  return out;
}

}  // namespace attest
