// attestctl ca init: the offline authority with its two roots.
#include <cstdio>

#include "apps/attestctl/authority.h"
#include "apps/attestctl/commands.h"
#include "apps/attestctl/files.h"
#include "apps/attestctl/style.h"
#include "evidence/x509/certificate.h"

namespace attest::ctl {
namespace {

struct Options {
  std::string folder;
  std::string name = "Example Ops";
  std::string algorithm = "ec-p256";
  std::int64_t days = 3650;
  std::string passphrase_file;
};

// Made is a certificate with its key.
struct Made {
  Bytes der;
  OwnedX509 cert;
  OwnedPkey key;
};

Result<Made> make(const Options& options, const CertProfile& profile, const Made* issuer) {
  Made made;
  TRY(made.key, new_key(options.algorithm));
  TRY(made.der, issue(profile, made.key.get(), issuer ? issuer->cert.get() : nullptr,
                      issuer ? issuer->key.get() : made.key.get()));
  TRY(made.cert, parse_certificate(made.der));
  return made;
}

Status save(const Options& options, const Made& made, const char* cert_name, const char* key_name) {
  TRY(Secret key, key_pem(made.key.get(), options.passphrase_file));
  CHECK_OK(create_new(options.folder + "/" + key_name, key.reveal(), 0600));
  return create_new(options.folder + "/" + cert_name, as_view(certificates_to_pem({made.der})));
}

Status make_metadata_side(const Options& options) {
  TRY(Made root, make(options, {options.name + " metadata root", options.days, true, "", {}}, nullptr));
  TRY(Made signer, make(options, {options.name, options.days, false, "codeSigning", {}}, &root));
  CHECK_OK(save(options, root, kMetadataRoot, kMetadataRootKey));
  return save(options, signer, kSignerCert, kSignerKey);
}

Status make_ak_side(const Options& options) {
  TRY(Made root, make(options, {options.name + " AK issuer", options.days, true, "", {}}, nullptr));
  return save(options, root, kAkRoot, kAkRootKey);
}

Result<Exit> run(const Session& session, const Options& options) {
  CHECK_OK(make_folder(options.folder, 0700));
  CHECK_OK(make_metadata_side(options));
  CHECK_OK(make_ak_side(options));
  if (session.json)
    return print_json({{"folder", options.folder},
                       {"metadata_root", kMetadataRoot},
                       {"signer", kSignerCert},
                       {"ak_root", kAkRoot}});
  row("made",
      options.folder + "/" + kMetadataRoot + "   who may sign metadata (signer: metadata-signer.pem)");
  row("", options.folder + "/" + kAkRoot + "         who certifies attestation keys");
  row("keep", "the .key files offline; machines get the two root certificates only");
  row("next", "attestctl setup --ca " + options.folder + "   (on a machine)");
  return Exit::accepted;
}

}  // namespace

void add_ca_init(CLI::App& ca, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* app = command(ca, session, "init",
                          "make the authority: a root for metadata signers, a root for attestation keys",
                          [options](Session& s) { return run(s, *options); });
  app->add_option("DIR", options->folder, "the folder to make")->required();
  app->add_option("--name", options->name, "who you are, as it stands in the certificates")
      ->capture_default_str();
  app->add_option("--algorithm", options->algorithm, "ec-p256, ec-p384 or rsa-3072")->capture_default_str();
  app->add_option("--days", options->days, "validity of the certificates")
      ->capture_default_str()
      ->check(CLI::Range(1, 36500));
  app->add_option("--passphrase-file", options->passphrase_file, "encrypt the keys with the passphrase in this file");
}

void add_ca(CLI::App& app, Session& session) {
  CLI::App* ca = group(app, "ca", "the offline authority: certify machines, sign metadata");
  add_ca_init(*ca, session);
  add_ca_certify(*ca, session);
}

}  // namespace attest::ctl
