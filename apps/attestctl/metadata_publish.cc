// attestctl metadata publish: sign the list of what is current. attestctl metadata follow: from which list on this machine
// believes.
#include "apps/attestctl/metadata_publish.h"

#include "apps/attestctl/authority.h"
#include "apps/attestctl/field.h"
#include "apps/attestctl/files.h"
#include "apps/attestctl/style.h"
#include "evidence/metadata/jws.h"
#include "evidence/metadata/payload.h"
#include "evidence/metadata/set_list.h"

namespace attest::ctl {
namespace {

constexpr UnixTime kDay = 86400;

struct Options {
  std::string name, previous, keep_until, ca, cert, key, passphrase_file, out;
  std::vector<std::string> files;
  std::uint64_t sequence = 0;
  std::int64_t days = 90;
};

// entry_of reads who an item says it is; its signature is the business of the machines that import it.
Result<SetEntry> entry_of(const std::string& file) {
  TRY(Bytes bytes, read_input(file, kMaxMetadataBytes));
  auto payload = unverified_payload(bytes);
  if (!payload) return Error{payload.error().code, file + ": not a signed item (attestctl metadata sign): " + payload.error().what};
  auto metadata = parse_payload(*payload);
  if (!metadata) return Error{metadata.error().code, file + ": " + metadata.error().what};
  return SetEntry{metadata->type, metadata->name, sha256(View(bytes)), std::nullopt};
}

Result<SetList> previous_list(const std::string& file) {
  TRY(Bytes bytes, read_input(file, kMaxMetadataBytes));
  TRY(Bytes payload, unverified_payload(bytes));
  return parse_set_list(payload);
}

Result<std::optional<UnixTime>> end_of(const std::string& day) {
  if (day.empty()) return std::optional<UnixTime>();
  TRY(UnixTime end, parse_rfc3339(day.size() == 10 ? day + "T23:59:59Z" : day));
  if (end <= wall_clock_now()) return Error{Errc::denied, "--keep-old-until " + day + " has passed already"};
  return std::optional(end);
}

Result<SetList> make_list(const Options& options) {
  SetList list;
  UnixTime now = wall_clock_now();
  list.name = options.name;
  list.sequence = options.sequence;
  list.version_time = list.not_before = now;
  list.version = format_rfc3339(now);
  list.not_after = now + options.days * kDay;
  for (const std::string& file : options.files) {
    TRY(SetEntry entry, entry_of(file));
    list.entries.push_back(std::move(entry));
  }
  if (options.previous.empty()) {
    if (list.sequence == 0) list.sequence = 1;
    return list;
  }
  TRY(SetList old, previous_list(options.previous));
  if (list.name.empty()) list.name = old.name;
  if (list.name != old.name) return Error{Errc::mismatch, options.previous + " is of another name: \"" + old.name + "\""};
  if (list.sequence == 0) list.sequence = old.sequence + 1;
  if (list.sequence <= old.sequence)
    return Error{Errc::denied, "the sequence must rise: the previous list is number " + std::to_string(old.sequence)};
  TRY(auto until, end_of(options.keep_until));
  carry_over(old, until, now, list);
  return list;
}

Result<Exit> publish(const Session& session, const Options& options) {
  if (options.ca.empty() == (options.cert.empty() || options.key.empty()))
    return usage(session, "metadata publish: give either --ca DIR, or --signer CERT and --signer-key KEY");
  if (options.name.empty() && options.previous.empty())
    return usage(session, "metadata publish: give --name for the first list, --previous for every further one");
  TRY(Identity signer, options.ca.empty() ? read_identity(options.cert, options.key, options.passphrase_file)
                                          : read_identity(options.ca + "/" + kSignerCert, options.ca + "/" + kSignerKey,
                                                          options.passphrase_file));
  TRY(SetList list, make_list(options));
  TRY(std::string payload, write_set_list(list));
  JwsSigner by{signer.key.get(), signer.chain};
  TRY(std::string item, sign_jws(as_view(payload), {&by, 1}));
  std::string out = options.out.empty() ? list.name + "-" + std::to_string(list.sequence) + ".list" : options.out;
  CHECK_OK(write_output(out, as_view(item)));
  if (session.json)
    return print_json({{"file", out}, {"name", list.name}, {"sequence", list.sequence}, {"items", list.entries.size()}});
  row("published", out + "   " + describe(list) + ", " + std::to_string(list.entries.size()) + " items, valid until " +
                       format_rfc3339(list.not_after).substr(0, 10));
  for (const SetEntry& entry : list.entries)
    row("", std::string(metadata_type_name(entry.type)) + " " + entry.name +
                (entry.until ? "   the old one, until " + format_rfc3339(*entry.until).substr(0, 10) : ""));
  row("next", "attestctl metadata import " + out + " and the items on every machine");
  return Exit::accepted;
}

Result<Exit> follow(const Session& session, const std::string& name, std::uint64_t sequence) {
  TRY(Json answer, ask(session, {{"op", "metadata.follow"}, {"name", name}, {"sequence", sequence}}, "waiting for the daemon"));
  if (session.json) return print_json(answer);
  row("follows", "set list \"" + name + "\" from number " + std::to_string(sequence) + " on");
  row("next", "attestctl status says which one is in force");
  return Exit::accepted;
}

}  // namespace

void add_metadata_publish(CLI::App& metadata, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* app = command(metadata, session, "publish", "sign the list of the items that are current",
                          [options](Session& s) { return publish(s, *options); });
  app->add_option("FILE", options->files, "signed items that are current from now on");
  app->add_option("--name", options->name, "the list's name (default: that of --previous)");
  app->add_option("--previous", options->previous, "the list before this one: what is not replaced stays");
  app->add_option("--keep-old-until", options->keep_until, "replaced items count beside the new ones until then, 2026-12-01");
  app->add_option("--sequence", options->sequence, "number of this list (default: one more than --previous)");
  app->add_option("--days", options->days, "how long it is valid")->capture_default_str()->check(CLI::Range(1, 3650));
  app->add_option("--ca", options->ca, "the authority's folder: its metadata signer signs");
  app->add_option("--signer", options->cert, "the signer's certificate chain, PEM");
  app->add_option("--signer-key", options->key, "the signer's key, PEM");
  app->add_option("--passphrase-file", options->passphrase_file, "file with the passphrase of the signing key, where it has one");
  app->add_option("-o,--out", options->out, "file to write (default: NAME-SEQUENCE.list)");
}

void add_metadata_follow(CLI::App& metadata, Session& session) {
  auto name = std::make_shared<std::string>();
  auto sequence = std::make_shared<std::uint64_t>(1);
  CLI::App* app = command(metadata, session, "follow", "say from which set list on this machine believes (also after a lost memory)",
                          [name, sequence](Session& s) { return follow(s, *name, *sequence); });
  app->add_option("NAME", *name, "the list's name, as metadata.set_list in cmcd.json")->required();
  app->add_option("--sequence", *sequence, "no list below this number: ask whoever publishes it")->required();
}

}  // namespace attest::ctl
