#include "evidence/native/message.h"

#include "evidence/cbor/cbor.h"
#include "evidence/native/packed.h"

namespace attest {
namespace {

constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kMaxSmall = 1024;            // attest, signature, public areas, statement
constexpr std::size_t kMaxHardwareReport = 4096;   // SNP: 1184
constexpr std::size_t kMaxDcapQuote = 16384;       // with a PCK certificate chain: about 5,000
constexpr std::size_t kMaxCcelLog = 256 << 10;
constexpr std::size_t kMaxHcl = 16384;             // about 2,600
constexpr std::size_t kMaxPcrValues = 24;
constexpr std::size_t kMaxLogs = 2;
constexpr std::size_t kMaxTemplateName = 64;
constexpr std::size_t kMaxEventData = 65536;
constexpr std::size_t kMaxPathSteps = 12;          // 2^12 = kMaxBatch
constexpr std::size_t kMaxItem = kMaxEvidence;

void write_segment(cbor::Writer& out, const RunSegment& run, LogKind) {
  out.array(3);
  out.uint(run.metadata);
  out.uint(run.first);
  out.uint(run.count);
}

void write_segment(cbor::Writer& out, const EventSegment& event, LogKind kind) {
  out.array(4);
  out.uint(event.pcr);
  if (kind == LogKind::ima)
    out.text(event.template_name);
  else
    out.uint(event.type);
  out.bytes(event.digest);
  out.bytes(event.data);
}

void write_segment(cbor::Writer& out, const PackedSegment& packed, LogKind) {
  out.array(3);
  out.uint(packed.metadata);
  out.uint(packed.entries.size());
  out.bytes(pack_indices(packed));
}

void write_segment(cbor::Writer& out, const DigestSegment& entry, LogKind) {
  out.array(2);
  out.uint(entry.pcr);
  out.bytes(entry.digest);
}

void write_log(cbor::Writer& out, const EvidenceLog& log) {
  out.array(log.skipped > 0 ? 4 : 3);
  out.uint(static_cast<std::uint64_t>(log.kind));
  out.uint(log.events);
  out.array(log.segments.size());
  for (const Segment& segment : log.segments)
    std::visit([&](const auto& s) { write_segment(out, s, log.kind); }, segment);
  if (log.skipped > 0) out.uint(log.skipped);
}

// A run and packed indices differ in the type of their third element. room: how many packed events this log may still have.
Segment read_reference_segment(cbor::Reader& in, std::uint32_t& room) {
  auto metadata = static_cast<std::uint32_t>(in.uint(ReportContext::kMaxMetadata - 1));
  auto second = static_cast<std::uint32_t>(in.uint(0xffffffff));
  if (in.peek() == cbor::Type::bytes) {
    if (second > room) {
      in.fail("more packed indices than the log has events");
      return RunSegment{};
    }
    room -= second;
    auto packed = unpack_indices(metadata, second, in.bytes(kMaxEvidence));
    if (!packed) in.fail(packed.error().what);
    return packed ? *std::move(packed) : PackedSegment{};
  }
  RunSegment run{metadata, second, static_cast<std::uint32_t>(in.uint(kMaxLogEvents))};
  if (run.count == 0) in.fail("run of no events");
  return run;
}

Segment read_segment(cbor::Reader& in, LogKind kind, std::uint32_t& room) {
  std::size_t n = in.array(4);
  if (n == 3) return read_reference_segment(in, room);
  if (n == 2 && kind == LogKind::ima) {
    DigestSegment entry;
    entry.pcr = static_cast<std::uint8_t>(in.uint(kMaxPcrValues - 1));
    entry.digest = to_bytes(in.bytes(64, 20));
    return entry;
  }
  if (n != 4) in.fail("log segment is neither a run nor an event");
  EventSegment event;
  event.pcr = static_cast<std::uint8_t>(in.uint(kMaxPcrValues - 1));
  if (kind == LogKind::ima)
    event.template_name = in.text(kMaxTemplateName);
  else
    event.type = static_cast<std::uint32_t>(in.uint(0xffffffff));
  event.digest = to_bytes(in.bytes(64, 20));
  event.data = to_bytes(in.bytes(kMaxEventData));
  return event;
}

EvidenceLog read_log(cbor::Reader& in) {
  EvidenceLog log;
  std::size_t parts = in.array(4);
  if (parts != 3 && parts != 4) in.fail("log is neither whole nor the end of one");
  std::uint64_t kind = in.uint(2);
  if (kind == 0) in.fail("unknown kind of log");
  log.kind = kind == 2 ? LogKind::ima : LogKind::tcg;
  log.events = static_cast<std::uint32_t>(in.uint(kMaxLogEvents));
  std::uint32_t room = log.events;
  for (std::size_t n = in.array(kMaxSegments); n > 0 && in.good(); n--) log.segments.push_back(read_segment(in, log.kind, room));
  if (parts == 4) {
    log.skipped = static_cast<std::uint32_t>(in.uint(kMaxLogEvents));
    if (log.skipped == 0 || log.skipped > log.events) in.fail("a log that leaves out nothing, or more than it has");
  }
  return log;
}

void write_anchor(cbor::Writer& out, const TpmAnchor& a, const std::vector<View>* ready_logs) {
  out.array(8);
  out.uint(static_cast<std::uint64_t>(AnchorKind::tpm));
  out.bytes(a.attest);
  out.bytes(a.signature);
  out.bytes(a.ak_public);
  out.array(a.ak_chain.size());
  for (const Bytes& cert : a.ak_chain) out.bytes(cert);
  out.array(a.pcr_values.size());
  for (const Digest& value : a.pcr_values) out.bytes(value.view());
  out.uint(a.startup_locality);
  if (ready_logs != nullptr) {
    out.array(ready_logs->size());
    for (View log : *ready_logs) out.raw(log);
    return;
  }
  out.array(a.logs.size());
  for (const EvidenceLog& log : a.logs) write_log(out, log);
}

void write_anchor(cbor::Writer& out, const SwAnchor& a, const std::vector<View>*) {
  out.array(4);
  out.uint(static_cast<std::uint64_t>(AnchorKind::sw));
  out.bytes(a.statement);
  out.bytes(a.signature);
  out.bytes(a.public_key);
}

void write_anchor(cbor::Writer& out, const SnpAnchor& a, const std::vector<View>*) {
  out.array(3);
  out.uint(static_cast<std::uint64_t>(AnchorKind::snp));
  out.bytes(a.report);
  out.array(a.certificates.size());
  for (const Bytes& certificate : a.certificates) out.bytes(certificate);
}

void write_anchor(cbor::Writer& out, const TdxAnchor& a, const std::vector<View>*) {
  out.array(3);
  out.uint(static_cast<std::uint64_t>(AnchorKind::tdx));
  out.bytes(a.quote);
  out.bytes(a.event_log);
}

void write_anchor(cbor::Writer& out, const SgxAnchor& a, const std::vector<View>*) {
  out.array(2);
  out.uint(static_cast<std::uint64_t>(AnchorKind::sgx));
  out.bytes(a.quote);
}

void write_anchor(cbor::Writer& out, const AzureAnchor& a, const std::vector<View>*) {
  out.array(4);
  out.uint(static_cast<std::uint64_t>(AnchorKind::azure));
  out.bytes(a.hcl);
  out.array(a.certificates.size());
  for (const Bytes& certificate : a.certificates) out.bytes(certificate);
  out.bytes(a.td_quote);
}

TpmAnchor read_tpm(cbor::Reader& in) {
  TpmAnchor a;
  a.attest = to_bytes(in.bytes(kMaxSmall));
  a.signature = to_bytes(in.bytes(kMaxSmall));
  a.ak_public = to_bytes(in.bytes(kMaxSmall));
  for (std::size_t n = in.array(kMaxCerts); n > 0 && in.good(); n--) a.ak_chain.push_back(to_bytes(in.bytes(kMaxCertBytes, 1)));
  for (std::size_t n = in.array(kMaxPcrValues); n > 0 && in.good(); n--) a.pcr_values.push_back(Digest::of(in.bytes(64, 20)));
  a.startup_locality = static_cast<std::uint8_t>(in.uint(4));
  for (std::size_t n = in.array(kMaxLogs); n > 0 && in.good(); n--) a.logs.push_back(read_log(in));
  return a;
}

SwAnchor read_sw(cbor::Reader& in) {
  SwAnchor a;
  a.statement = to_bytes(in.bytes(kMaxEventData));
  a.signature = to_bytes(in.bytes(kMaxSmall));
  a.public_key = to_bytes(in.bytes(kMaxSmall));
  return a;
}

SnpAnchor read_snp(cbor::Reader& in) {
  SnpAnchor a;
  a.report = to_bytes(in.bytes(kMaxHardwareReport, 1));
  std::size_t n = in.array(SnpAnchor::kMaxCertificates);
  if (n == 0) in.fail("an SNP anchor without certificates");
  for (; n > 0 && in.good(); n--) a.certificates.push_back(to_bytes(in.bytes(kMaxCertBytes, 1)));
  return a;
}

TdxAnchor read_tdx(cbor::Reader& in) {
  TdxAnchor a;
  a.quote = to_bytes(in.bytes(kMaxDcapQuote, 1));
  a.event_log = to_bytes(in.bytes(kMaxCcelLog));
  return a;
}

SgxAnchor read_sgx(cbor::Reader& in) { return {to_bytes(in.bytes(kMaxDcapQuote, 1))}; }

AzureAnchor read_azure(cbor::Reader& in) {
  AzureAnchor a;
  a.hcl = to_bytes(in.bytes(kMaxHcl, 1));
  for (std::size_t n = in.array(SnpAnchor::kMaxCertificates); n > 0 && in.good(); n--)
    a.certificates.push_back(to_bytes(in.bytes(kMaxCertBytes, 1)));
  a.td_quote = to_bytes(in.bytes(kMaxDcapQuote));
  return a;
}

// AnchorForm is a row of the table of anchors: its number, how many elements it has behind it, and who reads them.
struct AnchorForm {
  AnchorKind kind;
  std::size_t elements;
  Anchor (*read)(cbor::Reader& in);
};
constexpr AnchorForm kAnchorForms[] = {{AnchorKind::sw, 4, [](cbor::Reader& in) { return Anchor(read_sw(in)); }},
                                       {AnchorKind::tpm, 8, [](cbor::Reader& in) { return Anchor(read_tpm(in)); }},
                                       {AnchorKind::snp, 3, [](cbor::Reader& in) { return Anchor(read_snp(in)); }},
                                       {AnchorKind::tdx, 3, [](cbor::Reader& in) { return Anchor(read_tdx(in)); }},
                                       {AnchorKind::sgx, 2, [](cbor::Reader& in) { return Anchor(read_sgx(in)); }},
                                       {AnchorKind::azure, 4, [](cbor::Reader& in) { return Anchor(read_azure(in)); }}};

Anchor read_anchor(cbor::Reader& in) {
  std::size_t n = in.array(8);
  std::uint64_t kind = in.uint();
  for (const AnchorForm& form : kAnchorForms)
    if (kind == static_cast<std::uint64_t>(form.kind) && n == form.elements) return form.read(in);
  in.fail("anchor of an unknown form");
  return SwAnchor{};
}

void write_path(cbor::Writer& out, const MerklePath& path) {
  out.array(3);
  out.uint(path.index);
  out.uint(path.count);
  out.array(path.siblings.size());
  for (const Digest& sibling : path.siblings) out.bytes(sibling.view());
}

MerklePath read_path(cbor::Reader& in) {
  MerklePath path;
  if (in.array(3) != 3) in.fail("batch path is not a triple");
  path.index = static_cast<std::uint32_t>(in.uint(kMaxBatch - 1));
  path.count = static_cast<std::uint32_t>(in.uint(kMaxBatch));
  for (std::size_t n = in.array(kMaxPathSteps); n > 0 && in.good(); n--) path.siblings.push_back(Digest::of(in.bytes(32, 32)));
  return path;
}

void write_tls_key(cbor::Writer& out, const CertifiedKey& key) {
  out.array(3);
  out.bytes(key.public_area);
  out.bytes(key.attest);
  out.bytes(key.signature);
}

CertifiedKey read_tls_key(cbor::Reader& in) {
  CertifiedKey key;
  if (in.array(3) != 3) in.fail("TLS key is not a triple");
  key.public_area = to_bytes(in.bytes(kMaxSmall));
  key.attest = to_bytes(in.bytes(kMaxSmall));
  key.signature = to_bytes(in.bytes(kMaxSmall));
  return key;
}

void write_pair(cbor::Writer& out, View first, View second) {
  out.array(2);
  out.bytes(first);
  out.bytes(second);
}

std::pair<Bytes, Bytes> read_pair(cbor::Reader& in) {
  if (in.array(2) != 2) in.fail("not a pair");
  Bytes first = to_bytes(in.bytes(kMaxSmall, 1));
  return {std::move(first), to_bytes(in.bytes(kMaxSmall, 1))};
}

Result<Bytes> encode(const Evidence& e, const std::vector<View>* ready_logs) {
  cbor::Writer out;
  out.map(2U + (e.anchors.empty() ? 0 : 2) + (e.metadata.empty() ? 0 : 1) + (e.tls_key ? 1 : 0) + (e.key ? 1 : 0) +
          (e.epoch ? 1 : 0));
  out.uint(0), out.uint(kVersion);
  out.uint(1), out.bytes(e.context);
  if (!e.anchors.empty()) {
    out.uint(2), write_path(out, e.path);
    out.uint(3), out.array(e.anchors.size());
    for (const Anchor& anchor : e.anchors) std::visit([&](const auto& a) { write_anchor(out, a, ready_logs); }, anchor);
  }
  if (!e.metadata.empty()) {
    out.uint(4), out.array(e.metadata.size());
    for (const Bytes& item : e.metadata) out.bytes(item);
  }
  if (e.tls_key) out.uint(5), write_tls_key(out, *e.tls_key);
  if (e.key) out.uint(6), write_pair(out, e.key->spki_der, e.key->signature);
  if (e.epoch) out.uint(7), write_pair(out, e.epoch->epoch, e.epoch->signature);
  Bytes bytes = std::move(out).finish();
  if (bytes.size() > kMaxEvidence)
    return Error{Errc::denied, "evidence.too-large: " + std::to_string(bytes.size()) + " bytes, at most " + std::to_string(kMaxEvidence)};
  return bytes;
}

void read_field(cbor::Reader& in, std::int64_t key, Evidence& e) {
  switch (key) {
    case 0:
      if (in.uint() != kVersion) in.fail("unknown version");
      return;
    case 1: e.context = to_bytes(in.bytes(kMaxEventData, 1)); return;
    case 2: e.path = read_path(in); return;
    case 3:
      for (std::size_t n = in.array(ReportContext::kMaxAnchors); n > 0 && in.good(); n--) e.anchors.push_back(read_anchor(in));
      return;
    case 4:
      for (std::size_t n = in.array(ReportContext::kMaxMetadata); n > 0 && in.good(); n--)
        e.metadata.push_back(to_bytes(in.bytes(kMaxItem, 1)));
      if (e.metadata.empty()) in.fail("an empty list of metadata");
      return;
    case 5: e.tls_key = read_tls_key(in); return;
    case 6: {
      auto [spki, signature] = read_pair(in);
      e.key = KeyProof{std::move(spki), std::move(signature)};
      return;
    }
    case 7: {
      auto [epoch, signature] = read_pair(in);
      e.epoch = SignedEpochId{std::move(epoch), std::move(signature)};
      return;
    }
    default: in.fail("unknown field " + std::to_string(key));
  }
}

// complete: path and anchors go together; without them the message is a key's proof and nothing else.
bool complete(const Evidence& e, unsigned seen) {
  constexpr unsigned kHead = 0b11, kQuoted = 0b1100;
  if ((seen & kHead) != kHead) return false;
  if ((seen & kQuoted) == kQuoted) return !e.anchors.empty() && (!e.epoch || e.key);
  return (seen & kQuoted) == 0 && e.key && !e.epoch && e.metadata.empty();
}

}  // namespace

Result<Bytes> encode_evidence(const Evidence& evidence) { return encode(evidence, nullptr); }

Result<Bytes> encode_evidence_with(const Evidence& evidence, const std::vector<View>& tpm_logs) {
  return encode(evidence, &tpm_logs);
}

Result<Bytes> encode_log(const EvidenceLog& log) {
  if (log.segments.size() > kMaxSegments || log.events > kMaxLogEvents)
    return Error{Errc::denied, "evidence.too-large: log of " + std::to_string(log.events) + " events in " +
                                   std::to_string(log.segments.size()) + " segments"};
  cbor::Writer out;
  write_log(out, log);
  return std::move(out).finish();
}

Result<Evidence> decode_evidence(View bytes) {
  if (bytes.size() > kMaxEvidence) return Error{Errc::malformed, "evidence of " + std::to_string(bytes.size()) + " bytes"};
  cbor::Reader in(bytes);
  Evidence e;
  unsigned seen = 0;
  std::int64_t key = -1;
  for (std::size_t n = in.map(8); n > 0 && in.good(); n--) {
    key = in.key(key);
    read_field(in, key, e);
    if (in.good()) seen |= 1U << key;
  }
  CHECK_OK(in.done("evidence"));
  if (!complete(e, seen)) return Error{Errc::malformed, "evidence: a mandatory field is absent, or fields do not go together"};
  return e;
}

}  // namespace attest
