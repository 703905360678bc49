// attestctl metadata sign: put one or more signers' names under payloads.
#include <filesystem>

#include "apps/attestctl/commands.h"
#include "apps/attestctl/files.h"
#include "apps/attestctl/metadata/output.h"
#include "apps/attestctl/style.h"
#include "evidence/cmc/item.h"

namespace attest::ctl {
namespace {

struct Options {
  std::vector<std::string> files;
  std::string out;
  SignerOptions signers;
};

// payload_of reads a payload, or the payload inside an item that is signed already.
Result<Bytes> payload_of(const std::string& path) {
  TRY(Bytes bytes, read_input(path, kMaxMetadataBytes));
  Result<Bytes> inner = cmc::unverified_item_payload(bytes);
  return inner ? inner : Result<Bytes>(std::move(bytes));
}

// words names a payload. Revocation answers are signed too, though no machine takes them as metadata of its own.
Result<std::string> words(View payload) {
  TRY(cmc::Metadata any, cmc::parse_metadata(payload));
  if (any.type == cmc::kOmspResponse) return "revocation answer of " + any.server + " " + any.produced_at;
  TRY(Metadata metadata, readable(payload));
  return describe(metadata);
}

// target: "os.json" becomes "os.signed.json" in the same folder.
std::string target(const Options& options, const std::string& file) {
  if (!options.out.empty()) return options.out;
  std::filesystem::path path(file);
  std::string extension = path.extension() == ".cbor" ? ".cbor" : ".json";
  return (path.parent_path() / (path.stem().string() + ".signed" + extension)).string();
}

Result<Json> sign_one(const Options& options, const Signers& signers, const std::string& file) {
  TRY(Bytes payload, payload_of(file));
  auto named = words(payload);
  if (!named) return Error{named.error().code, file + ": " + named.error().what};
  std::string what = *std::move(named);
  TRY(Bytes item, cmc::sign_item(payload, signers.lend()));
  CHECK_OK(write_output(target(options, file), item));
  return Json{{"file", target(options, file)}, {"what", what}};
}

Result<Exit> run(const Session& session, const Options& options) {
  if (options.files.empty()) return usage(session, "metadata sign: which FILE?");
  if (!options.out.empty() && options.files.size() > 1) return usage(session, "metadata sign: --out takes one file");
  Result<Signers> signers = Signers::read(options.signers);
  if (!signers && signers.error().code == Errc::denied) return usage(session, "metadata sign: " + signers.error().what);
  if (!signers) return signers.error();
  Json done = Json::array();
  for (const std::string& file : options.files) {
    TRY(Json one, sign_one(options, *signers, file));
    if (!session.json) row("signed", one["file"].get<std::string>() + "   " + one["what"].get<std::string>());
    done.push_back(std::move(one));
  }
  if (session.json) return print_json({{"signed", done}, {"signer", signers->names()}});
  row("by", signers->names());
  return Exit::accepted;
}

}  // namespace

void add_metadata_sign(CLI::App& metadata, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* app = command(metadata, session, "sign", "sign payloads: JSON as JWS, CBOR as COSE_Sign",
                          [options](Session& s) { return run(s, *options); });
  app->add_option("FILE,--in", options->files, "payloads");
  app->add_option("-o,--out", options->out, "file to write (default: NAME.signed.json or .cbor beside it)");
  add_signers(*app, options->signers);
}

}  // namespace attest::ctl
