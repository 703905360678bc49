// attestctl metadata convert: an unsigned payload from JSON to CBOR or back.
#include "apps/attestctl/commands.h"
#include "apps/attestctl/files.h"
#include "apps/attestctl/metadata/output.h"
#include "evidence/cmc/item.h"

namespace attest::ctl {
namespace {

struct Options {
  std::string in, out, form;
};

Result<Exit> run(const Session& session, const Options& options) {
  if (options.in.empty()) return usage(session, "metadata convert: which FILE?");
  TRY(Bytes bytes, read_input(options.in));
  if (cmc::unverified_item_payload(bytes))
    return Error{Errc::denied, options.in + ": is signed, and a signature does not survive conversion; convert the payload"};
  TRY(cmc::Metadata payload, cmc::parse_metadata(bytes));
  cmc::Encoding to = options.form == "cbor" ? cmc::Encoding::cbor : cmc::Encoding::json;
  bool lost = to == cmc::Encoding::cbor && (!payload.location.empty() || !payload.omsp_server.empty());
  CHECK_OK(write_output(options.out, shown_bytes(cmc::encode_metadata(payload, to), to)));
  if (lost && !session.json)
    std::fputs("attestctl: note: location and omspServer have no place in CMC's CBOR form and are left out\n", stderr);
  return settle(session, lost);
}

}  // namespace

void add_metadata_convert(CLI::App& metadata, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* app = command(metadata, session, "convert", "write an unsigned payload in the other form",
                          [options](Session& s) { return run(s, *options); });
  app->add_option("FILE,--in", options->in, "payload");
  app->add_option("-o,--out", options->out, "file to write (default: stdout)");
  app->add_option("--outform", options->form, "json or cbor")->required()->check(CLI::IsMember({"json", "cbor"}));
}

}  // namespace attest::ctl
