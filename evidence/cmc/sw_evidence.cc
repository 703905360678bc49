#include "evidence/cmc/sw_evidence.h"

#include <openssl/pem.h>

#include "evidence/core/hex.h"
#include "evidence/metadata/jws_alg.h"

namespace attest::cmc {

Digest container_sum(const std::vector<Component>& events) {
  Digest sum = Digest::filled(HashAlg::sha256, 0);
  for (const Component& event : events) {
    const Bytes* digest = event.hash(HashAlg::sha256);
    sum = sha256({sum.view(), digest != nullptr ? View(*digest) : View()});
  }
  return sum;
}

Result<Bytes> make_sw_evidence(EVP_PKEY* key, View nonce, const std::vector<Component>& events) {
  const JwsAlg* alg = find_jws_alg("ES256");
  if (key == nullptr || !fits(*alg, key)) return Error{Errc::unsupported, "software evidence: signs with an EC key on P-256"};
  JsonWriter body;
  body.object().field("nonce", to_base64(nonce)).field("sha256", to_base64(container_sum(events).view())).end_object();
  std::string head = to_base64url(as_view(R"({"alg":"ES256"})")), payload = to_base64url(as_view(body.so_far()));
  TRY(Bytes signature, make_signature(*alg, key, {as_view(head), as_view("."), as_view(payload)}));
  JsonWriter out;
  out.object().field("payload", payload).field("protected", head).field("signature", to_base64url(signature)).end_object();
  return to_bytes(as_view(out.so_far()));
}

Result<Collateral> make_sw_collateral(EVP_PKEY* key, const Artifact& log) {
  OwnedBio bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_PUBKEY(bio.get(), key) != 1) return Error{Errc::io, "software evidence: no public key"};
  char* text = nullptr;
  long size = BIO_get_mem_data(bio.get(), &text);
  Collateral out;
  out.type = kSwEvidence;
  out.key = to_bytes(as_view(std::string_view(text, static_cast<std::size_t>(size))));
  out.artifacts = {log};
  return out;
}

}  // namespace attest::cmc
