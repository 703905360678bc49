// The answer of EstServer to an attestation key.
#include <openssl/core_names.h>

#include "drivers/secret_file.h"
#include "evidence/core/crypto.h"
#include "evidence/core/hex.h"
#include "evidence/core/sealed.h"
#include "evidence/tpm/credential.h"
#include "evidence/tpm/signature.h"
#include "evidence/tpm/tpm_ids.h"
#include "test/support/est_server.h"

namespace attest::test {
namespace {

constexpr std::uint8_t kEncryptedData[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x06};
constexpr std::uint8_t kData[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01};
constexpr std::uint8_t kAesGcm[] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2e};

Bytes value(std::uint8_t tag, std::initializer_list<View> parts) {
  Bytes body;
  for (View part : parts) body.insert(body.end(), part.begin(), part.end());
  Bytes out = {tag};
  std::size_t size = body.size();
  if (size > 0x7f) out.push_back(size > 0xff ? 0x82 : 0x81);
  if (size > 0xff) out.push_back(static_cast<std::uint8_t>(size >> 8));
  out.push_back(static_cast<std::uint8_t>(size));
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

// standard_ek is the RSA-2048 endorsement key of the profile's template around an SPKI, which is all the server gets.
Result<PublicArea> standard_ek(View spki) {
  const unsigned char* at = spki.data();
  OwnedPkey key(d2i_PUBKEY_ex(nullptr, &at, static_cast<long>(spki.size()), private_libctx(), nullptr));
  BIGNUM* n = nullptr;
  if (!key || EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_RSA_N, &n) != 1) return Error{Errc::malformed, "no RSA key"};
  Bytes modulus(static_cast<std::size_t>(BN_num_bytes(n)));
  BN_bn2bin(n, modulus.data());
  BN_free(n);
  Writer out;
  out.u16be(tpm::kAlgRsa);
  out.u16be(0x000b);
  out.u32be(tpm::kFixedTpm | tpm::kFixedParent | tpm::kSensitiveDataOrigin | tpm::kAdminWithPolicy | tpm::kRestricted | tpm::kDecrypt);
  out.lv16(Bytes(32));
  for (std::uint16_t word : {tpm::kAlgAes, std::uint16_t{128}, tpm::kAlgCfb, tpm::kAlgNull, std::uint16_t{2048}}) out.u16be(word);
  out.u32be(0);
  out.lv16(modulus);
  TRY(Bytes area, std::move(out).finish("endorsement key"));
  return parse_public(area);
}

// check_parts is what CMC's server demands; the key of the request.
Result<OwnedPkey> check_parts(const std::vector<Bytes>& parts) {
  if (parts.size() != 9) return Error{Errc::malformed, std::to_string(parts.size()) + " parts"};
  if (std::ranges::count(parts[0], ';') != 2) return Error{Errc::malformed, "the TPM's maker"};
  const unsigned char* at = parts[2].data();
  Owned<X509_REQ, X509_REQ_free> csr(d2i_X509_REQ(nullptr, &at, static_cast<long>(parts[2].size())));
  OwnedPkey key(csr ? X509_REQ_get_pubkey(csr.get()) : nullptr);
  if (!key || X509_REQ_verify(csr.get(), key.get()) != 1) return Error{Errc::untrusted, "the request is not signed by its key"};
  TRY(PublicArea ak, parse_public(parts[3]));
  TRY(Bytes spki, ak.spki_der());
  if (spki_der(key.get()) != spki) return Error{Errc::untrusted, "the request is for another key"};
  TRY(Verified<Attest> statement, verify_attest(parts[5], parts[6], ak));
  const auto* made = std::get_if<CreationInfo>(&statement->info);
  if (made == nullptr || made->object_name != ak.name() || !equal(made->creation_hash, hash_of(ak.name_alg, {parts[4]}).view()))
    return Error{Errc::untrusted, "the statement is about another key"};
  return key;
}

std::string part_of(View bytes, const char* type) {
  return std::string("--bound\r\nContent-Transfer-Encoding: base64\r\nContent-Type: ") + type + "\r\n\r\n" + to_base64(bytes) + "\r\n\r\n";
}

}  // namespace

Bytes encrypted_certificate(View certificate, const Secret& key, bool cmc_form) {
  auto sealed = seal(key, certificate);
  if (!sealed) std::abort();
  View nonce = View(*sealed).first(12), content = View(*sealed).subspan(12);
  const Bytes tag_length = {0x02, 0x01, 0x10}, version = {0x02, 0x01, 0x00};
  Bytes parameters = value(0x30, {value(cmc_form ? 0x84 : 0x04, {nonce}), tag_length});
  if (cmc_form) parameters = value(0x10, {parameters});
  Bytes text = cmc_form ? value(0xa0, {value(0x04, {content})}) : value(0x80, {content});
  Bytes encrypted = value(0x30, {value(0x06, {kData}), value(0x30, {value(0x06, {kAesGcm}), parameters}), text});
  return value(0x30, {value(0x06, {kEncryptedData}), value(0xa0, {value(0x30, {version, encrypted})})});
}

TestCert EstServer::ak_certificate(OwnedPkey key) const {
  CertSpec spec;
  spec.common_name = "machine TPM AK";
  spec.not_before = wall_clock_now() - (fault_ == Fault::expired ? 3 : 1) * kDay;
  spec.not_after = spec.not_before + (fault_ == Fault::expired ? 1 : 180) * kDay;
  spec.extensions = {{"keyUsage", "digitalSignature,keyEncipherment"}, {"extendedKeyUsage", "serverAuth,clientAuth"},
                     {"authorityKeyIdentifier", "keyid"}};
  if (fault_ == Fault::host_name) spec.extensions.push_back({"subjectAltName", "DNS:bank.example"});
  if (fault_ == Fault::other_key) key = make_key("P-256");
  if (fault_ != Fault::other_issuer) return issue_for(&ca_, spec, std::move(key));
  TestCert nobody = make_root("Nobody");
  return issue_for(&nobody, spec, std::move(key));
}

std::string EstServer::activate(const std::vector<Bytes>& parts) {
  const std::string bad = "HTTP/1.1 400 Bad Request\r\n\r\n";
  auto key = check_parts(parts);
  if (!key) return bad + key.error().what;
  {
    std::lock_guard lock(mutex_);
    if (!replayed_.empty()) return replayed_;
  }
  auto ek = standard_ek(parts[7]);
  auto secret = random_secret(32), other = random_secret(32);
  auto ak = parse_public(parts[3]);
  if (!ek || !secret || !other || !ak) return bad + "keys";
  Bytes name = ak->name();
  if (fault_ == Fault::other_name) name.back() ^= 1;
  auto credential = make_credential(*ek, name, *secret);
  if (!credential) return bad + credential.error().what;
  Bytes der = ak_certificate(*std::move(key)).der();
  Bytes sealed = encrypted_certificate(der, fault_ == Fault::other_secret ? *other : *secret, !standard_cms_);
  if (fault_ == Fault::plain) sealed = der;
  constexpr const char* kBytes = "application/octet-stream";
  std::string answer = "HTTP/1.1 200 OK\r\nContent-Type: multipart/mixed; boundary=bound\r\n\r\n" + part_of(credential->blob, kBytes) +
                       part_of(credential->secret, kBytes);
  if (fault_ != Fault::cut) answer += part_of(sealed, "application/pkcs7-mime; smime-type=enveloped-data");
  if (fault_ == Fault::too_long) answer += part_of(Bytes(2 << 20), kBytes);
  return answer + "--bound--\r\n";
}

}  // namespace attest::test
