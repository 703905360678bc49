// attestctl key: TLS keys whose private half stays with the daemon or in the TPM.
#include <cstdio>

#include "apps/attestctl/commands.h"
#include "apps/attestctl/field.h"
#include "apps/attestctl/files.h"
#include "apps/attestctl/machine_cert.h"
#include "apps/attestctl/style.h"
#include "evidence/core/hash.h"
#include "evidence/core/hex.h"
#include "evidence/tpm/tss2_key.h"
#include "evidence/x509/certificate.h"

namespace attest::ctl {
namespace {

constexpr std::size_t kMaxSpki = 4096;
constexpr std::size_t kMaxKeyPem = 8192;

struct Options {
  std::string name, algorithm = "ec-p256", out, usage = "serverAuth", common_name;
  std::vector<std::string> dns_names;
  std::string file, spki;
  std::int64_t days = 365;
  bool tpm = false, replaced = false;
};

std::string where(const Json& key) { return flag_of(key, "in_tpm") ? "in the TPM" : "with the daemon"; }

// standing says what peers will think of a key in the TPM, and whether it is on its way out.
std::string standing(const Json& key) {
  std::string text;
  if (flag_of(key, "in_tpm")) text = flag_of(key, "certified") ? "  certified" : "  not certified: " + text_of(key, "unfit");
  if (!text_of(key, "replaced_by").empty()) text += "  replaced";
  return text;
}

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
        text_of(key, "algorithm") + "  " + where(key) + standing(key) + "  spki " + short_or_whole(hash, session.verbose));
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

// certify has the TPM say what it says in every handshake with this key: for a look, or for others to check.
Result<Exit> certify(const Session& session, const Options& options) {
  Json call = {{"op", "key.certify"}};
  if (options.name.empty() == options.file.empty()) return usage(session, "key certify: a NAME, or --file FILE");
  if (!options.name.empty()) call["name"] = options.name;
  if (!options.file.empty()) {
    TRY(Bytes pem, read_input(options.file, kMaxKeyPem));
    TRY(Bytes der, tss2_key_der(as_text(pem)));
    call["file"] = to_base64(der);
  }
  TRY(Json answer, ask(session, call, "waiting for the TPM"));
  answer.erase("ok");
  if (session.json) return print_json(answer);
  if (!options.out.empty()) CHECK_OK(write_output(options.out, as_view(answer.dump(2) + "\n")));
  row("certified", (options.name.empty() ? options.file : options.name) + "   " + text_of(answer, "algorithm") + ", TPM name " +
                       short_or_whole(text_of(answer, "key_name"), session.verbose));
  row("by", "AK " + short_or_whole(text_of(answer, "ak_name"), session.verbose) +
                "   peers that demand such keys accept it");
  row("says", text_of(answer, "attributes"));
  return Exit::accepted;
}

Result<Exit> renew(const Session& session, const Options& options) {
  TRY(Json answer, ask(session, {{"op", "key.renew"}, {"name", options.name}}, "making the key"));
  if (session.json) return print_json(answer);
  CHECK_OK(write_output(options.out, as_view(text_of(answer, "reference"))));
  if (options.out.empty()) return Exit::accepted;
  row("renewed", options.name + "   the old key serves on as " + text_of(answer, "replaced"));
  row("wrote", options.out + "   give this file to the program with a new certificate, then reload the program");
  row("next", "attestctl key cert " + options.name + " --dns HOST -o " + options.name + ".pem; reload; attestctl key revoke --replaced " +
                  options.name);
  return Exit::accepted;
}

Result<Exit> revoke(const Session& session, const Options& options) {
  if (options.name.empty() == options.spki.empty()) return usage(session, "key revoke: a NAME, or --spki HEX");
  Json call = {{"op", "key.revoke"}};
  if (!options.name.empty()) call.update({{"name", options.name}, {"replaced", options.replaced}});
  if (!options.spki.empty()) call["spki"] = options.spki;
  TRY(Json answer, ask(session, call, "waiting for the daemon"));
  if (session.json) return print_json(answer);
  for (const Json& key : list_of(answer, "revoked"))
    row("revoked", text_of(key, "name") + "   spki " + short_or_whole(text_of(key, "spki_sha256"), session.verbose) +
                       ", also where a copy turns up");
  if (list_of(answer, "revoked").empty()) row("revoked", "nothing: " + options.name + " replaced no key");
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
              const std::shared_ptr<Options>& options, bool named = true) {
  CLI::App* app = command(key, session, name, help, [options, run](Session& s) { return run(s, *options); });
  app->add_option("NAME", options->name, "name of the key")->required(named);
  return app;
}

}  // namespace

void add_life(CLI::App& key, Session& session, const std::shared_ptr<Options>& options) {
  CLI::App* app = add(key, session, "certify", "have the TPM's attestation key certify a key", certify, options, false);
  app->add_option("--file", options->file, "a TSS2 PRIVATE KEY file instead of a key of the daemon");
  app->add_option("-o,--out", options->out, "file for the statement (JSON)");
  app = add(key, session, "renew", "make a new key of this name; the old one serves on until it is revoked", renew, options);
  app->add_option("-o,--out", options->out, "file for the new reference (default: stdout)");
  app = add(key, session, "revoke", "destroy a key, and never use a copy of it again", revoke, options, false);
  app->add_flag("--replaced", options->replaced, "only the keys that this one replaced");
  app->add_option("--spki", options->spki, "SHA-256 of the SPKI of a key the daemon does not hold");
}

void add_key(CLI::App& app_, Session& session) {
  CLI::App* key = group(app_, "key", "TLS keys that stay with the daemon or in the TPM");
  auto options = std::make_shared<Options>();
  CLI::App* app = add(*key, session, "create", "make a key and write the reference programs use in its place",
                      create, options);
  app->add_option("--algorithm", options->algorithm, "ec-p256, ec-p384, rsa-2048 or rsa-3072")
      ->capture_default_str();
  app->add_flag("--tpm", options->tpm, "make it in the TPM, which never gives it out");
  app->add_option("-o,--out", options->out, "file for the reference (default: stdout)");
  add_life(*key, session, options);
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
