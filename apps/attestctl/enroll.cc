// attestctl enroll: how a machine gets its attestation key certified. Request here, certify at the authority,
// finish here; or in one step at the provisioning server of a CMC fleet.
#include <openssl/rand.h>

#include <cstdio>

#include "apps/attestctl/commands.h"
#include "apps/attestctl/field.h"
#include "apps/attestctl/files.h"
#include "apps/attestctl/long_call.h"
#include "apps/attestctl/machine_cert.h"
#include "apps/attestctl/metadata_store.h"
#include "apps/attestctl/style.h"
#include "evidence/core/hex.h"

namespace attest::ctl {
namespace {

Result<Exit> request(const Session& session, const std::string& out, bool new_ak) {
  TRY(Json answer, ask(session, {{"op", "enroll.request"}, {"new_ak", new_ak}}, "waiting for the TPM"));
  answer.erase("ok");
  std::string text = answer.dump(2) + "\n";
  CHECK_OK(write_output(out, as_view(text)));
  if (!out.empty() && !session.json) {
    row("wrote", out + "   AK " + short_or_whole(text_of(answer, "ak_name"), session.verbose) + ", " +
                     std::to_string(list_of(answer, "ek_certs").size()) + " EK certificates");
    row("next", "attestctl ca certify " + out + "   (at the authority)");
  }
  return Exit::accepted;
}

// import_sent imports the metadata that came with the challenge; each item is verified before it is stored.
Result<std::vector<std::string>> import_sent(const Session& session, const Json& challenge) {
  std::vector<std::string> names;
  const Json& items = list_of(challenge, "metadata");
  if (items.empty()) return names;
  TRY(MetadataStore store, MetadataStore::open(session.config));
  for (const Json& item : items) {
    TRY(Bytes bytes, from_base64(item.is_string() ? item.get<std::string>() : "", kMaxInput));
    TRY(StoredItem stored, store.import(bytes));
    names.push_back(stored.name + " " + stored.version);
  }
  return names;
}

Result<Exit> finish(const Session& session, const std::string& in) {
  TRY(Json challenge, read_json(in));
  TRY(Json answer, ask(session,
                       {{"op", "enroll.activate"},
                        {"credential_blob", text_of(challenge, "credential_blob")},
                        {"secret", text_of(challenge, "secret")},
                        {"sealed_chain", text_of(challenge, "sealed_chain")}},
                       "waiting for the TPM"));
  TRY(std::vector<std::string> names, import_sent(session, challenge));
  TRY(std::string cert_path, ensure_machine_cert(session));
  TRY(Json reloaded, ask(session, {{"op", "reload"}}, "waiting for the daemon"));
  if (session.json)
    return print_json(
        {{"ak_name", text_of(answer, "ak_name")}, {"metadata", names}, {"machine_cert", cert_path}});
  row("certified", "AK " + short_or_whole(text_of(answer, "ak_name"), session.verbose) +
                       ": the TPM opened the challenge, so key and certificate belong to it");
  for (const std::string& name : names) row("metadata", name);
  if (!cert_path.empty())
    row("client", cert_path + "   certificate for programs that have none of their own");
  row("next", "attestctl status");
  return Exit::accepted;
}

// fleet: the daemon talks to the server itself, since the key speaks through it.
Result<Exit> fleet(const Session& session) {
  TRY(Json answer, ask_long(session, {{"op", "enroll.fleet"}}, "waiting for the TPM and the provisioning server"));
  TRY(std::string cert_path, ensure_machine_cert(session));
  TRY(Json reloaded, ask(session, {{"op", "reload"}}, "waiting for the daemon"));
  answer.erase("ok");
  answer["machine_cert"] = cert_path;
  if (session.json) return print_json(answer);
  row("certified", "AK " + short_or_whole(text_of(answer, "ak_name"), session.verbose) + " as " + text_of(answer, "subject") + " until " +
                       text_of(answer, "not_after") + "; the key before it is gone");
  if (!cert_path.empty()) row("client", cert_path + "   certificate for programs that have none of their own");
  row("next", "attestctl status; peers that pinned the former key by name need the new one");
  return Exit::accepted;
}

}  // namespace

void add_enroll(CLI::App& app_, Session& session) {
  CLI::App* enroll = group(app_, "enroll", "get this machine's keys certified");
  auto out = std::make_shared<std::string>();
  auto new_ak = std::make_shared<bool>(false);
  CLI::App* app = command(*enroll, session, "request", "write what the authority needs to know of this TPM",
                          [out, new_ak](Session& s) { return request(s, *out, *new_ak); });
  app->add_flag("--new-ak", *new_ak,
                "make a new attestation key; the present one quotes until the new one is certified");
  app->add_option("-o,--out", *out, "file to write (default: stdout)");
  auto in = std::make_shared<std::string>();
  app = command(*enroll, session, "finish",
                "open the authority's challenge in the TPM and store the certificate",
                [in](Session& s) { return finish(s, *in); });
  app->add_option("CHALLENGE", *in, "what attestctl ca certify wrote; - for stdin")->required();
  app = command(*enroll, session, "fleet", "have a new key certified by the provisioning server of a CMC fleet", fleet);
  app->footer("The server is \"endorse\" (or \"enroll\") of \"cmc\" in cmcd.json; see docs/CMC.md.");
  add_enroll_key(*enroll, session);
}

}  // namespace attest::ctl
