// attestctl metadata sign: put a signer's name under payloads.
#include <filesystem>

#include "apps/attestctl/authority.h"
#include "apps/attestctl/commands.h"
#include "apps/attestctl/files.h"
#include "apps/attestctl/style.h"
#include "evidence/metadata/jws.h"
#include "evidence/metadata/payload.h"

namespace attest::ctl {
namespace {

struct Options {
  std::vector<std::string> files;
  std::string ca, cert, key, out;
};

// payload_of reads a payload, or the payload inside an item that is signed already.
Result<Bytes> payload_of(const std::string& path) {
  TRY(Bytes bytes, read_input(path, kMaxMetadataBytes));
  if (parse_payload(bytes)) return bytes;
  Result<Bytes> inner = unverified_payload(bytes);
  return inner ? *std::move(inner) : bytes;
}

// target: "os.json" becomes "os.signed.json" in the same folder.
std::string target(const Options& options, const std::string& file) {
  if (!options.out.empty()) return options.out;
  std::filesystem::path path(file);
  return (path.parent_path() / (path.stem().string() + ".signed.json")).string();
}

Result<Json> sign_one(const Options& options, const Identity& signer, const std::string& file) {
  TRY(Bytes payload, payload_of(file));
  TRY(Metadata metadata, parse_payload(payload));
  JwsSigner by{signer.key.get(), signer.chain};
  TRY(std::string item, sign_jws(payload, {&by, 1}));
  CHECK_OK(write_output(target(options, file), as_view(item)));
  return Json{{"file", target(options, file)}, {"what", describe(metadata)}};
}

Result<Exit> run(const Session& session, const Options& options) {
  if (options.ca.empty() == (options.cert.empty() || options.key.empty()))
    return usage(session, "metadata sign: give either --ca DIR, or --signer CERT and --signer-key KEY");
  if (!options.out.empty() && options.files.size() > 1)
    return usage(session, "metadata sign: --out takes one file");
  TRY(Identity signer, options.ca.empty()
                           ? read_identity(options.cert, options.key)
                           : read_identity(options.ca + "/" + kSignerCert, options.ca + "/" + kSignerKey));
  Json done = Json::array();
  for (const std::string& file : options.files) {
    TRY(Json one, sign_one(options, signer, file));
    if (!session.json) row("signed", one["file"].get<std::string>() + "   " + one["what"].get<std::string>());
    done.push_back(std::move(one));
  }
  if (session.json) return print_json({{"signed", done}, {"signer", common_name(signer.cert.get())}});
  row("by", "\"" + common_name(signer.cert.get()) + "\"");
  return Exit::accepted;
}

}  // namespace

void add_metadata_sign(CLI::App& metadata, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* app = command(metadata, session, "sign", "sign manifests and image descriptions (JWS)",
                          [options](Session& s) { return run(s, *options); });
  app->add_option("FILE", options->files, "payloads")->required();
  app->add_option("--ca", options->ca, "the authority's folder: its metadata signer signs");
  app->add_option("--signer", options->cert, "the signer's certificate chain, PEM");
  app->add_option("--signer-key", options->key, "the signer's key, PEM");
  app->add_option("-o,--out", options->out, "file to write (default: NAME.signed.json beside it)");
}

}  // namespace attest::ctl
