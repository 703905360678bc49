#include "verifier/tpm/tls_key.h"

#include "evidence/core/hex.h"
#include "evidence/tpm/certified_key.h"

namespace attest {
namespace {

// check_same: the certified key is the one whose certificate the handshake shows. The SPKI is made anew from the public area
// (exponent 0 means 65537), so every number of the key counts.
Failed check_same(const Case& c, const PublicArea& key) {
  auto spki = key.spki_der();
  if (spki && !c.question.leaf_spki.empty() && sha256(View(*spki)) == c.question.leaf_spki) return {};
  return failed(check::kKeyOther, "the attestation key certified another key than the one in the peer's certificate (" +
                                      short_hex(c.question.leaf_spki.view()) + ")",
                "take it for an attack, unless the peer just changed its certificate");
}

Failed check_attributes(const Case& c, const PublicArea& key) {
  Status fit = check_tls_key(key, c.policy.tls_key_policies);
  if (fit) return {};
  return failed(check::kKeyAttributes, fit.error().what, "attestctl key create --tpm makes keys that stay in the TPM");
}

// certification names all that check_certified looks at.
Digest certification(const Case& c, const PublicArea& ak) {
  Writer out;
  out.put(as_view("certified key"));
  for (const Bytes* part : {&c.message.tls_key->public_area, &c.message.tls_key->attest, &c.message.tls_key->signature, &ak.encoded})
    out.lv32(*part);
  out.put(c.question.leaf_spki.view());
  auto bytes = std::move(out).finish("certified key");
  return bytes ? sha256(View(*bytes)) : Digest();
}

Failed check_statement(const Case& c, const PublicArea& key, const PublicArea& ak) {
  Status signed_by_ak = c.facts.prove(certification(c, ak), [&] {
    return check_certified(*c.message.tls_key, key, ak, c.question.leaf_spki);
  });
  if (signed_by_ak) return {};
  return failed(check::kKeyCertification, signed_by_ak.error().what, "attestctl key certify on the peer makes it anew");
}

}  // namespace

bool verify_tls_key(const Case& c, const PublicArea& ak, Verdict& verdict) {
  if (!c.message.tls_key) return true;
  auto key = c.facts.public_area(c.message.tls_key->public_area);
  if (!key) {
    bool form = key.error().code == Errc::malformed;
    return note(verdict, {}, failed(form ? check::kEvidenceMalformed : check::kKeyAttributes, key.error().what));
  }
  return note(verdict, check::kKeyOther, check_same(c, **key)) &&
         note(verdict, check::kKeyAttributes, check_attributes(c, **key)) &&
         note(verdict, check::kKeyCertification, check_statement(c, **key, ak));
}

void check_tls_key_due(const Case& c, Verdict& verdict) {
  if (!c.rule.certified_key) return;
  if (c.message.tls_key) return verdict.pass(check::kKeyUncertified);
  if (c.question.binder.empty())
    return verdict.warn(check::kKeyUncertified, "a report outside a handshake shows no TLS key");
  verdict.fail(check::kKeyUncertified,
               "rule \"" + c.rule.name + "\" demands a TLS key certified by the TPM that quotes, and this one is not",
               "on the peer: attestctl key create --tpm, and give that key to the program");
}

}  // namespace attest
