#include "evidence/tpm/public_area.h"

#include "evidence/tpm/public_key.h"
#include "evidence/tpm/tpm_ids.h"

namespace attest {
namespace {

constexpr std::size_t kMaxRsaBytes = 512;
constexpr std::size_t kMaxEccBytes = 66;

SymDef read_sym(Reader& in) {  // TPMT_SYM_DEF_OBJECT
  SymDef s;
  s.alg = in.u16be();
  if (s.alg == tpm::kAlgNull) return s;
  if (s.alg != tpm::kAlgAes && s.alg != tpm::kAlgSm4 && s.alg != tpm::kAlgCamellia && s.alg != tpm::kAlgTdes)
    in.fail();
  s.key_bits = in.u16be();
  s.mode = in.u16be();
  return s;
}

// read_scheme reads a TPMT_RSA_SCHEME, TPMT_ECC_SCHEME or, with kdf, a TPMT_KDF_SCHEME.
AsymScheme read_scheme(Reader& in) {
  AsymScheme s;
  s.alg = in.u16be();
  switch (s.alg) {
    case tpm::kAlgNull:
    case tpm::kAlgRsaes:
      return s;
    case tpm::kAlgRsassa:
    case tpm::kAlgRsapss:
    case tpm::kAlgOaep:
    case tpm::kAlgEcdsa:
    case tpm::kAlgEcdh:
    case tpm::kAlgSm2:
    case tpm::kAlgEcSchnorr:
    case tpm::kAlgEcmqv:
      s.hash = in.u16be();
      return s;
    case tpm::kAlgEcdaa:
      s.hash = in.u16be();
      s.count = in.u16be();
      return s;
    default:
      in.fail();
      return s;
  }
}

void read_kdf(Reader& in) {  // TPMT_KDF_SCHEME: no command of ours uses it, only its form matters
  if (in.u16be() != tpm::kAlgNull) in.u16be();
}

void read_rsa(Reader& in, PublicArea& out) {  // TPMS_RSA_PARMS, TPM2B_PUBLIC_KEY_RSA
  out.kind = PublicArea::Kind::rsa;
  out.symmetric = read_sym(in);
  out.scheme = read_scheme(in);
  out.rsa_bits = in.u16be();
  out.rsa_exponent = in.u32be();
  out.modulus = to_bytes(in.take16be(kMaxRsaBytes));
}

void read_ecc(Reader& in, PublicArea& out) {  // TPMS_ECC_PARMS, TPMS_ECC_POINT
  out.kind = PublicArea::Kind::ecc;
  out.symmetric = read_sym(in);
  out.scheme = read_scheme(in);
  out.curve = in.u16be();
  read_kdf(in);
  out.x = to_bytes(in.take16be(kMaxEccBytes));
  out.y = to_bytes(in.take16be(kMaxEccBytes));
}

Status read_kind(Reader& in, std::uint16_t type, PublicArea& out) {
  if (type == tpm::kAlgRsa) {
    read_rsa(in, out);
  } else if (type == tpm::kAlgEcc) {
    read_ecc(in, out);
  } else {
    return Error{Errc::unsupported,
                 "tpm public area: object type " + std::to_string(type) + " is neither RSA nor ECC"};
  }
  return ok();
}

struct AttributeName {
  std::uint32_t bit;
  const char* name;
};
constexpr AttributeName kAttributes[] = {{tpm::kFixedTpm, "fixedTPM"},
                                         {tpm::kStClear, "stClear"},
                                         {tpm::kFixedParent, "fixedParent"},
                                         {tpm::kSensitiveDataOrigin, "sensitiveDataOrigin"},
                                         {tpm::kUserWithAuth, "userWithAuth"},
                                         {tpm::kAdminWithPolicy, "adminWithPolicy"},
                                         {tpm::kFirmwareLimited, "firmwareLimited"},
                                         {tpm::kSvnLimited, "svnLimited"},
                                         {tpm::kNoDa, "noDA"},
                                         {tpm::kEncryptedDuplication, "encryptedDuplication"},
                                         {tpm::kRestricted, "restricted"},
                                         {tpm::kDecrypt, "decrypt"},
                                         {tpm::kSign, "sign"},
                                         {tpm::kX509Sign, "x509sign"}};

bool signing_scheme(const PublicArea& key) {
  if (key.kind == PublicArea::Kind::ecc) return key.scheme.alg == tpm::kAlgEcdsa;
  return key.scheme.alg == tpm::kAlgRsassa || key.scheme.alg == tpm::kAlgRsapss;
}

}  // namespace

Result<PublicArea> parse_public(View bytes) {
  Reader in(bytes);
  PublicArea out;
  std::uint16_t type = in.u16be();      // type
  std::uint16_t name_alg = in.u16be();  // nameAlg
  out.attributes = in.u32be();          // objectAttributes
  out.auth_policy = to_bytes(in.take16be(tpm::kMaxDigest));
  if ((out.attributes & tpm::kObjectReserved) != 0) in.fail();
  if (in.good()) CHECK_OK(read_kind(in, type, out));
  CHECK_OK(in.done("tpm public area"));
  auto alg = hash_alg_from_id(name_alg);
  if (!alg) return Error{Errc::unsupported, "tpm public area: nameAlg " + std::to_string(name_alg)};
  out.name_alg = *alg;
  if (!out.auth_policy.empty() && out.auth_policy.size() != digest_size(*alg))
    return Error{Errc::malformed, "tpm public area: authPolicy is not a digest of nameAlg"};
  out.encoded = to_bytes(bytes);
  TRY(out.key, import_public_key(out));
  return out;
}

Result<PublicArea> parse_tpm2b_public(View bytes) {
  Reader in(bytes);
  View area = in.take16be();
  CHECK_OK(in.done("tpm2b public"));
  return parse_public(area);
}

const char* PublicArea::algorithm() const {
  if (kind == Kind::rsa) return rsa_bits == 2048 ? "rsa-2048" : rsa_bits == 3072 ? "rsa-3072" : "rsa-4096";
  return curve == tpm::kCurveP256 ? "ec-p256" : curve == tpm::kCurveP384 ? "ec-p384" : "ec-p521";
}

Bytes PublicArea::name() const {
  Digest digest = hash_of(name_alg, {encoded});
  if (digest.empty()) return {};
  auto id = static_cast<std::uint16_t>(name_alg);
  Bytes out{static_cast<std::uint8_t>(id >> 8), static_cast<std::uint8_t>(id)};
  out.insert(out.end(), digest.view().begin(), digest.view().end());
  return out;
}

Result<Bytes> PublicArea::spki_der() const {
  int size = i2d_PUBKEY(key.get(), nullptr);
  if (size <= 0) return Error{Errc::io, "tpm public area: cannot encode the key"};
  Bytes der(static_cast<std::size_t>(size));
  std::uint8_t* at = der.data();
  if (i2d_PUBKEY(key.get(), &at) != size) return Error{Errc::io, "tpm public area: cannot encode the key"};
  return der;
}

std::string attributes_text(std::uint32_t attributes) {
  std::string text;
  for (const AttributeName& a : kAttributes)
    if ((attributes & a.bit) != 0) text += (text.empty() ? "" : " ") + std::string(a.name);
  return text;
}

Status check_attestation_key(const PublicArea& key, bool allow_sha1) {
  constexpr std::uint32_t kMust =
      tpm::kRestricted | tpm::kSign | tpm::kFixedTpm | tpm::kFixedParent | tpm::kSensitiveDataOrigin;
  if (std::uint32_t missing = kMust & ~key.attributes; missing != 0)
    return Error{Errc::denied, "attestation key: lacks " + attributes_text(missing)};
  if (key.has(tpm::kDecrypt)) return Error{Errc::denied, "attestation key: has decrypt set"};
  if (key.name_alg == HashAlg::sha1) return Error{Errc::denied, "attestation key: nameAlg is sha1"};
  if (!signing_scheme(key)) return Error{Errc::denied, "attestation key: no signing scheme set"};
  auto hash = hash_alg_from_id(key.scheme.hash);
  if (!hash)
    return Error{Errc::unsupported, "attestation key: scheme hash " + std::to_string(key.scheme.hash)};
  if (*hash == HashAlg::sha1 && !allow_sha1) return Error{Errc::denied, "attestation key: signs with sha1"};
  return ok();
}

}  // namespace attest
