// attestctl metadata show: what a signed item or a payload says, and who stands behind it.
#include <cstdio>
#include <map>

#include "apps/attestctl/commands.h"
#include "apps/attestctl/files.h"
#include "apps/attestctl/metadata/output.h"
#include "apps/attestctl/metadata_store.h"
#include "apps/attestctl/style.h"
#include "evidence/cmc/item.h"
#include "evidence/core/hex.h"
#include "evidence/x509/certificate.h"

namespace attest::ctl {
namespace {

struct Options {
  std::string file;
  std::vector<std::string> roots;
  bool references = false;
};

// Trust is what can be said of an item's signature.
struct Trust {
  enum class Kind { unsigned_payload, not_checked, good, bad } kind = Kind::not_checked;
  std::string text;
};

struct Shown {
  Metadata metadata;
  Digest digest;
  Trust trust;
};

Result<std::vector<Bytes>> signer_roots(const Session& session, const Options& options) {
  if (!options.roots.empty()) return read_roots(options.roots);
  Result<MetadataStore> store = MetadataStore::open(session.config);
  return store ? store->roots() : std::vector<Bytes>{};
}

Result<Shown> look(const Session& session, const Options& options) {
  TRY(Bytes bytes, read_input(options.file, kMaxMetadataBytes));
  Result<Bytes> payload = cmc::unverified_item_payload(bytes);
  if (!payload) {
    TRY(Metadata plain, readable(bytes));
    return Shown{std::move(plain), sha256(bytes), {Trust::Kind::unsigned_payload, "not signed"}};
  }
  TRY(Metadata metadata, readable(*payload));
  Shown shown{
      std::move(metadata), sha256(bytes), {Trust::Kind::not_checked, "not checked: no roots (--root FILE)"}};
  TRY(std::vector<Bytes> roots, signer_roots(session, options));
  if (roots.empty()) return shown;
  Result<MetadataItem> verified = verify_metadata(bytes, roots, wall_clock_now());
  if (!verified)
    shown.trust = {Trust::Kind::bad, verified.error().what};
  else
    shown.trust = {Trust::Kind::good, "good, by \"" + verified->metadata->signer + "\""};
  return shown;
}

std::string contents(const Metadata& metadata) {
  if (metadata.type == MetadataType::image_description) {
    std::string text = "manifests";
    for (const std::string& name : metadata.image.manifests) text += " " + name;
    return text;
  }
  std::map<std::uint32_t, std::size_t> per_pcr;
  for (std::uint32_t at : metadata.manifest.tpm) per_pcr[metadata.manifest.references[at].reg]++;
  std::string text = thousands(metadata.manifest.references.size()) + " reference values";
  text += metadata.manifest.log_ordered ? ", in log order" : "";
  if (!per_pcr.empty()) text += "; PCR";
  for (const auto& [pcr, count] : per_pcr) text += " " + std::to_string(pcr) + ":" + std::to_string(count);
  return text;
}

std::string reference_text(const ReferenceValue& value, bool verbose) {
  std::string text =
      "PCR " + std::to_string(value.reg) + "  " + value.name + (value.optional ? "  (optional)" : "");
  for (const auto& [alg, digest] : value.hashes)
    if (verbose || alg == HashAlg::sha256)
      text += std::string("  ") + hash_alg_name(alg) + " " + short_or_whole(to_hex(digest.view()), verbose);
  return text;
}

Exit exit_of(const Session& session, const Shown& shown, UnixTime now) {
  if (shown.trust.kind == Trust::Kind::bad) return Exit::refused;
  return settle(session, !check_validity(shown.metadata, now) || shown.trust.kind != Trust::Kind::good);
}

Result<Exit> run(const Session& session, const Options& options) {
  TRY(Shown shown, look(session, options));
  const Metadata& metadata = shown.metadata;
  UnixTime now = wall_clock_now();
  Exit exit = exit_of(session, shown, now);
  if (session.json) {
    print_json({{"type", metadata_type_name(metadata.type)},
                {"name", metadata.name},
                {"version", metadata.version},
                {"not_before", format_rfc3339(metadata.not_before)},
                {"not_after", format_rfc3339(metadata.not_after)},
                {"digest", to_hex(shown.digest.view())},
                {"signature", shown.trust.text},
                {"trusted", shown.trust.kind == Trust::Kind::good},
                {"contents", contents(metadata)}});
    return exit;
  }
  row(type_text(metadata.type), "\"" + metadata.name + "\" " + metadata.version);
  if (!metadata.description.empty()) row("", metadata.description);
  row("signature", shown.trust.text, shown.trust.kind == Trust::Kind::bad ? Tone::bad : Tone::bold);
  Status valid = check_validity(metadata, now);
  row("valid", format_rfc3339(metadata.not_before).substr(0, 10) + " to " +
                   format_rfc3339(metadata.not_after).substr(0, 10));
  if (!valid) row("warning", valid.error().what, Tone::warn);
  row("contains", contents(metadata));
  row("digest", short_or_whole(to_hex(shown.digest.view()), session.verbose));
  if (options.references)
    for (std::size_t i = 0; i < metadata.manifest.references.size(); i++)
      row(std::to_string(i), reference_text(metadata.manifest.references[i], session.verbose), Tone::dim);
  return exit;
}

}  // namespace

void add_metadata_show(CLI::App& metadata, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* app = command(metadata, session, "show", "say what an item contains and who signed it",
                          [options](Session& s) { return run(s, *options); });
  app->add_option("FILE", options->file, "signed item or payload")->required();
  app->add_option("--root", options->roots, "root certificate of signers (default: those of cmcd.json)");
  app->add_flag("--references", options->references, "list every reference value");
}

}  // namespace attest::ctl
