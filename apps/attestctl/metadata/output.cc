#include "apps/attestctl/metadata/output.h"

#include "apps/attestctl/files.h"
#include "apps/attestctl/style.h"
#include "evidence/cmc/item.h"
#include "evidence/json/indent.h"
#include "evidence/metadata/payload.h"

namespace attest::ctl {
namespace {

constexpr std::int64_t kDay = 86400, kDays = 365;

Status set_times(const MetaOptions& options, cmc::Metadata& payload) {
  if (!options.version.empty()) payload.version = options.version;
  if (payload.version.empty()) payload.version = format_rfc3339(wall_clock_now());
  TRY(UnixTime version, parse_rfc3339(payload.version));
  bool fresh = !payload.validity;
  cmc::Validity validity = payload.validity.value_or(cmc::Validity{});
  if (!options.not_before.empty()) validity.not_before = options.not_before;
  if (fresh && validity.not_before.empty()) validity.not_before = format_rfc3339(version);
  if (!options.not_after.empty())
    validity.not_after = options.not_after;
  else if (options.days || fresh)
    validity.not_after = format_rfc3339(version + options.days.value_or(kDays) * kDay);
  payload.validity = validity;
  return ok();
}

}  // namespace

void add_output(CLI::App& app, OutputOptions& options) {
  app.add_option("-o,--out", options.out, "file to write (default: stdout)");
  app.add_option("--format", options.format, "json or cbor")->capture_default_str()->check(CLI::IsMember({"json", "cbor"}));
}

void add_signed_output(CLI::App& app, OutputOptions& options) {
  add_output(app, options);
  app.add_flag("--sign", options.sign, "sign it at once: JSON as JWS, CBOR as COSE_Sign");
  add_signers(app, options.signers);
}

void add_meta(CLI::App& app, MetaOptions& options) {
  app.add_option("--in", options.in, "payload to start from, JSON or CBOR");
  app.add_option("--name", options.name, "its name");
  app.add_option("--description", options.description, "a sentence for people");
  app.add_option("--version", options.version, "its moment, RFC 3339 (default: now)");
  app.add_option("--not-before", options.not_before, "when it begins to hold, RFC 3339 (default: its version)");
  app.add_option("--not-after", options.not_after, "when it ends, RFC 3339");
  app.add_option("--days", options.days, "or how long after its version (default: 365)")->check(CLI::Range(1, 36500));
}

Result<cmc::Metadata> base_of(const MetaOptions& options, std::string_view type) {
  cmc::Metadata payload;
  if (!options.in.empty()) {
    TRY(Bytes bytes, read_input(options.in));
    TRY(payload, cmc::parse_metadata(bytes));
    if (payload.type != type)
      return Error{Errc::mismatch, options.in + ": is of type \"" + payload.type + "\", not \"" + std::string(type) + "\""};
  }
  payload.type = type;
  if (!options.name.empty()) payload.name = options.name;
  if (!options.description.empty()) payload.description = options.description;
  CHECK_OK(set_times(options, payload));
  return payload;
}

Bytes shown_bytes(Bytes encoded, cmc::Encoding encoding) {
  if (encoding == cmc::Encoding::cbor) return encoded;
  return to_bytes(as_view(json_indent(as_text(encoded))));
}

Result<Metadata> readable(View payload) {
  TRY(Bytes json, cmc::json_payload(payload));
  return parse_payload(json);
}

Result<Exit> put(const Session& session, const OutputOptions& options, const cmc::Metadata& payload, const std::string& content) {
  Bytes bytes = shown_bytes(cmc::encode_metadata(payload, options.encoding()), options.encoding());
  TRY(Metadata metadata, readable(bytes));
  if (options.sign) {
    TRY(Signers signers, Signers::read(options.signers));
    TRY(bytes, cmc::sign_item(bytes, signers.lend()));
  } else if (options.signers.any()) {
    return usage(session, "metadata create: signers are given, but not --sign");
  }
  CHECK_OK(write_output(options.out, bytes));
  if (options.out.empty() || options.out == "-") return Exit::accepted;
  if (session.json)
    return print_json({{"file", options.out},
                       {"name", metadata.name},
                       {"version", metadata.version},
                       {"signed", options.sign},
                       {"references", metadata.manifest.references.size()}});
  row("wrote", options.out + "   " + describe(metadata) + ", " + content + (options.sign ? ", signed" : ", not signed yet"));
  if (!options.sign) row("next", "attestctl metadata sign " + options.out + " --ca DIR");
  return Exit::accepted;
}

}  // namespace attest::ctl
