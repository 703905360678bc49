#include "evidence/tpm/signing_key.h"

#include <openssl/core_names.h>
#include <openssl/pem.h>

#include "evidence/core/crypto.h"
#include "evidence/core/error_mark.h"
#include "evidence/tpm/tpm_ids.h"
#include "evidence/x509/certificate.h"

namespace attest {
namespace {

using OwnedEcdsaSig = Owned<ECDSA_SIG, ECDSA_SIG_free>;

Result<Bytes> number(EVP_PKEY* key, const char* name) {
  BIGNUM* value = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &value) != 1)
    return Error{Errc::unsupported, "key: no number " + std::string(name)};
  Owned<BIGNUM, BN_free> owner(value);
  Bytes out(static_cast<std::size_t>(BN_num_bytes(value)));
  BN_bn2bin(value, out.data());
  return out;
}

std::uint16_t curve_of(EVP_PKEY* key) {
  char group[40];
  if (EVP_PKEY_get_group_name(key, group, sizeof group, nullptr) != 1) return 0;
  std::string_view name = group;
  return name == "prime256v1"  ? tpm::kCurveP256
         : name == "secp384r1" ? tpm::kCurveP384
         : name == "secp521r1" ? tpm::kCurveP521
                               : 0;
}

}  // namespace

Result<PublicArea> bare_area(OwnedPkey key) {
  PublicArea area;
  area.key = std::move(key);
  EVP_PKEY* pkey = area.key.get();
  if (EVP_PKEY_is_a(pkey, "RSA") || EVP_PKEY_is_a(pkey, "RSA-PSS")) {
    int bits = EVP_PKEY_get_bits(pkey);
    if (bits != 2048 && bits != 3072 && bits != 4096)
      return Error{Errc::unsupported, "key: RSA of " + std::to_string(bits) + " bits"};
    area.kind = PublicArea::Kind::rsa;
    area.rsa_bits = static_cast<std::uint16_t>(bits);
    TRY(area.modulus, number(pkey, OSSL_PKEY_PARAM_RSA_N));
    return area;
  }
  area.kind = PublicArea::Kind::ecc;
  area.curve = EVP_PKEY_is_a(pkey, "EC") ? curve_of(pkey) : std::uint16_t{0};
  if (area.curve == 0) return Error{Errc::unsupported, "key: neither RSA nor on P-256, P-384 or P-521"};
  TRY(area.x, number(pkey, OSSL_PKEY_PARAM_EC_PUB_X));
  TRY(area.y, number(pkey, OSSL_PKEY_PARAM_EC_PUB_Y));
  return area;
}

namespace {

Result<SigningKey> of_certificate(std::vector<Bytes> chain) {
  TRY(OwnedX509 leaf, parse_certificate(chain.front()));
  OwnedPkey key(X509_get_pubkey(leaf.get()));
  if (!key) return Error{Errc::unsupported, "certificate: unreadable public key"};
  SigningKey out;
  TRY(out.area, bare_area(std::move(key)));
  out.chain_der = std::move(chain);
  return out;
}

Result<SigningKey> of_area(Result<PublicArea> area) {
  if (!area) return std::move(area).error();
  SigningKey out;
  out.area = *std::move(area);
  out.has_area = true;
  return out;
}

OwnedPkey spki_of_pem(View bytes) {
  OwnedBio bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
  EVP_PKEY* key =
      bio ? PEM_read_bio_PUBKEY_ex(bio.get(), nullptr, nullptr, nullptr, private_libctx(), nullptr) : nullptr;
  return OwnedPkey(key);
}

OwnedPkey spki_of_der(View bytes) {
  const std::uint8_t* at = bytes.data();
  OwnedPkey key(d2i_PUBKEY_ex(nullptr, &at, static_cast<long>(bytes.size()), private_libctx(), nullptr));
  return at == bytes.data() + bytes.size() ? std::move(key) : nullptr;
}

Result<TpmSignature> bare_ecdsa(View bytes, HashAlg hash) {
  ErrorMark mark;
  const std::uint8_t* at = bytes.data();
  OwnedEcdsaSig pair(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(bytes.size())));
  if (!pair || at != bytes.data() + bytes.size())
    return Error{Errc::malformed,
                 "signature: neither a TPMT_SIGNATURE nor a bare signature of the key's kind"};
  TpmSignature out{tpm::kAlgEcdsa, hash, {}, {}, {}};
  const BIGNUM* r = ECDSA_SIG_get0_r(pair.get());
  const BIGNUM* s = ECDSA_SIG_get0_s(pair.get());
  if (BN_num_bytes(r) > 66 || BN_num_bytes(s) > 66 || BN_is_negative(r) || BN_is_negative(s))
    return Error{Errc::malformed, "signature: r or s out of range"};
  out.r.resize(static_cast<std::size_t>(BN_num_bytes(r)));
  out.s.resize(static_cast<std::size_t>(BN_num_bytes(s)));
  BN_bn2bin(r, out.r.data());
  BN_bn2bin(s, out.s.data());
  return out;
}

}  // namespace

Result<SigningKey> read_signing_key(View bytes) {
  ErrorMark mark;
  std::string_view text = as_text(bytes);
  if (text.find("-----BEGIN CERTIFICATE") != text.npos) {
    TRY(std::vector<Bytes> chain, split_certificates(bytes, "certificate"));
    return of_certificate(std::move(chain));
  }
  if (text.find("-----BEGIN") != text.npos) {
    OwnedPkey key = spki_of_pem(bytes);
    if (!key) return Error{Errc::malformed, "key: PEM without a public key"};
    SigningKey out;
    TRY(out.area, bare_area(std::move(key)));
    return out;
  }
  if (!bytes.empty() && bytes[0] == 0x30) {  // SEQUENCE
    if (OwnedPkey key = spki_of_der(bytes)) {
      SigningKey out;
      TRY(out.area, bare_area(std::move(key)));
      return out;
    }
    return of_certificate({to_bytes(bytes)});
  }
  if (Reader in(bytes); in.u16be() + std::size_t{2} == bytes.size())
    return of_area(parse_tpm2b_public(bytes));
  return of_area(parse_public(bytes));
}

Result<TpmSignature> read_any_signature(View bytes, const PublicArea& key, HashAlg hash) {
  std::optional<HashAlg> own = hash_alg_from_id(key.scheme.hash);
  if (key.scheme.alg != tpm::kAlgNull && own) hash = *own;
  if (key.kind == PublicArea::Kind::rsa && bytes.size() == key.modulus.size())
    return TpmSignature{
        key.scheme.alg == tpm::kAlgRsapss ? tpm::kAlgRsapss : tpm::kAlgRsassa, hash, to_bytes(bytes), {}, {}};
  if (key.kind == PublicArea::Kind::ecc && !bytes.empty() && bytes[0] == 0x30) return bare_ecdsa(bytes, hash);
  return parse_signature(bytes);
}

Bytes qualified_name(View parent_qualified_name, View name) {
  Reader in(name);
  auto alg = hash_alg_from_id(in.u16be());
  if (!alg || in.left() != digest_size(*alg)) return {};
  Digest digest = hash_of(*alg, {parent_qualified_name, name});
  Bytes out = to_bytes(name.first(2));
  out.insert(out.end(), digest.view().begin(), digest.view().end());
  return out;
}

}  // namespace attest
