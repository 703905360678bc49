#include "cmcd-lite/server/engine/ak_enrolment.h"

#include <algorithm>

#include "cmcd-lite/server/cmc/csr.h"
#include "cmcd-lite/server/cmc/est.h"
#include "cmcd-lite/server/cmc/fleet.h"
#include "cmcd-lite/server/engine/on_tpm.h"
#include "evidence/cmc/est_challenge.h"
#include "evidence/core/hex.h"
#include "evidence/x509/chain.h"

namespace attest {
namespace {

using Devices = TpmThread::Devices;
constexpr std::chrono::seconds kPatience{15};  // with the server, a step
constexpr std::string_view kNameEnd = " TPM AK";

Result<Enroller*> enroller_of(Devices& devices) {
  TRY(OpenedDriver * device, tpm_device(devices));
  if (device->enroller) return device->enroller.get();
  return Error{Errc::unsupported, "enrolment: this driver has no endorsement key to certify its attestation key by"};
}

// carries: the certificate is this key's. Searched for as bytes, since OpenSSL refuses some makers' certificates; the server
// judges it.
bool carries(View certificate, const PublicArea& key) {
  const Bytes& needle = key.kind == PublicArea::Kind::rsa ? key.modulus : key.x;
  auto found = std::search(certificate.begin(), certificate.end(), needle.begin(), needle.end());
  return needle.size() >= 32 && found != certificate.end();
}

// request_parts are what the server reads by their places.
Result<std::vector<EstPart>> request_parts(const CreationProof& proof, Bytes csr) {
  TRY(PublicArea ek, parse_public(proof.key.ek_public));
  TRY(Bytes ek_spki, ek.spki_der());
  Bytes certificate;
  if (!proof.key.ek_certs.empty() && carries(proof.key.ek_certs.front(), ek)) certificate = proof.key.ek_certs.front();
  std::string url = certificate.empty() ? ek_certificate_url(proof.manufacturer, ek) : "";
  std::string about = proof.manufacturer + ";" + std::to_string(proof.firmware_major) + ";" + std::to_string(proof.firmware_minor);
  constexpr const char *kText = "text/plain", *kBytes = "application/octet-stream";
  return std::vector<EstPart>{{kText, to_bytes(as_view(about))},
                              {kText, to_bytes(as_view(url))},
                              {"application/pkcs10", std::move(csr)},
                              {kBytes, proof.key.ak_public},
                              {kBytes, proof.data},
                              {kBytes, proof.statement},
                              {kBytes, proof.signature},
                              {kBytes, std::move(ek_spki)},
                              {kBytes, std::move(certificate)}};
}

Result<Bytes> request_of(Engine& engine, uid_t source, const State& state, View ak_spki) {
  cmc::KeyConfig names;
  names.cn = state.fleet->name + std::string(kNameEnd);
  if (auto good = check_names(names); !good)
    return Error{Errc::denied, "enrolment: \"name\" of \"cmc\" in cmcd.json (or the host name) must be 1 to 57 printable characters"};
  return make_csr_over(ak_spki, names, [&](HashAlg, View content) {
    return on_tpm<Bytes>(engine.tpm, source, [&](Devices& devices) -> Result<Bytes> {
      TRY(Enroller * enroller, enroller_of(devices));
      return enroller->sign_request(content);
    });
  });
}

// opened is the certificate that the server encrypted for this TPM.
Result<Bytes> opened(Engine& engine, uid_t source, const EstChallenge& challenge) {
  TRY(Secret secret, on_tpm<Secret>(engine.tpm, source, [&](Devices& devices) -> Result<Secret> {
    TRY(Enroller * enroller, enroller_of(devices));
    return enroller->activate(challenge.credential, challenge.secret);
  }));
  return open_est_certificate(challenge.certificate, secret);
}

Result<TrustStore> issuers_of(const CmcConfig& config) {
  std::vector<Bytes> roots;
  for (const auto& file : config.ak_roots.empty() ? config.endorse.roots : config.ak_roots) {
    TRY(auto more, read_certificates(file));
    roots.insert(roots.end(), more.begin(), more.end());
  }
  return TrustStore::make(roots);
}

// judge: peers of the fleet will take the chain for this key.
Result<AkEnrolled> judge(const CmcConfig& config, const std::vector<Bytes>& chain, const Bytes& ak_spki) {
  TRY(TrustStore issuers, issuers_of(config));
  auto verified = issuers.verify(chain, ChainRole::fleet_attestation_key, wall_clock_now());
  if (!verified) return Error{verified.error().code, "enrolment: the certificate of the attestation key: " + verified.error().what};
  const ChainFacts& facts = **verified;
  if (spki_der(facts.key.get()) != ak_spki) return Error{Errc::untrusted, "enrolment: the certificate is for another key"};
  AkEnrolled out;
  TRY(OwnedX509 leaf, parse_certificate(chain.front()));
  TRY(out.term, term_of(leaf.get()));
  out.subject = facts.subject;
  out.not_after = facts.not_after;
  return out;
}

Result<AkEnrolled> enroll(Engine& engine, uid_t source, const State& state) {
  const CmcConfig& config = state.config.cmc;
  TRY(CreationProof proof, on_tpm<CreationProof>(engine.tpm, source, [](Devices& devices) -> Result<CreationProof> {
    TRY(Enroller * enroller, enroller_of(devices));
    return enroller->prove_creation();
  }));
  TRY(PublicArea ak, parse_public(proof.key.ak_public));
  TRY(Bytes ak_spki, ak.spki_der());
  TRY(Bytes csr, request_of(engine, source, state, ak_spki));
  TRY(std::vector<EstPart> parts, request_parts(proof, std::move(csr)));
  TRY(Bytes answer, est_post(config.endorse, "tpmactivateenroll", parts, kPatience));
  TRY(EstChallenge challenge, parse_est_challenge(answer));
  TRY(Bytes certificate, opened(engine, source, challenge));
  TRY(std::vector<Bytes> authority, est_cacerts(config.endorse, kPatience));
  std::vector<Bytes> chain = {std::move(certificate)};
  chain.insert(chain.end(), authority.begin(), authority.end());
  TRY(AkEnrolled out, judge(config, chain, ak_spki));
  std::string pem = certificates_to_pem(chain);
  TRY(out.ak_name, on_tpm<Bytes>(engine.tpm, source, [&pem](Devices& devices) -> Result<Bytes> {
    TRY(Enroller * enroller, enroller_of(devices));
    CHECK_OK(enroller->store_chain(pem));
    TRY(OpenedDriver * device, tpm_device(devices));
    return device->driver->identity().id;
  }));
  engine.tpm.retest();
  return out;
}

}  // namespace

std::string ek_certificate_url(std::string_view manufacturer, const PublicArea& ek) {
  constexpr std::uint8_t kExponent[] = {1, 0, 1};
  if (manufacturer != "Intel" || ek.kind != PublicArea::Kind::rsa) return {};
  return "https://ekop.intel.com/ekcertservice/" + to_base64url(sha256({ek.modulus, kExponent}).view()) + "%3D";
}

Result<AkEnrolled> enroll_ak(Engine& engine, uid_t source, const State& state) {
  const EstConfig& server = state.config.cmc.endorse;
  if (server.host.empty())
    return Error{Errc::denied, "enrolment: no provisioning server is configured (\"endorse\" of \"cmc\" in cmcd.json)"};
  auto enrolled = enroll(engine, source, state);
  engine.fleet_board.change(kAttestationKey, [&](FleetCertificate& entry) {
    note_attempt(entry, server, engine.clock(), enrolled ? ok() : Status(enrolled.error()));
    if (!enrolled) return;
    entry.subject = enrolled->term.subject;
    entry.not_after = enrolled->term.not_after;
    entry.renewal = enrolled->term.renewal;
  });
  if (enrolled) engine.log("the attestation key was certified by the fleet: " + enrolled->subject);
  return enrolled;
}

}  // namespace attest
