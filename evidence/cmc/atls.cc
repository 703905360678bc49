#include "evidence/cmc/atls.h"

#include <optional>

#include "evidence/core/printable.h"

namespace attest::cmc {
namespace {

constexpr std::size_t kMaxCached = 1024;
constexpr std::size_t kMaxDigestText = 128;
constexpr const char* kModes[] = {"mutual", "client", "server", "none"};

constexpr Field kRequest[] = {{"version", 0}, {"attest", 1}, {"cached", 2}, {"extendedReport", 3}};
constexpr Field kResponse[] = {{"version", 0}, {"error", 1}, {"report", 2}};
constexpr Field kComplete[] = {{"version", 0}, {"success", 1}, {"error", 2}};

// with_source reads the payload with read and says whether it was well formed as a whole.
template <class F>
Status with_source(View payload, std::string_view what, F&& read) {
  TRY(Encoding encoding, encoding_of(payload));
  std::unique_ptr<Source> in;
  if (encoding == Encoding::json)
    in = std::make_unique<JsonSource>(as_text(payload));
  else
    in = std::make_unique<CborSource>(payload, false);
  read(*in);
  return in->done(what);
}

Status check_version(const std::string& version, std::string_view what) {
  if (version == kAtlsVersion) return ok();
  return Error{Errc::mismatch, std::string(what) + ": version \"" + printable(version, 16) + "\", expected 1.3.0"};
}

// Parts are the members of any of the three as they came.
struct Request {
  std::string version;
  std::optional<std::int64_t> attest;
  AtlsRequest message;
};
struct Complete {
  std::string version;
  std::optional<bool> success;
  AtlsComplete message;
};

void read_request(Source& in, Request& out) {
  in.object(kRequest, [&](std::size_t field) {
    if (field == 0)
      out.version = in.text();
    else if (field == 1)
      out.attest = in.integer(0, 3);
    else if (field == 3)
      in.boolean();
    else
      read_list(in, out.message.cached, kMaxCached, "cached digests", [&](std::string& digest) {
        digest = in.text();
        if (digest.size() > kMaxDigestText) in.fail("a digest of more than 128 digits");
      });
  });
}

Result<Complete> read_complete(View payload) {
  Complete out;
  CHECK_OK(with_source(payload, "aTLS complete", [&](Source& in) {
    in.object(kComplete, [&](std::size_t field) {
      if (field == 0)
        out.version = in.text();
      else if (field == 1)
        out.success = in.boolean();
      else
        out.message.error = in.text();
    });
  }));
  if (!out.success) return Error{Errc::malformed, "aTLS complete: it does not say whether it succeeded"};
  out.message.success = *out.success;
  return out;
}

// instead_of names what a frame was that could not be read as `what`: its sender may have given up.
Error instead_of(View payload, Error why) {
  auto complete = read_complete(payload);
  if (!complete || complete->message.success) return why;
  return {Errc::denied, "the peer gave up: " + printable(complete->message.error, 200)};
}

void write_version(Sink& out, const Field& field) {
  out.object();
  write_text(out, field, kAtlsVersion);
}

}  // namespace

const char* attest_mode_name(AttestMode mode) { return kModes[static_cast<std::size_t>(mode) & 3]; }

Result<AttestMode> attest_mode_from_name(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kModes); i++)
    if (name == kModes[i]) return static_cast<AttestMode>(i);
  return Error{Errc::malformed, "\"" + printable(name, 20) + "\" is not a mode: mutual, client, server or none"};
}

Bytes encode_atls(const AtlsRequest& message, Encoding encoding) {
  auto out = make_sink(encoding);
  write_version(*out, kRequest[0]);
  out->key(kRequest[1]);
  out->integer(static_cast<std::int64_t>(message.attest));
  write_texts(*out, kRequest[2], message.cached);
  out->end_object();
  return out->finish();
}

Bytes encode_atls(const AtlsResponse& message, Encoding encoding) {
  auto out = make_sink(encoding);
  write_version(*out, kResponse[0]);
  write_some(*out, kResponse[1], message.error);
  if (!message.report.empty()) {
    out->key(kResponse[2]);
    out->bytes(message.report);
  }
  out->end_object();
  return out->finish();
}

Bytes encode_atls(const AtlsComplete& message, Encoding encoding) {
  auto out = make_sink(encoding);
  write_version(*out, kComplete[0]);
  out->key(kComplete[1]);
  out->boolean(message.success);
  write_some(*out, kComplete[2], message.error);
  out->end_object();
  return out->finish();
}

Result<AtlsRequest> decode_atls_request(View payload) {
  Request out;
  Status read = with_source(payload, "aTLS request", [&](Source& in) { read_request(in, out); });
  if (!read) return instead_of(payload, std::move(read).error());
  CHECK_OK(check_version(out.version, "aTLS request"));
  if (!out.attest) return instead_of(payload, {Errc::malformed, "aTLS request: it names no mode"});
  out.message.attest = static_cast<AttestMode>(*out.attest);
  return std::move(out.message);
}

Result<AtlsResponse> decode_atls_response(View payload) {
  std::string version;
  AtlsResponse out;
  Status read = with_source(payload, "aTLS response", [&](Source& in) {
    in.object(kResponse, [&](std::size_t field) {
      if (field == 0)
        version = in.text();
      else if (field == 1)
        out.error = in.text();
      else
        out.report = in.bytes();
    });
  });
  if (!read) return instead_of(payload, std::move(read).error());
  CHECK_OK(check_version(version, "aTLS response"));
  // In JSON a Complete has no member that a Response could not do without.
  if (out.report.empty())
    if (auto complete = read_complete(payload)) return instead_of(payload, {Errc::malformed, "aTLS response: a complete"});
  return out;
}

Result<AtlsComplete> decode_atls_complete(View payload) {
  TRY(Complete out, read_complete(payload));
  CHECK_OK(check_version(out.version, "aTLS complete"));
  return std::move(out.message);
}

Result<std::uint32_t> parse_atls_header(View header, std::uint32_t max) {
  Reader in(header);
  std::uint32_t length = in.u32be();
  CHECK_OK(in.done("aTLS frame"));
  if (length == 0) return Error{Errc::malformed, "aTLS frame: of no length"};
  if (as_text(header) == "HTTP") return Error{Errc::denied, "aTLS frame: none, the peer answers in plain HTTP and attests nothing"};
  if (length > max)
    return Error{Errc::denied, "aTLS frame: " + std::to_string(length) + " bytes, at most " + std::to_string(max) +
                                   " are taken"};
  return length;
}

Result<Bytes> atls_frame(View payload) {
  if (payload.empty()) return Error{Errc::malformed, "aTLS frame: empty"};
  Writer out;
  out.lv32(payload);
  return std::move(out).finish("aTLS frame");
}

}  // namespace attest::cmc
