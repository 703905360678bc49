// attestctl ca certify: check an enrolment request and answer with a certificate only that TPM can open.
#include <openssl/rand.h>

#include "apps/attestctl/authority.h"
#include "apps/attestctl/commands.h"
#include "apps/attestctl/endorsement.h"
#include "apps/attestctl/field.h"
#include "apps/attestctl/files.h"
#include "apps/attestctl/style.h"
#include "evidence/core/crypto.h"
#include "evidence/core/hex.h"
#include "evidence/core/sealed.h"
#include "evidence/metadata/jws.h"
#include "evidence/tpm/credential.h"
#include "evidence/x509/certificate.h"

namespace attest::ctl {
namespace {

constexpr std::size_t kMaxPublic = 4096;
constexpr std::size_t kMaxEkCerts = 16;
constexpr const char* kAikUsage = "2.23.133.8.3";  // tcg-kp-AIKCertificate

struct Options {
  std::string request, ca, passphrase_file, host = "machine", out;
  EndorsementPolicy endorsement;
  std::vector<std::string> metadata;
  std::int64_t days = 365;
};

struct Request {
  PublicArea ak;
  Endorsement ek;
};

Result<Request> read_request(const std::string& path) {
  TRY(Json json, read_json(path));
  Request request;
  TRY(Bytes ak, from_base64(text_of(json, "ak_public"), kMaxPublic));
  TRY(Bytes ek, from_base64(text_of(json, "ek_public"), kMaxPublic));
  TRY(request.ak, parse_public(ak));
  TRY(request.ek.key, parse_public(ek));
  CHECK_OK(check_attestation_key(request.ak));
  CHECK_OK(check_endorsement_key(request.ek.key));
  if (text_of(json, "ak_name") != to_hex(request.ak.name()))
    return Error{Errc::mismatch, path + ": ak_name is not the name of ak_public"};
  const Json& certificates = list_of(json, "ek_certs");
  if (certificates.size() > kMaxEkCerts)
    return Error{Errc::malformed, path + ": more than 16 EK certificates"};
  for (const Json& one : certificates) {
    TRY(Bytes der, from_base64(one.is_string() ? one.get<std::string>() : "", kMaxCertificateBytes));
    request.ek.certificates.push_back(std::move(der));
  }
  return request;
}

Result<std::string> certify(const Options& options, const Request& request) {
  TRY(Identity issuer, read_identity(options.ca + "/" + kAkRoot, options.ca + "/" + kAkRootKey, options.passphrase_file));
  CertProfile profile{options.host, options.days, false, kAikUsage, {}};
  TRY(Bytes leaf, issue(profile, request.ak.key.get(), issuer.cert.get(), issuer.key.get()));
  return certificates_to_pem({leaf});
}

Result<Json> challenge(const Options& options, const Request& request) {
  TRY(std::string chain, certify(options, request));
  Secret key(kSealKey);
  if (RAND_priv_bytes_ex(private_libctx(), key.fill().data(), key.fill().size(), 0) != 1)
    return Error{Errc::io, "OpenSSL gives no random bytes"};
  TRY(Credential credential, make_credential(request.ek.key, request.ak.name(), key));
  TRY(Bytes sealed, seal(key, as_view(chain)));
  return Json{{"ak_name", to_hex(request.ak.name())},
              {"credential_blob", to_base64(credential.blob)},
              {"secret", to_base64(credential.secret)},
              {"sealed_chain", to_base64(sealed)}};
}

Result<Exit> run(const Session& session, const Options& options) {
  TRY(Request request, read_request(options.request));
  Result<std::string> accepted = judge_endorsement(request.ek, options.endorsement, wall_clock_now());
  if (!accepted && accepted.error().code == Errc::untrusted) {
    if (session.json)
      print_json({{"error", {{"code", "untrusted"}, {"text", accepted.error().what}}}});
    else
      row("refused", accepted.error().what, Tone::bad);
    return Exit::refused;
  }
  if (!accepted) return std::move(accepted).error();
  TRY(Json answer, challenge(options, request));
  Json items = Json::array();
  for (const std::string& file : options.metadata) {
    TRY(Bytes item, read_input(file, kMaxMetadataBytes));
    items.push_back(to_base64(item));
  }
  answer["metadata"] = items;
  CHECK_OK(write_output(options.out, as_view(answer.dump(2) + "\n")));
  if (options.out.empty()) return Exit::accepted;
  if (session.json)
    return print_json({{"file", options.out},
                       {"ak_name", answer["ak_name"]},
                       {"host", options.host},
                       {"because", *accepted}});
  row("checked", *accepted);
  row("certified", "AK " + short_or_whole(to_hex(request.ak.name()), session.verbose) + " of " +
                       options.host + " for " + std::to_string(options.days) +
                       " days, sealed so that only this TPM can open it");
  row("next", "attestctl enroll finish " + options.out + "   (on the machine)");
  return Exit::accepted;
}

}  // namespace

void add_ca_certify(CLI::App& ca, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* app = command(ca, session, "certify",
                          "certify a machine's attestation key (what attestctl enroll request wrote)",
                          [options](Session& s) { return run(s, *options); });
  app->add_option("REQUEST", options->request, "the machine's request; - for stdin")->required();
  app->add_option("--ca", options->ca, "the authority's folder")->required();
  app->add_option("--passphrase-file", options->passphrase_file, "file with the passphrase of the authority's key, where it has one");
  app->add_option("--host", options->host, "the machine's name in the certificate")->capture_default_str();
  app->add_option("--ek-roots", options->endorsement.roots,
                  "PEM file with roots of TPM makers (may be repeated)");
  app->add_option("--accept-ek", options->endorsement.accepted,
                  "accept the EK with this SHA-256 without a certificate");
  app->add_option("--metadata", options->metadata, "signed items to send along (may be repeated)");
  app->add_option("--days", options->days, "validity of the certificate")
      ->capture_default_str()
      ->check(CLI::Range(1, 3650));
  app->add_option("-o,--out", options->out, "file for the challenge (default: stdout)");
}

}  // namespace attest::ctl
