// attestctl key: TLS keys whose private half stays with the daemon or in the TPM.
#include <cstdio>

#include "apps/attestctl/commands.h"
#include "apps/attestctl/field.h"
#include "apps/attestctl/files.h"
#include "apps/attestctl/machine_cert.h"
#include "apps/attestctl/style.h"
#include "evidence/core/hash.h"
#include "evidence/core/hex.h"
#include "evidence/x509/certificate.h"

namespace attest::ctl {
namespace {

constexpr std::size_t kMaxSpki = 4096;

struct Options {
  std::string name, algorithm = "ec-p256", out, usage = "serverAuth", common_name;
  std::vector<std::string> dns_names;
  std::int64_t days = 365;
  bool tpm = false;
};

std::string where(const Json& key) { return flag_of(key, "in_tpm") ? "in the TPM" : "with the daemon"; }

Result<std::string> spki_hash(const Json& key) {
  TRY(Bytes spki, from_base64(text_of(key, "spki"), kMaxSpki));
  return to_hex(sha256(spki).view());
}

Result<Exit> create(const Session& session, const Options& options) {
  Json call = {
      {"op", "key.create"}, {"name", options.name}, {"algorithm", options.algorithm}, {"tpm", options.tpm}};
  TRY(Json answer, ask(session, call, "making the key"));
  std::string reference = text_of(answer, "reference");
  if (session.json) return print_json(answer);
  CHECK_OK(write_output(options.out, as_view(reference)));
  if (options.out.empty()) return Exit::accepted;
  row("made", options.name + "   " + text_of(answer, "algorithm") + ", " + where(answer));
  row("wrote", options.out + "   give this file to a program as its private key; it holds no secret");
  row("next", "attestctl key cert " + options.name + " --dns HOST -o " + options.name + ".pem");
  return Exit::accepted;
}

Result<Exit> list(const Session& session) {
  TRY(Json answer, ask(session, {{"op", "key.list"}}, "waiting for the daemon"));
  if (session.json) return print_json(answer);
  for (const Json& key : list_of(answer, "keys")) {
    TRY(std::string hash, spki_hash(key));
    row(text_of(key, "name"),
        text_of(key, "algorithm") + "  " + where(key) + "  spki " + short_or_whole(hash, session.verbose));
  }
  if (list_of(answer, "keys").empty()) std::printf("no keys; make one with attestctl key create NAME\n");
  return Exit::accepted;
}

Result<Json> find(const Session& session, const std::string& name) {
  TRY(Json answer, ask(session, {{"op", "key.list"}}, "waiting for the daemon"));
  for (const Json& key : list_of(answer, "keys"))
    if (text_of(key, "name") == name) return key;
  return Error{Errc::mismatch, "the daemon holds no key \"" + name + "\" (attestctl key list)"};
}

Result<Exit> show(const Session& session, const Options& options) {
  TRY(Json key, find(session, options.name));
  if (session.json) return print_json(key);
  CHECK_OK(write_output(options.out, as_view(text_of(key, "reference"))));
  return Exit::accepted;
}

Result<Exit> cert(const Session& session, const Options& options) {
  TRY(Json key, find(session, options.name));
  TRY(Bytes spki, from_base64(text_of(key, "spki"), kMaxSpki));
  std::string subject = options.common_name;
  if (subject.empty()) subject = options.dns_names.empty() ? options.name : options.dns_names.front();
  TRY(std::string pem, certify_spki(spki, {subject, options.days, false, options.usage, options.dns_names}));
  if (session.json) return print_json({{"name", options.name}, {"certificate", pem}});
  CHECK_OK(write_output(options.out, as_view(pem)));
  return Exit::accepted;
}

Result<Exit> remove(const Session& session, const Options& options) {
  TRY(Json answer, ask(session, {{"op", "key.remove"}, {"name", options.name}}, "waiting for the daemon"));
  if (session.json) return print_json(answer);
  row("removed", options.name);
  return Exit::accepted;
}

using KeyRun = Result<Exit> (*)(const Session&, const Options&);

CLI::App* add(CLI::App& key, Session& session, const char* name, const char* help, KeyRun run,
              const std::shared_ptr<Options>& options) {
  CLI::App* app = command(key, session, name, help, [options, run](Session& s) { return run(s, *options); });
  app->add_option("NAME", options->name, "name of the key")->required();
  return app;
}

}  // namespace

void add_key(CLI::App& app_, Session& session) {
  CLI::App* key = group(app_, "key", "TLS keys that stay with the daemon or in the TPM");
  auto options = std::make_shared<Options>();
  CLI::App* app = add(*key, session, "create", "make a key and write the reference programs use in its place",
                      create, options);
  app->add_option("--algorithm", options->algorithm, "ec-p256, ec-p384, rsa-2048 or rsa-3072")
      ->capture_default_str();
  app->add_flag("--tpm", options->tpm, "make it in the TPM, which never gives it out");
  app->add_option("-o,--out", options->out, "file for the reference (default: stdout)");
  command(*key, session, "list", "name the keys", [](Session& s) { return list(s); });
  app = add(*key, session, "show", "write a key's reference again", show, options);
  app->add_option("-o,--out", options->out, "file for the reference (default: stdout)");
  app = add(*key, session, "cert",
            "make a certificate for a key: these keys sign handshakes only, no requests", cert, options);
  app->add_option("--dns", options->dns_names, "DNS name for the certificate (may be repeated)");
  app->add_option("--cn", options->common_name, "subject name (default: the first DNS name)");
  app->add_option("--usage", options->usage, "serverAuth or clientAuth")
      ->capture_default_str()
      ->check(CLI::IsMember({"serverAuth", "clientAuth"}));
  app->add_option("--days", options->days, "validity")->capture_default_str()->check(CLI::Range(1, 36500));
  app->add_option("-o,--out", options->out, "file for the certificate (default: stdout)");
  add(*key, session, "remove", "destroy a key", remove, options);
}

}  // namespace attest::ctl
