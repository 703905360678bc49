// attestctl reference ima: a file tree (or a list) as IMA will measure it.
#include "apps/attestctl/artefacts/ima_facts.h"
#include "apps/attestctl/files.h"
#include "apps/attestctl/file_tree.h"
#include "apps/attestctl/reference.h"
#include "evidence/core/hex.h"
#include "evidence/logs/log_references.h"

namespace attest::ctl {
namespace {

struct Options {
  std::string tree, list, template_name = "ima-ng", hash = "sha256", strip, prepend, aggregate, event_log, out;
  std::vector<std::string> exclude;
};

bool starts_path(const std::string& path, const std::string& prefix) {
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/' || prefix.back() == '/');
}

// name_of is the path as the kernel of the measured machine will see it.
std::string name_of(const Options& options, std::string path) {
  if (!options.strip.empty() && starts_path(path, options.strip)) path.erase(0, options.strip.size());
  return options.prepend + path;
}

bool excluded(const Options& options, const std::string& name) {
  return std::ranges::any_of(options.exclude, [&](const std::string& p) { return matches_pattern(p, name); });
}

// The first entry of every list is no file; it is mandatory.
Result<std::optional<ReferenceValue>> aggregate_of(const Options& options, HashAlg alg) {
  ImaFile file{"boot_aggregate", alg, {}, {}};
  if (!options.aggregate.empty()) {
    TRY(Bytes given, from_hex(options.aggregate, 64));
    if (given.size() != digest_size(alg)) return Error{Errc::malformed, "--boot-aggregate is not of the hash named"};
    file.digest = Digest::of(given);
  } else if (!options.event_log.empty()) {
    TRY(Bytes bytes, read_input(options.event_log));
    TRY(TcgEventLog log, parse_tcg_event_log(bytes, TcgLogEnd::padded));
    TRY(std::vector<BankValues> banks, replay_banks(log));
    for (const BankValues& bank : banks)  // sha1 (template "ima" and TPM 1.2) is over eight registers
      if (bank.alg == static_cast<std::uint16_t>(alg)) file.digest = boot_aggregate(bank, alg == HashAlg::sha1 ? 8 : 10, alg);
    if (file.digest.empty()) return Error{Errc::unsupported, "the event log has no bank of the hash named"};
  } else {
    return std::optional<ReferenceValue>();
  }
  TRY(ReferenceValue value, ima_file_reference(options.template_name, file));
  value.optional = false;
  return std::optional(std::move(value));
}

Result<std::vector<ReferenceValue>> of_tree(const Options& options, HashAlg alg) {
  std::vector<ReferenceValue> out;
  TRY(std::optional<ReferenceValue> first, aggregate_of(options, alg));
  if (first) out.push_back(*std::move(first));
  TRY(std::vector<TreeFile> files, files_of(options.tree));
  for (const TreeFile& file : files) {
    ImaFile entry{name_of(options, file.name), alg, {}, {}};
    if (excluded(options, entry.name)) continue;
    TRY(entry.digest, hash_file(file.path, alg));
    entry.signature = ima_signature_of(file.path);
    TRY(ReferenceValue value, ima_file_reference(options.template_name, entry));
    out.push_back(std::move(value));
  }
  return out;
}

Result<std::vector<ReferenceValue>> of_list(const std::string& path) {
  TRY(Bytes bytes, read_input(path, kMaxImaList));
  TRY(ReadImaList read, read_ima(bytes));
  return ima_references(read.list);
}

Result<Exit> run(const Session& session, const Options& options) {
  if (options.tree.empty() == options.list.empty())
    return usage(session, "reference ima: give either a folder or --list FILE");
  auto alg = hash_alg_from_name(options.hash);
  if (!alg) return usage(session, "reference ima: unknown hash \"" + options.hash + "\"");
  auto values = options.list.empty() ? of_tree(options, *alg) : of_list(options.list);
  if (!values) return std::move(values).error();
  return write_references(*values, options.out);
}

}  // namespace

void add_reference_ima(CLI::App& reference, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* app = command(reference, session, "ima", "every regular file of a tree as IMA will measure it, or a list",
                          [options](Session& s) { return run(s, *options); });
  app->add_option("TREE", options->tree, "folder that holds the machine's root file system");
  app->add_option("--list", options->list, "an IMA list instead, binary or text");
  app->add_option("--template", options->template_name, "the kernel's ima_template")
      ->capture_default_str()
      ->check(CLI::IsMember({"ima", "ima-ng", "ima-ngv2", "ima-sig"}));
  app->add_option("--hash", options->hash, "the kernel's ima_hash")->capture_default_str();
  app->add_option("--strip", options->strip, "take this folder away from the front of names");
  app->add_option("--prepend", options->prepend, "put this in front of names");
  app->add_option("--exclude", options->exclude, "pattern of names to leave out, * and ? (may be repeated)");
  app->add_option("--boot-aggregate", options->aggregate, "digest of the first entry, boot_aggregate");
  app->add_option("--eventlog", options->event_log, "firmware log to compute boot_aggregate from");
  app->add_option("-o,--out", options->out, "file to write (default: stdout)");
}

}  // namespace attest::ctl
