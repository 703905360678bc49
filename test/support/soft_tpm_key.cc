#include "test/support/soft_tpm_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>

#include "evidence/core/crypto.h"
#include "evidence/tpm/pcr_selection.h"
#include "test/support/recording.h"

namespace attest::test {
namespace {

using OwnedBn = Owned<BIGNUM, BN_free>;
using OwnedEcdsaSig = Owned<ECDSA_SIG, ECDSA_SIG_free>;

Bytes number(EVP_PKEY* key, const char* name) {
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &raw) != 1) give_up("no key parameter");
  OwnedBn bn(raw);
  Bytes out(static_cast<std::size_t>(BN_num_bytes(raw)));
  BN_bn2bin(raw, out.data());
  return out;
}

Bytes padded(const Bytes& value, std::size_t size) {
  Bytes out(size - value.size(), 0);
  out.insert(out.end(), value.begin(), value.end());
  return out;
}

Bytes bytes_of(const BIGNUM* bn) {
  Bytes out(static_cast<std::size_t>(BN_num_bytes(bn)));
  BN_bn2bin(bn, out.data());
  return out;
}

void put_ecdsa(Writer& w, View der) {
  const std::uint8_t* at = der.data();
  OwnedEcdsaSig sig(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (!sig) give_up("no ECDSA signature");
  w.lv16(bytes_of(ECDSA_SIG_get0_r(sig.get())));
  w.lv16(bytes_of(ECDSA_SIG_get0_s(sig.get())));
}

}  // namespace

SoftTpmKey::SoftTpmKey(Options options) : options_(std::move(options)) {
  EVP_PKEY* made = rsa() ? EVP_PKEY_Q_keygen(private_libctx(), nullptr, "RSA", std::size_t{options_.rsa_bits})
                         : EVP_PKEY_Q_keygen(private_libctx(), nullptr, "EC", options_.algorithm.c_str());
  if (made == nullptr) give_up("cannot make a key");
  key_.reset(made);
}

std::uint16_t SoftTpmKey::scheme() const {
  if (options_.scheme != 0 && options_.scheme != tpm::kAlgNull) return options_.scheme;
  return rsa() ? tpm::kAlgRsassa : tpm::kAlgEcdsa;
}

Bytes SoftTpmKey::public_area() const {
  Writer w;
  w.u16be(rsa() ? tpm::kAlgRsa : tpm::kAlgEcc);
  w.u16be(static_cast<std::uint16_t>(options_.name_alg));
  w.u32be(options_.attributes);
  w.lv16({});
  w.u16be(tpm::kAlgNull);
  std::uint16_t scheme = options_.scheme == tpm::kAlgNull ? tpm::kAlgNull : this->scheme();
  w.u16be(scheme);
  if (scheme != tpm::kAlgNull) w.u16be(static_cast<std::uint16_t>(options_.hash));
  if (rsa()) {
    w.u16be(static_cast<std::uint16_t>(options_.rsa_bits));
    w.u32be(options_.exponent);
    w.lv16(number(key_.get(), OSSL_PKEY_PARAM_RSA_N));
  } else {
    bool p256 = options_.algorithm == "P-256", p384 = options_.algorithm == "P-384";
    w.u16be(p256 ? tpm::kCurveP256 : p384 ? tpm::kCurveP384 : tpm::kCurveP521);
    w.u16be(tpm::kAlgNull);
    std::size_t field = p256 ? 32 : p384 ? 48 : 66;
    for (const char* name : {OSSL_PKEY_PARAM_EC_PUB_X, OSSL_PKEY_PARAM_EC_PUB_Y}) {
      Bytes coordinate = number(key_.get(), name);
      w.lv16(options_.trim_coordinates ? coordinate : padded(coordinate, field));
    }
  }
  return must(std::move(w).finish("public area"));
}

Bytes SoftTpmKey::sign(View message, std::uint16_t scheme, HashAlg hash) const {
  OwnedMdCtx ctx(EVP_MD_CTX_new());
  EVP_PKEY_CTX* pkey = nullptr;
  bool fine = EVP_DigestSignInit_ex(ctx.get(), &pkey, hash_alg_name(hash), private_libctx(), nullptr,
                                    key_.get(), nullptr) == 1;
  if (scheme == tpm::kAlgRsapss)
    fine = fine && EVP_PKEY_CTX_set_rsa_padding(pkey, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(pkey, RSA_PSS_SALTLEN_DIGEST) == 1;
  std::size_t size = 0;
  fine = fine && EVP_DigestSign(ctx.get(), nullptr, &size, message.data(), message.size()) == 1;
  Bytes raw(size);
  fine = fine && EVP_DigestSign(ctx.get(), raw.data(), &size, message.data(), message.size()) == 1;
  if (!fine) give_up("cannot sign");
  raw.resize(size);
  Writer w;
  w.u16be(scheme);
  w.u16be(static_cast<std::uint16_t>(hash));
  if (scheme == tpm::kAlgEcdsa) {
    put_ecdsa(w, raw);
  } else {
    w.lv16(raw);
  }
  return must(std::move(w).finish("signature"));
}

Bytes quote_over(HashAlg bank, const std::vector<std::uint8_t>& pcrs, View pcr_digest, View extra_data) {
  Writer w;
  w.u32be(tpm::kGenerated);
  w.u16be(0x8018);
  w.lv16(Bytes{0x40, 0, 0, 7});  // qualified signer: a handle
  w.lv16(extra_data);
  w.u64be(1000);  // clock
  w.u32be(1);     // reset count
  w.u32be(0);     // restart count
  w.u8(1);        // safe
  w.u64be(0);     // firmware
  if (!write_pcr_selections(w, {bank, pcrs})) give_up("bad selection");
  w.lv16(pcr_digest);
  return must(std::move(w).finish("quote"));
}

}  // namespace attest::test
