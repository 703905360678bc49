#include "cmcd-lite/server/cmc/api/tls.h"

#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "cmcd-lite/server/control/keys.h"
#include "cmcd-lite/server/engine/on_tpm.h"
#include "cmcd-lite/server/engine/reports.h"
#include "evidence/core/printable.h"
#include "evidence/x509/certificate.h"

namespace attest {
namespace {

constexpr std::chrono::seconds kPatience{15};  // with the EST server, a step

Result<KeyStore*> key_store(TpmThread::Devices& devices) { return tpm_keys(devices); }

// may_use_key: an entry lets the caller sign with this key in some role. Strangers were let in by their switch.
Status may_use_key(const CmcCall& call, const FleetKey& key, const State& state, const Engine& engine) {
  Digest spki = sha256(key.spki_der);
  if (engine.revoked.contains(spki)) return Error{Errc::denied, "key.revoked: the key was revoked on this machine"};
  if (!call.peer) return ok();
  auto at = std::ranges::find(state.config.cmc.sockets, call.socket, &CmcSocket::path);
  const std::vector<std::string> callers = at == state.config.cmc.sockets.end() ? std::vector<std::string>() : at->callers;
  Access::Asker asker{*call.peer, callers};
  KeyNames names = [&](std::string_view name, const Digest& meant) { return name == key.id || engine.keys.is(name, meant); };
  auto server = state.access.may_sign(asker, Role::server, spki, state.machine_spki, names);
  if (server) return ok();
  auto client = state.access.may_sign(asker, Role::client, spki, state.machine_spki, names);
  if (client) return ok();
  return server.error();
}

Result<DigestScheme> scheme_of(const cmc::ApiRequest& request) {
  auto hash = hash_alg_from_name(request.hash_alg);
  if (!hash || *hash == HashAlg::sha1)
    return Error{Errc::unsupported, "TLSSign: hash \"" + printable(request.hash_alg, 20) + "\"; there are SHA-256, SHA-384, SHA-512"};
  if (request.content.size() != digest_size(*hash))
    return Error{Errc::malformed, "TLSSign: content of " + std::to_string(request.content.size()) + " bytes is no " + request.hash_alg + " digest"};
  if (request.pss_salt && *request.pss_salt != -1 && *request.pss_salt != static_cast<std::int64_t>(digest_size(*hash)))
    return Error{Errc::unsupported, "TLSSign: PSS salts are as long as the hash"};
  return DigestScheme{*hash, request.pss_salt.has_value()};
}

// TpmProof is what the EST server wants to see of a key in the TPM.
struct TpmProof {
  CertifiedKey key;
  Bytes ak_public;
};

bool same_names(cmc::KeyConfig a, cmc::KeyConfig b) {
  for (auto* list : {&a.dns_names, &a.ip_addresses, &b.dns_names, &b.ip_addresses}) std::ranges::sort(*list);
  return a.cn == b.cn && a.dns_names == b.dns_names && a.ip_addresses == b.ip_addresses;
}

}  // namespace

Result<FleetKey> CmcTls::make_key(const Wish& wish) {
  FleetKey key;
  TRY(key.id, new_key_id());
  const cmc::KeyConfig& config = wish.request.key_config;
  if (config.type == "sw") {
    TRY(key.software, make_fleet_key(config.alg));
    key.spki_der = spki_der(key.software.get());
    return key;
  }
  if (config.type != "tpm") return Error{Errc::unsupported, "TLSCreate: keys are of type tpm or sw, not \"" + printable(config.type, 20) + "\""};
  TRY(std::string algorithm, tpm_algorithm(config.alg));
  key.in_tpm = true;
  TRY(KeyInfo made, on_tpm<KeyInfo>(engine_.tpm, wish.call.source(), [&](TpmThread::Devices& devices) -> Result<KeyInfo> {
    TRY(KeyStore * store, key_store(devices));
    TRY(KeyInfo info, store->create(FleetKeys::tpm_name(key.id), algorithm));
    keys_changed(engine_, *store, true);
    return info;
  }));
  key.spki_der = std::move(made.spki_der);
  return key;
}

Result<Bytes> CmcTls::sign_now(const FleetKey& key, uid_t source, const DigestScheme& scheme, View digest) {
  if (key.software) return sign_with_software(key.software.get(), scheme, digest);
  return on_tpm<Bytes>(engine_.tpm, source, [&](TpmThread::Devices& devices) -> Result<Bytes> {
    TRY(KeyStore * store, key_store(devices));
    return store->sign_digest(FleetKeys::tpm_name(key.id), scheme, digest);
  });
}

// proof_parts say that a key is in the TPM; none for a key of software.
Result<std::vector<EstPart>> CmcTls::proof_parts(const Asking& asking, const FleetKey& key) {
  std::vector<EstPart> parts;
  if (!key.in_tpm) return parts;
  TRY(TpmProof proof, on_tpm<TpmProof>(engine_.tpm, asking.source, [&](TpmThread::Devices& devices) -> Result<TpmProof> {
    TRY(OpenedDriver * device, tpm_device(devices));
    TRY(KeyStore * store, key_store(devices));
    if (!device->enroller) return Error{Errc::unsupported, "TLSCreate: this TPM has no enroller"};
    TRY(CertifiedKey certified, store->certify(FleetKeys::tpm_name(key.id)));
    TRY(EnrollRequest request, device->enroller->request());
    return TpmProof{std::move(certified), std::move(request.ak_public)};
  }));
  for (Bytes* part : {&proof.key.public_area, static_cast<Bytes*>(nullptr), &proof.key.attest, &proof.key.signature, &proof.ak_public})
    parts.push_back({"application/octet-stream", part != nullptr ? std::move(*part) : Bytes()});  // creation data: none
  return parts;
}

Result<std::vector<Bytes>> CmcTls::enroll(const Asking& asking, const FleetKey& key) {
  const EstConfig& server = asking.state->config.cmc.enroll;
  TRY(Bytes csr, make_csr(key.spki_der, asking.names, [&](HashAlg hash, View digest) {
    return sign_now(key, asking.source, {hash, false}, digest);
  }));
  ReportWish over_key{to_bytes(sha256(key.spki_der).view()), {}, asking.encoding};  // so that it cannot stand for another one
  TRY(Bytes report, report_now(engine_, asking.source, std::move(over_key), asking.state));
  std::vector<EstPart> parts = {{"application/pkcs10", std::move(csr)}};
  TRY(std::vector<EstPart> proof, proof_parts(asking, key));
  std::ranges::move(proof, std::back_inserter(parts));
  parts.push_back({"application/octet-stream", std::move(report)});
  TRY(auto chain, est_enroll(server, key.in_tpm ? "tpmcertifyenroll" : "attestenroll", parts, kPatience));
  TRY(OwnedX509 leaf, parse_certificate(chain.front()));
  if (spki_der(X509_get0_pubkey(leaf.get())) != key.spki_der)
    return Error{Errc::untrusted, "enrolment: the certificate is for another key"};
  chain.resize(1);
  TRY(auto authority, est_cacerts(server, kPatience));
  for (Bytes& der : authority) chain.push_back(std::move(der));
  return chain;
}

Status CmcTls::renew(const std::string& id, const std::shared_ptr<const State>& state) {
  auto key = keys_.find(id);
  if (!key) return Error{Errc::denied, "key with id \"" + printable(id) + "\" not present"};
  TRY(OwnedX509 present, parse_certificate(key->chain.front()));
  TRY(cmc::KeyConfig names, names_of(present.get()));
  TRY(auto chain, enroll({geteuid(), cmc::Encoding::json, state, names}, *key));
  TRY(OwnedX509 leaf, parse_certificate(chain.front()));
  TRY(cmc::KeyConfig certified, names_of(leaf.get()));
  TRY(CertificateTerm term, term_of(leaf.get()));
  if (!same_names(certified, names))
    return Error{Errc::untrusted, "enrolment: the renewed certificate has other names than the present one, which stays"};
  if (term.not_after <= key->term.not_after)
    return Error{Errc::stale, "enrolment: the renewed certificate ends no later than the present one, which stays"};
  CHECK_OK(keys_.renew(id, std::move(chain)));
  engine_.log("the certificate of TLS key " + id + " was renewed by the fleet, until " + format_rfc3339(term.not_after));
  return ok();
}

Result<std::string> CmcTls::create_now(const Wish& wish) {
  if (wish.state->config.cmc.enroll.host.empty())
    return Error{Errc::denied, "TLSCreate: no enrolment server is configured (\"enroll\" of \"cmc\" in cmcd.json)"};
  CHECK_OK(check_names(wish.request.key_config));
  if (keys_.size() >= FleetKeys::kMaxKeys) return Error{Errc::denied, "TLSCreate: this agent keeps 1,024 keys already"};
  TRY(FleetKey key, make_key(wish));
  auto chain = enroll({wish.call.source(), wish.call.encoding, wish.state, wish.request.key_config}, key);
  Status kept = chain ? ok() : Status(chain.error());
  std::string id = key.id;
  if (chain) {
    key.chain = *std::move(chain);
    kept = keys_.add(key);
  }
  if (kept) return id;
  if (key.in_tpm)  // nobody would ever use it
    static_cast<void>(on_tpm<Bytes>(engine_.tpm, wish.call.source(), [&](TpmThread::Devices& devices) -> Result<Bytes> {
      TRY(KeyStore * store, key_store(devices));
      CHECK_OK(store->remove(FleetKeys::tpm_name(id)));
      keys_changed(engine_, *store, true);
      return Bytes();
    }));
  return kept.error();
}

void CmcTls::create(CmcCall call, cmc::ApiRequest request, std::shared_ptr<const State> state, CmcReply reply) {
  uid_t source = call.source();
  auto wish = std::make_shared<Wish>(Wish{std::move(call), std::move(request), std::move(state)});
  enrolments_.post(source, [this, wish, reply = std::move(reply)](Status go) {
    auto id = go ? create_now(*wish) : Result<std::string>(go.error());
    if (!id) return reply.fail(id.error());
    cmc::ApiResponse response;
    response.call = cmc::Call::tls_create;
    response.key_id = *std::move(id);
    reply.send(std::move(response));
  });
}

Result<FleetKey> CmcTls::find_permitted(const CmcCall& call, const std::string& id, const State& state) {
  auto key = keys_.find(id);
  if (!key) return Error{Errc::denied, "failed to get key: key with id \"" + printable(id) + "\" not present"};
  CHECK_OK(may_use_key(call, *key, state, engine_));
  return *std::move(key);
}

void CmcTls::sign(const CmcCall& call, cmc::ApiRequest request, const State& state, const CmcReply& reply) {
  auto answer = [reply](const Result<Bytes>& signature) {
    if (!signature) return reply.fail({signature.error().code, "failed to sign: " + signature.error().what});
    cmc::ApiResponse response;
    response.call = cmc::Call::tls_sign;
    response.signed_content = *signature;
    reply.send(std::move(response));
  };
  auto found = find_permitted(call, request.key_id, state);
  auto scheme = found ? scheme_of(request) : Result<DigestScheme>(found.error());
  if (!scheme) return answer(scheme.error());
  auto key = std::make_shared<FleetKey>(*std::move(found));
  auto digest = std::make_shared<Bytes>(std::move(request.content));
  if (key->software)
    return engine_.workers.post(call.source(), [answer, key, digest, scheme = *scheme](Status go) {
      answer(go ? sign_with_software(key->software.get(), scheme, *digest) : Result<Bytes>(go.error()));
    });
  engine_.tpm.run(call.source(), [answer, key, digest, scheme = *scheme](Result<TpmThread::Devices*> devices) {
    if (!devices) return answer(devices.error());
    auto store = key_store(**devices);
    answer(store ? (*store)->sign_digest(FleetKeys::tpm_name(key->id), scheme, *digest) : Result<Bytes>(store.error()));
  });
}

Result<cmc::ApiResponse> CmcTls::certificate(const CmcCall& call, const cmc::ApiRequest& request, const State& state) {
  TRY(FleetKey key, find_permitted(call, request.key_id, state));
  cmc::ApiResponse response;
  response.call = cmc::Call::tls_cert;
  for (const Bytes& der : key.chain) response.certificate.push_back(to_bytes(as_view(certificates_to_pem({der}))));
  return response;
}

}  // namespace attest
