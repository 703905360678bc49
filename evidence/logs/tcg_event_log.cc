#include "evidence/logs/tcg_event_log.h"

namespace attest {
namespace {

constexpr std::size_t kMaxAlgorithms = 16;
constexpr std::size_t kMaxDigest = 128;
constexpr std::size_t kMaxEventData = 8 << 20;
constexpr std::size_t kMaxHint = 1024;
constexpr std::uint32_t kPcrs = 24;
constexpr std::string_view kSpecIdAgile{"Spec ID Event03\0", 16};
constexpr std::string_view kStartupLocality{"StartupLocality\0", 16};

bool starts_with(View data, std::string_view head) {
  return data.size() >= head.size() && equal(data.first(head.size()), as_view(head));
}

// TCG_PCR_EVENT: the SHA-1 format, and the first record of the crypto-agile one.
TcgEvent read_sha1_record(Reader& in) {
  TcgEvent e;
  e.pcr = in.u32le();                   // PCRIndex
  e.type = in.u32le();                  // EventType
  e.digests = {{0x0004, in.take(20)}};  // Digest
  e.data = in.take32le(kMaxEventData);  // EventDataSize, Event
  return e;
}

std::size_t declared_size(const TcgEventLog& log, std::uint16_t id) {
  for (const auto& a : log.algorithms)
    if (a.id == id) return a.size;
  return 0;
}

// TCG_PCR_EVENT2. A digest's length is what the Spec ID event declares for its algorithm.
TcgEvent read_agile_record(Reader& in, const TcgEventLog& log) {
  TcgEvent e;
  e.pcr = in.u32le();                                                                     // pcrIndex
  e.type = in.u32le();                                                                    // eventType
  std::uint32_t count = in.count32le(static_cast<std::uint32_t>(log.algorithms.size()));  // digests.count
  e.digests.reserve(count);
  for (std::uint32_t i = 0; i < count && in.good(); i++) {
    std::uint16_t id = in.u16le();
    std::size_t size = declared_size(log, id);
    if (size == 0) in.fail();
    for (const TcgDigest& other : e.digests)
      if (other.alg == id) in.fail();
    e.digests.push_back({id, in.take(size)});
  }
  e.data = in.take32le(kMaxEventData);  // eventSize, event
  return e;
}

// TCG_EfiSpecIDEvent behind its signature.
Status read_spec_id(View data, TcgEventLog& log) {
  Reader in(data);
  in.take(kSpecIdAgile.size());  // signature
  in.u32le();                    // platformClass
  in.take(4);                    // specVersionMinor, specVersionMajor, specErrata, uintnSize
  std::uint32_t count = in.count32le(kMaxAlgorithms);  // numberOfAlgorithms
  if (count == 0) in.fail();
  for (std::uint32_t i = 0; i < count && in.good(); i++) {
    std::uint16_t id = in.u16le();    // algorithmId
    std::uint16_t size = in.u16le();  // digestSize
    auto known = hash_alg_from_id(id);
    if (size == 0 || size > kMaxDigest || (known && size != digest_size(*known))) in.fail();
    if (declared_size(log, id) != 0) in.fail();
    log.algorithms.push_back({id, size});
  }
  in.take(in.u8());  // vendorInfoSize, vendorInfo
  return in.done("event log: Spec ID event");
}

// A StartupLocality record counts only ahead of whatever extends PCR 0, and once.
Status note_startup_locality(TcgEventLog& log, const TcgEvent& e, bool pcr0_extended) {
  if (e.extends() || !starts_with(e.data, kStartupLocality) || e.data.size() != kStartupLocality.size() + 1)
    return ok();
  if (pcr0_extended || e.pcr != 0) return ok();
  std::uint8_t locality = e.data.back();
  if (log.startup_locality && *log.startup_locality != locality)
    return Error{Errc::malformed, "event log: two different StartupLocality records"};
  log.startup_locality = locality;
  return ok();
}

Status check_pcr(const TcgEvent& e, std::size_t number) {
  if (e.pcr < kPcrs || (e.pcr == kNoPcr && !e.extends())) return ok();
  return Error{Errc::malformed,
               "event log: record " + std::to_string(number) + " names PCR " + std::to_string(e.pcr)};
}

// The Spec ID event is in PCR 0; logs of confidential computing have it in register 1.
Status read_first(Reader& in, TcgEventLog& log, TcgLogEnd end) {
  TcgEvent first = read_sha1_record(in);
  bool there = first.pcr == 0 || (end == TcgLogEnd::padded && first.pcr == 1);
  bool agile = in.good() && there && !first.extends() && starts_with(first.data, kSpecIdAgile);
  log.format = agile ? TcgLogFormat::crypto_agile : TcgLogFormat::sha1;
  if (agile) CHECK_OK(read_spec_id(first.data, log));
  if (!agile) log.algorithms = {{0x0004, 20}};
  log.events.push_back(std::move(first));
  return ok();
}

// padding_at is where the padding behind the records may begin: the last bytes are all 0xff, or all zero and at
// least 16 of them. The size of the log without such an end.
std::size_t padding_at(View bytes) {
  constexpr std::size_t kMinZeros = 16;
  std::uint8_t fill = bytes.empty() ? 1 : bytes.back();
  if (fill != 0 && fill != 0xff) return bytes.size();
  std::size_t at = bytes.size();
  while (at > 0 && bytes[at - 1] == fill) at--;
  return fill == 0 && bytes.size() - at < kMinZeros ? bytes.size() : at;
}

}  // namespace

View TcgEvent::digest(HashAlg bank) const {
  for (const TcgDigest& d : digests)
    if (d.alg == static_cast<std::uint16_t>(bank)) return d.value;
  return {};
}

bool TcgEventLog::has_bank(HashAlg bank) const {
  return declared_size(*this, static_cast<std::uint16_t>(bank)) != 0;
}

Result<TcgEventLog> parse_tcg_event_log(View bytes, TcgLogEnd end) {
  if (bytes.size() > kMaxTcgLog) return Error{Errc::malformed, "event log: longer than 16 MiB"};
  TcgEventLog log;
  if (bytes.empty()) return log;
  Reader in(bytes);
  CHECK_OK(read_first(in, log, end));
  bool agile = log.format == TcgLogFormat::crypto_agile;
  bool pcr0_extended = false;
  std::size_t padding = end == TcgLogEnd::padded ? padding_at(bytes) : bytes.size();
  for (std::size_t i = 0;; i++) {
    if (i > 0) {
      if (in.good() && bytes.size() - in.left() >= padding) log.padding_bytes = in.rest().size();
      if (!in.more()) break;
      if (i >= kMaxTcgEvents) return Error{Errc::malformed, "event log: too many records"};
      std::size_t offset = bytes.size() - in.left();
      log.events.push_back(agile ? read_agile_record(in, log) : read_sha1_record(in));
      log.events.back().offset = offset;
    }
    if (!in.good()) break;
    const TcgEvent& e = log.events.back();
    CHECK_OK(check_pcr(e, i));
    CHECK_OK(note_startup_locality(log, e, pcr0_extended));
    pcr0_extended = pcr0_extended || (e.extends() && e.pcr == 0);
  }
  CHECK_OK(in.done("event log"));
  return log;
}

Result<std::vector<MeasuredEvent>> tcg_measured_events(const TcgEventLog& log, HashAlg bank) {
  if (!log.events.empty() && !log.has_bank(bank))
    return Error{Errc::unsupported, std::string("event log: has no ") + hash_alg_name(bank) + " bank"};
  std::vector<MeasuredEvent> out;
  for (const TcgEvent& e : log.events) {
    View digest = e.digest(bank);
    if (!e.extends() || digest.empty()) continue;
    MeasuredEvent m;
    m.pcr = static_cast<std::uint8_t>(e.pcr);
    m.digest = Digest::of(digest);
    m.kind = LogKind::tcg;
    m.full = {m.pcr, e.type, {}, to_bytes(digest), to_bytes(e.data.first(std::min(e.data.size(), kMaxHint)))};
    out.push_back(std::move(m));
  }
  return out;
}

}  // namespace attest
