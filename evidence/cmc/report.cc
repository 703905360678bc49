#include "evidence/cmc/report.h"

#include <algorithm>

#include "evidence/core/hex.h"

namespace attest::cmc {
namespace {

constexpr std::size_t kMaxEvidences = 16;
constexpr std::size_t kMaxCerts = 16;
constexpr std::size_t kMaxArtifacts = 1024;
constexpr std::size_t kMaxItems = 1024;

constexpr Field kReport[] = {{"version", 0}, {"type", 1}, {"name", 2}, {"encoding", 3}, {"evidences", 4}, {"context", 5}};
constexpr Field kEvidence[] = {{"type", 0}, {"evidence", 1}, {"addData", 2}, {"signature", 3}};
enum : std::size_t { kType, kAlg, kNonce, kCollaterals, kDigests, kMetadata, kCerts };
constexpr Field kContext[] = {{"type", 0},    {"alg", 1},      {"nonce", 2}, {"collateral", 3},
                              {"digests", 4}, {"metadata", 5}, {"certs", 6}};
constexpr Field kCollateral[] = {{"type", 0}, {"certs", 1}, {"key", 2}, {"artifacts", 3}};
constexpr Field kArtifact[] = {{"type", 0}, {"index", 1}, {"events", 2}};

void read_evidence(Source& in, EvidenceItem& out) {
  in.object(kEvidence, [&](std::size_t field) {
    if (field == 0)
      out.type = in.text();
    else
      (field == 1 ? out.evidence : field == 2 ? out.add_data : out.signature) = in.bytes();
  });
}

// read_artifact: lender is `in` where logs are to be lent, else nullptr.
void read_artifact(Source& in, CborSource* lender, Artifact& out) {
  in.object(kArtifact, [&](std::size_t field) {
    if (field == 0)
      out.type = in.text();
    else if (field == 1)
      out.index = in.integer(INT32_MIN, INT32_MAX);
    else if (lender != nullptr && out.type == kPcrEventlog)
      read_lent_components(*lender, out.lent);
    else
      read_components(in, out.events);
  });
}

void read_collateral(Source& in, CborSource* lender, Collateral& out) {
  in.object(kCollateral, [&](std::size_t field) {
    if (field == 0)
      out.type = in.text();
    else if (field == 1)
      read_list(in, out.certs, kMaxCerts, "certificates", [&](Bytes& der) { der = in.bytes(); });
    else if (field == 2)
      out.key = in.bytes();
    else
      read_list(in, out.artifacts, kMaxArtifacts, "artifacts", [&](Artifact& artifact) { read_artifact(in, lender, artifact); });
  });
}

template <class Content, class F>
void read_items(Source& in, std::map<std::string, Content>& out, F&& read) {
  in.text_map([&](std::string digest) {
    if (out.size() == kMaxItems) return in.fail("more than 1024 metadata items");
    out[std::move(digest)] = read();
  });
}

void read_context(Source& in, CborSource* lender, ReportContext& out) {
  in.object(kContext, [&](std::size_t field) {
    switch (field) {
      case kType:
        out.type = in.text();
        break;
      case kAlg:
        out.alg = in.text();
        break;
      case kNonce:
        out.nonce = in.bytes();
        break;
      case kCollaterals:
        return read_list(in, out.collateral, kMaxEvidences, "collaterals", [&](Collateral& c) { read_collateral(in, lender, c); });
      case kDigests:
        return read_list(in, out.digests, kMaxItems, "digests", [&](std::string& digest) { digest = in.text(); });
      case kMetadata:
        if (lender != nullptr) return read_items(in, out.lent, [&] { return lender->lent_bytes(); });
        return read_items(in, out.metadata, [&] { return in.bytes(); });
      default:
        in.text_map([&](std::string) { in.skip(); });  // reserved; never read
    }
  });
}

// Frame is the report without its context.
struct Frame {
  std::string encoding;
  View context;       // base64url text without its quotes, or CBOR; lent
  bool lend = false;  // logs
  bool read = false;  // the context was read in passing
};

// plain_text lends a text without escapes.
View plain_text(Source& in) {
  View quoted = in.raw();
  bool text = quoted.size() >= 2 && quoted.front() == '"' && std::ranges::find(quoted, '\\') == quoted.end();
  if (text) return quoted.subspan(1, quoted.size() - 2);
  in.fail("a text without escapes was expected");
  return {};
}

// read_cbor_context reads the context at once if what stands before it says what it is.
void read_cbor_context(CborSource& in, Report& out, Frame& frame) {
  frame.read = frame.encoding == "cbor" && out.version == kReportVersion;
  frame.context = frame.read ? in.read_canonical([&](CborSource& context) { read_context(context, frame.lend ? &context : nullptr, out.context); }) : in.raw();
}

void read_frame(Source& in, CborSource* cbor, Report& out, Frame& frame) {
  in.object(kReport, [&](std::size_t field) {
    if (field == 5 && cbor != nullptr)
      read_cbor_context(*cbor, out, frame);
    else if (field == 5)
      frame.context = plain_text(in);
    else if (field == 4)
      read_list(in, out.evidences, kMaxEvidences, "evidences", [&](EvidenceItem& item) { read_evidence(in, item); });
    else
      (field == 0 ? out.version : field == 1 ? out.type : field == 2 ? out.name : frame.encoding) = in.text();
  });
}

Result<Report> decode_json(View bytes) {
  Report out;
  Frame frame;
  JsonSource in(as_text(bytes));
  read_frame(in, nullptr, out, frame);
  CHECK_OK(in.done("report"));
  if (frame.encoding != "b64") return Error{Errc::unsupported, "report: encoding of the context is not b64"};
  if (out.version != kReportVersion) return out;
  TRY(Bytes text, from_base64url(as_text(frame.context), kMaxReport));
  JsonSource context(as_text(text));
  read_context(context, nullptr, out.context);
  CHECK_OK(context.done("report context"));
  out.hashed_context = frame.context;
  return out;
}

Result<Report> decode_cbor(View bytes, bool lend) {
  Report out;
  out.encoding = Encoding::cbor;
  Frame frame;
  frame.lend = lend;
  CborSource in(bytes, false);
  read_frame(in, &in, out, frame);
  CHECK_OK(in.done("report"));
  if (frame.encoding != "cbor") return Error{Errc::unsupported, "report: encoding of the context is not cbor"};
  if (out.version != kReportVersion) return out;
  if (!frame.read) {
    CborSource context(frame.context, true);
    read_context(context, lend ? &context : nullptr, out.context);
    CHECK_OK(context.done("report context"));
  }
  out.hashed_context = frame.context;
  return out;
}

// A list that was never made is null in Go; an empty one of ours is never written as one.
template <class List, class F>
void write_list_or_null(Sink& out, const Field& field, const List& list, F&& write) {
  if (!list.empty()) return write_list(out, field, list, write);
  out.key(field);
  out.null();
}

void write_artifact(Sink& out, const Artifact& artifact) {
  out.object();
  write_text(out, kArtifact[0], artifact.type);
  out.key(kArtifact[1]);
  out.integer(artifact.index);
  write_list(out, kArtifact[2], artifact.events, [&](const Component& event) { write_component(out, event); });
  out.end_object();
}

void write_collateral(Sink& out, const Collateral& collateral) {
  out.object();
  write_text(out, kCollateral[0], collateral.type);
  write_list(out, kCollateral[1], collateral.certs, [&](const Bytes& der) { out.bytes(der); });
  if (!collateral.key.empty()) {
    out.key(kCollateral[2]);
    out.bytes(collateral.key);
  }
  write_list(out, kCollateral[3], collateral.artifacts, [&](const Artifact& artifact) { write_artifact(out, artifact); });
  out.end_object();
}

void write_context(Sink& out, const ReportContext& context) {
  out.object();
  write_text(out, kContext[kType], context.type);
  write_text(out, kContext[kAlg], context.alg);
  out.key(kContext[kNonce]);
  out.bytes(context.nonce);
  write_list_or_null(out, kContext[kCollaterals], context.collateral, [&](const Collateral& c) { write_collateral(out, c); });
  write_list_or_null(out, kContext[kDigests], context.digests, [&](const std::string& digest) { out.text(digest); });
  if (!context.metadata.empty()) {
    out.key(kContext[kMetadata]);
    out.object();
    for (const auto& [digest, item] : context.metadata) {
      out.text_key(digest);
      out.bytes(item);
    }
    out.end_object();
  }
  out.end_object();
}

void write_evidence(Sink& out, const EvidenceItem& item) {
  out.object();
  write_text(out, kEvidence[0], item.type);
  out.key(kEvidence[1]);
  out.bytes(item.evidence);
  if (!item.add_data.empty()) {
    out.key(kEvidence[2]);
    out.bytes(item.add_data);
  }
  if (!item.signature.empty()) {
    out.key(kEvidence[3]);
    out.bytes(item.signature);
  }
  out.end_object();
}

Result<Report> decode(View bytes, bool lend) {
  if (bytes.size() > kMaxReport) return Error{Errc::malformed, "report: more than 64 MiB"};
  TRY(Encoding encoding, encoding_of(bytes));
  return encoding == Encoding::json ? decode_json(bytes) : decode_cbor(bytes, lend);
}

}  // namespace

Result<Report> decode_report(View bytes) { return decode(bytes, false); }
Result<Report> decode_lent_report(View bytes) { return decode(bytes, true); }

Result<Artifact> parse_artifact(View bytes) {
  TRY(Encoding encoding, encoding_of(bytes));
  Artifact out;
  JsonSource json(as_text(bytes));
  CborSource cbor(bytes, false);
  Source& in = encoding == Encoding::json ? static_cast<Source&>(json) : cbor;
  read_artifact(in, nullptr, out);
  CHECK_OK(in.done("log"));
  return out;
}

Bytes encode_artifact(const Artifact& artifact, Encoding encoding) {
  auto out = make_sink(encoding);
  write_artifact(*out, artifact);
  return out->finish();
}

Bytes encode_context(const ReportContext& context, Encoding encoding) {
  auto out = make_sink(encoding);
  write_context(*out, context);
  return out->finish();
}

Bytes hashed_context(View encoded_context, Encoding encoding) {
  if (encoding == Encoding::cbor) return to_bytes(encoded_context);
  return to_bytes(as_view(to_base64url(encoded_context)));
}

Bytes encode_report(const Report& report, View encoded_context) {
  auto out = make_sink(report.encoding);
  bool json = report.encoding == Encoding::json;
  out->object();
  write_text(*out, kReport[0], report.version);
  write_text(*out, kReport[1], report.type);
  if (!report.name.empty()) write_text(*out, kReport[2], report.name);
  write_text(*out, kReport[3], json ? "b64" : "cbor");
  out->key(kReport[4]);
  out->array();
  for (const EvidenceItem& item : report.evidences) write_evidence(*out, item);
  out->end_array();
  out->key(kReport[5]);
  if (json)
    out->text(to_base64url(encoded_context));
  else
    out->raw(encoded_context);
  out->end_object();
  return out->finish();
}

}  // namespace attest::cmc
