#include "evidence/dcap/sigstruct.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "evidence/core/crypto.h"
#include "evidence/core/owned.h"

namespace attest {
namespace {

constexpr std::size_t kHeadBytes = 128, kBodyAt = 900, kBodyBytes = 128, kKeyBytes = 384;
constexpr std::array<std::uint8_t, 16> kHeader = {6, 0, 0, 0, 0xe1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0};
constexpr std::array<std::uint8_t, 16> kHeader2 = {1, 1, 0, 0, 0x60, 0, 0, 0, 0x60, 0, 0, 0, 1, 0, 0, 0};

Error bad(std::string_view what) { return {Errc::malformed, "sigstruct: " + std::string(what)}; }

Bytes reversed(View bytes) { return {bytes.rbegin(), bytes.rend()}; }

using OwnedBn = Owned<BIGNUM, BN_free>;
using OwnedParamBld = Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using OwnedParams = Owned<OSSL_PARAM, OSSL_PARAM_free>;

Result<OwnedPkey> key_of(View modulus) {
  Error failed{Errc::io, "sigstruct: OpenSSL cannot make a key"};
  if ((modulus.back() & 0x80) == 0 || (modulus.front() & 1) == 0) return bad("its key is no odd number of 3072 bits");
  OwnedBn n(BN_lebin2bn(modulus.data(), static_cast<int>(modulus.size()), nullptr)), e(BN_new());
  OwnedParamBld bld(OSSL_PARAM_BLD_new());
  if (!n || !e || !bld || BN_set_word(e.get(), 3) != 1 ||
      OSSL_PARAM_BLD_push_BN(bld.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(bld.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
    return failed;
  OwnedParams params(OSSL_PARAM_BLD_to_param(bld.get()));
  OwnedPkeyCtx ctx(EVP_PKEY_CTX_new_from_name(private_libctx(), "RSA", nullptr));
  EVP_PKEY* made = nullptr;
  if (!params || !ctx || EVP_PKEY_fromdata_init(ctx.get()) != 1 ||
      EVP_PKEY_fromdata(ctx.get(), &made, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
    return failed;
  return OwnedPkey(made);
}

Status verify(View bytes, View modulus, View signature) {
  TRY(OwnedPkey key, key_of(modulus));
  OwnedMdCtx ctx(EVP_MD_CTX_new());
  Bytes big_endian = reversed(signature);
  if (!ctx || EVP_DigestVerifyInit_ex(ctx.get(), nullptr, "SHA256", private_libctx(), nullptr, key.get(), nullptr) != 1 ||
      EVP_DigestVerifyUpdate(ctx.get(), bytes.data(), kHeadBytes) != 1 ||
      EVP_DigestVerifyUpdate(ctx.get(), bytes.data() + kBodyAt, kBodyBytes) != 1)
    return Error{Errc::io, "sigstruct: OpenSSL cannot verify"};
  if (EVP_DigestVerifyFinal(ctx.get(), big_endian.data(), big_endian.size()) == 1) return ok();
  return Error{Errc::untrusted, "sigstruct: its signature does not verify with the key inside"};
}

void read_body(Reader& in, Sigstruct& out) {
  out.misc_select = in.u32le();
  out.misc_mask = in.u32le();
  in.take(4 + 16);  // CET, family id
  out.attributes = in.array<16>();
  out.attribute_mask = in.array<16>();
  out.mr_enclave = Digest::of(in.take(32));
  in.take(16 + 16);  // reserved, extended product id
  out.isv_prod_id = in.u16le();
  out.isv_svn = in.u16le();
}

}  // namespace

Result<Sigstruct> parse_sigstruct(View bytes) {
  if (bytes.size() != kSigstructBytes) return bad("it has " + std::to_string(kSigstructBytes) + " bytes");
  Sigstruct out;
  Reader in(bytes);
  bool first = in.array<16>() == kHeader;
  out.vendor = in.u32le();
  out.date = in.u32le();
  bool second = in.array<16>() == kHeader2;
  if (!first || !second) return bad("it does not begin as one");
  in.take(4 + 84);  // software defined, reserved
  View modulus = in.take(kKeyBytes);
  if (in.u32le() != 3) return bad("its key's exponent is not 3");
  View signature = in.take(kKeyBytes);
  read_body(in, out);
  CHECK_OK(verify(bytes, modulus, signature));
  out.mr_signer = sha256(modulus);
  return out;
}

}  // namespace attest
