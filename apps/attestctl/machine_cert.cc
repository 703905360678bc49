#include "apps/attestctl/machine_cert.h"

#include <unistd.h>

#include <filesystem>

#include "apps/attestctl/daemon_config.h"
#include "apps/attestctl/field.h"
#include "apps/attestctl/files.h"
#include "evidence/core/hex.h"
#include "evidence/x509/certificate.h"

namespace attest::ctl {
namespace {

constexpr std::size_t kMaxSpki = 4096;

std::string host_name() {
  std::array<char, 65> name{};
  return gethostname(name.data(), name.size() - 1) == 0 && name[0] ? name.data() : "machine";
}

// key_of finds a key of the daemon or has it made.
Result<Bytes> key_of(const Session& session, const std::string& name) {
  TRY(Json answer, ask(session, {{"op", "key.list"}}, "waiting for the daemon"));
  for (const Json& key : list_of(answer, "keys"))
    if (text_of(key, "name") == name) return from_base64(text_of(key, "spki"), kMaxSpki);
  Json call = {{"op", "key.create"}, {"name", name}, {"algorithm", "ec-p256"}, {"tpm", false}};
  TRY(Json made, ask(session, call, "waiting for the daemon"));
  return from_base64(text_of(made, "spki"), kMaxSpki);
}

}  // namespace

Result<std::string> certify_spki(View spki_der, const CertProfile& profile) {
  TRY(OwnedPkey subject, parse_spki(spki_der));
  TRY(OwnedPkey once, new_key("ec-p256"));
  TRY(Bytes issuer_der, issue({"made once for " + profile.common_name, profile.days, true, "", {}},
                              once.get(), nullptr, once.get()));
  TRY(OwnedX509 issuer, parse_certificate(issuer_der));
  TRY(Bytes der, issue(profile, subject.get(), issuer.get(), once.get()));
  return certificates_to_pem({der});
}

Result<std::string> ensure_machine_cert(const Session& session) {
  TRY(DaemonConfig config, read_daemon_config(session.config));
  std::error_code failed;
  if (config.machine_chain.empty() || std::filesystem::exists(config.machine_chain, failed))
    return config.machine_chain;
  TRY(Bytes spki, key_of(session, config.machine_key));
  TRY(std::string pem, certify_spki(spki, {host_name(), 3650, false, "clientAuth", {}}));
  CHECK_OK(create_new(config.machine_chain, as_view(pem)));
  CHECK_OK(give_to_daemon(config, config.machine_chain));
  return config.machine_chain;
}

}  // namespace attest::ctl
