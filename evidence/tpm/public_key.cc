#include "evidence/tpm/public_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "evidence/core/crypto.h"
#include "evidence/tpm/tpm_ids.h"

namespace attest {
namespace {

using OwnedBn = Owned<BIGNUM, BN_free>;
using OwnedParamBld = Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using OwnedParams = Owned<OSSL_PARAM, OSSL_PARAM_free>;

Error failed(const char* what) { return Error{Errc::io, std::string("tpm public key: ") + what}; }

Result<OwnedPkey> from_params(const char* type, OSSL_PARAM* params) {
  OwnedPkeyCtx ctx(EVP_PKEY_CTX_new_from_name(private_libctx(), type, nullptr));
  EVP_PKEY* raw = nullptr;
  if (!ctx || params == nullptr || EVP_PKEY_fromdata_init(ctx.get()) != 1) return failed("no memory");
  if (EVP_PKEY_fromdata(ctx.get(), &raw, EVP_PKEY_PUBLIC_KEY, params) != 1)
    return Error{Errc::malformed, std::string("tpm public key: OpenSSL refuses this ") + type + " key"};
  return OwnedPkey(raw);
}

// put_padded writes a number of at most `size` bytes with leading zeros; false if it is longer or empty.
bool put_padded(Bytes& out, View number, std::size_t size) {
  if (number.empty() || number.size() > size) return false;
  out.insert(out.end(), size - number.size(), 0);
  out.insert(out.end(), number.begin(), number.end());
  return true;
}

Status check_on_curve(EVP_PKEY* key) {
  OwnedPkeyCtx ctx(EVP_PKEY_CTX_new_from_pkey(private_libctx(), key, nullptr));
  if (!ctx) return failed("no memory");
  if (EVP_PKEY_public_check_quick(ctx.get()) != 1)
    return Error{Errc::malformed, "tpm public key: the point is not on the curve"};
  return ok();
}

Status check_modulus(std::uint16_t bits, std::uint32_t exponent, View modulus) {
  if (bits != 2048 && bits != 3072 && bits != 4096)
    return Error{Errc::unsupported, "tpm public key: RSA of " + std::to_string(bits) + " bits"};
  if (exponent != 0 && (exponent < 65537 || exponent % 2 == 0))
    return Error{Errc::unsupported, "tpm public key: RSA exponent " + std::to_string(exponent)};
  if (modulus.size() != bits / 8U || (modulus[0] & 0x80) == 0 || (modulus.back() & 1) == 0)
    return Error{Errc::malformed, "tpm public key: modulus is not an odd number of the declared size"};
  return ok();
}

}  // namespace

std::size_t ecc_field_size(std::uint16_t curve) {
  return curve == tpm::kCurveP256 ? 32 : curve == tpm::kCurveP384 ? 48 : curve == tpm::kCurveP521 ? 66 : 0;
}

const char* ecc_group_name(std::uint16_t curve) {
  return curve == tpm::kCurveP256   ? "P-256"
         : curve == tpm::kCurveP384 ? "P-384"
         : curve == tpm::kCurveP521 ? "P-521"
                                    : nullptr;
}

Result<OwnedPkey> make_ec_key(std::uint16_t curve, View x, View y) {
  const char* group = ecc_group_name(curve);
  if (group == nullptr) return Error{Errc::unsupported, "tpm public key: curve " + std::to_string(curve)};
  Bytes point{4};  // uncompressed
  if (!put_padded(point, x, ecc_field_size(curve)) || !put_padded(point, y, ecc_field_size(curve)))
    return Error{Errc::malformed, "tpm public key: coordinate of a wrong size"};
  OwnedParamBld bld(OSSL_PARAM_BLD_new());
  if (!bld || OSSL_PARAM_BLD_push_utf8_string(bld.get(), OSSL_PKEY_PARAM_GROUP_NAME, group, 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(bld.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1)
    return failed("no memory");
  OwnedParams params(OSSL_PARAM_BLD_to_param(bld.get()));
  TRY(OwnedPkey key, from_params("EC", params.get()));
  CHECK_OK(check_on_curve(key.get()));
  return key;
}

Result<OwnedPkey> make_rsa_key(std::uint16_t bits, std::uint32_t exponent, View modulus) {
  CHECK_OK(check_modulus(bits, exponent, modulus));
  OwnedBn n(BN_bin2bn(modulus.data(), static_cast<int>(modulus.size()), nullptr));
  OwnedBn e(BN_new());
  OwnedParamBld bld(OSSL_PARAM_BLD_new());
  if (!n || !e || !bld || BN_set_word(e.get(), exponent == 0 ? 65537 : exponent) != 1 ||
      OSSL_PARAM_BLD_push_BN(bld.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(bld.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
    return failed("no memory");
  OwnedParams params(OSSL_PARAM_BLD_to_param(bld.get()));
  return from_params("RSA", params.get());
}

Result<std::shared_ptr<EVP_PKEY>> import_public_key(const PublicArea& area) {
  auto made = area.kind == PublicArea::Kind::rsa
                  ? make_rsa_key(area.rsa_bits, area.rsa_exponent, area.modulus)
                  : make_ec_key(area.curve, area.x, area.y);
  TRY(OwnedPkey key, std::move(made));
  return std::shared_ptr<EVP_PKEY>(std::move(key));
}

}  // namespace attest
