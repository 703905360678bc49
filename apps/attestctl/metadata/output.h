// output.h: what the commands that write metadata share: where it goes, in which form, signed or not.
#pragma once
#include "apps/attestctl/metadata/signers.h"
#include "apps/attestctl/session.h"
#include "evidence/cmc/metadata.h"
#include "evidence/metadata/metadata.h"

namespace attest::ctl {

struct OutputOptions {
  std::string out, format = "json";
  bool sign = false;
  SignerOptions signers;
  cmc::Encoding encoding() const { return format == "cbor" ? cmc::Encoding::cbor : cmc::Encoding::json; }
};

void add_output(CLI::App& app, OutputOptions& options);
void add_signed_output(CLI::App& app, OutputOptions& options);

// MetaOptions are the members every payload has. What is not given stays as --in has it, or gets a default.
struct MetaOptions {
  std::string in, name, version, description, not_before, not_after;
  std::optional<std::int64_t> days;
};
void add_meta(CLI::App& app, MetaOptions& options);
// base_of reads --in, or makes an empty payload of a type, and fills in the members of MetaOptions: without a version the
// present moment, without an end `days` (365) after the version.
Result<cmc::Metadata> base_of(const MetaOptions& options, std::string_view type);

// shown_bytes is JSON over several lines, CBOR as it is.
Bytes shown_bytes(Bytes encoded, cmc::Encoding encoding);

// readable is the payload as this project's own verifiers read it: no payload is written that they would refuse.
Result<Metadata> readable(View payload);

// put writes the payload, signed where that is wanted, and says so; `content` is a few words on it for people.
Result<Exit> put(const Session& session, const OutputOptions& options, const cmc::Metadata& payload, const std::string& content);

}  // namespace attest::ctl
