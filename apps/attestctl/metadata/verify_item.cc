// attestctl metadata verify: every signature of signed items, by name.
#include "apps/attestctl/commands.h"
#include "apps/attestctl/files.h"
#include "apps/attestctl/metadata/output.h"
#include "apps/attestctl/metadata_store.h"
#include "apps/attestctl/style.h"
#include "evidence/cmc/item.h"
#include "evidence/core/hex.h"

namespace attest::ctl {
namespace {

struct Options {
  std::vector<std::string> files, roots;
  std::string at;
};

Result<TrustStore> roots_of(const Session& session, const Options& options) {
  std::vector<Bytes> roots;
  if (!options.roots.empty()) {
    TRY(roots, read_roots(options.roots));
  } else {
    TRY(MetadataStore store, MetadataStore::open(session.config));
    roots = store.roots();
  }
  return TrustStore::make(roots);
}

Json signature_json(const SignatureOutcome& signature) {
  auto leaf = signature.chain.empty() ? Result<OwnedX509>(Error{Errc::malformed, "no certificate"})
                                      : parse_certificate(signature.chain.front());
  const auto& wrong = signature.signature_error ? signature.signature_error : signature.chain_error;
  return {{"signer", leaf ? common_name(leaf->get()) : ""}, {"good", !wrong}, {"why", wrong ? wrong->what : ""}};
}

// problem_of is what is wrong with an item beside its signatures.
std::string problem_of(View payload, UnixTime when) {
  Result<Metadata> metadata = readable(payload);
  if (!metadata) return metadata.error().what;
  Status valid = check_validity(*metadata, when);
  return valid ? "" : valid.error().what;
}

Result<Json> examine(const std::string& file, const TrustStore& roots, UnixTime when) {
  TRY(Bytes bytes, read_input(file, kMaxMetadataBytes));
  Json out{{"file", file}, {"digest", to_hex(sha256(bytes).view())}, {"signatures", Json::array()}, {"what", ""}};
  Result<Examined> examined = cmc::examine_item(bytes, roots, when);
  if (!examined) {
    out["good"] = false;
    out["problem"] = examined.error().what;
    return out;
  }
  for (const SignatureOutcome& signature : examined->signatures) out["signatures"].push_back(signature_json(signature));
  if (Result<Metadata> metadata = readable(examined->payload)) out["what"] = describe(*metadata);
  out["problem"] = problem_of(examined->payload, when);
  out["good"] = examined->trusted() && out["problem"] == "";
  return out;
}

void tell(const Json& item) {
  bool good = item["good"].get<bool>();
  row(good ? "good" : "refused", item["file"].get<std::string>() + "   " + item["what"].get<std::string>(),
      good ? Tone::good : Tone::bad);
  for (const Json& s : item["signatures"])
    row("signed by", "\"" + s["signer"].get<std::string>() + "\"" + (s["good"].get<bool>() ? "" : ": " + s["why"].get<std::string>()),
        s["good"].get<bool>() ? Tone::plain : Tone::bad);
  if (item["problem"] != "") row("because", item["problem"].get<std::string>(), Tone::bad);
}

Result<Exit> run(const Session& session, const Options& options) {
  UnixTime when = wall_clock_now();
  if (!options.at.empty()) {
    TRY(when, parse_rfc3339(options.at));
  }
  TRY(TrustStore roots, roots_of(session, options));
  Json all = Json::array();
  bool good = true;
  for (const std::string& file : options.files) {
    TRY(Json one, examine(file, roots, when));
    good = good && one["good"].get<bool>();
    if (!session.json) tell(one);
    all.push_back(std::move(one));
  }
  if (session.json) print_json({{"items", all}});
  return good ? Exit::accepted : Exit::refused;
}

}  // namespace

void add_metadata_verify(CLI::App& metadata, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* app = command(metadata, session, "verify", "check every signature of signed items (JWS, COSE_Sign)",
                          [options](Session& s) { return run(s, *options); });
  app->add_option("FILE", options->files, "signed items")->required();
  app->add_option("--root,--roots", options->roots, "root certificate of signers (default: those of cmcd.json)");
  app->add_option("--at", options->at, "judge at this moment, RFC 3339 (default: now)");
}

}  // namespace attest::ctl
