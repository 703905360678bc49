#include "drivers/sw/key_file.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "drivers/secret_file.h"
#include "evidence/core/crypto.h"
#include "evidence/core/error_mark.h"
#include "evidence/x509/certificate.h"
#include "evidence/x509/private_key.h"

namespace attest {
namespace {

constexpr std::size_t kMaxFile = 16 << 10;

Error openssl_failed(std::string_view what) {
  return {Errc::io, "key: " + std::string(what) + ": OpenSSL failed"};
}

}  // namespace

Result<OwnedPkey> make_sw_key(std::string_view algorithm) {
  EVP_PKEY* key = nullptr;
  if (algorithm == "ec-p256")
    key = EVP_PKEY_Q_keygen(private_libctx(), nullptr, "EC", "P-256");
  else if (algorithm == "ec-p384")
    key = EVP_PKEY_Q_keygen(private_libctx(), nullptr, "EC", "P-384");
  else if (algorithm == "rsa-2048")
    key = EVP_PKEY_Q_keygen(private_libctx(), nullptr, "RSA", std::size_t{2048});
  else if (algorithm == "rsa-3072")
    key = EVP_PKEY_Q_keygen(private_libctx(), nullptr, "RSA", std::size_t{3072});
  else
    return Error{Errc::unsupported, "key: no algorithm \"" + std::string(algorithm) +
                                        "\"; there are ec-p256, ec-p384, rsa-2048, rsa-3072"};
  if (key == nullptr) return openssl_failed("generate");
  return OwnedPkey(key);
}

Result<std::string> key_algorithm(const EVP_PKEY* key) {
  char group[32] = {};
  if (EVP_PKEY_is_a(key, "RSA") == 1) {
    int bits = EVP_PKEY_get_bits(key);
    if (bits == 2048 || bits == 3072) return "rsa-" + std::to_string(bits);
  } else if (EVP_PKEY_is_a(key, "EC") == 1 &&
             EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, nullptr) ==
                 1) {
    if (std::string_view(group) == "prime256v1") return std::string("ec-p256");
    if (std::string_view(group) == "secp384r1") return std::string("ec-p384");
  }
  return Error{Errc::unsupported, "key: neither EC P-256, P-384 nor RSA of 2048 or 3072 bits"};
}

Result<OwnedPkey> read_sw_key(const std::filesystem::path& path) {
  TRY(Secret pem, read_secret_file(path, kMaxFile));
  return parse_private_key(pem.reveal(), path.string());
}

Status write_sw_key(const std::filesystem::path& path, const EVP_PKEY* key) {
  OwnedBio bio(BIO_new(BIO_s_secmem()));
  if (!bio || PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return openssl_failed("write");
  char* data = nullptr;
  long size = BIO_get_mem_data(bio.get(), &data);
  if (size <= 0) return openssl_failed("write");
  Status written = write_secret_file(path, as_view({data, static_cast<std::size_t>(size)}));
  OPENSSL_cleanse(data, static_cast<std::size_t>(size));
  return written;
}

Result<Bytes> sw_sign(EVP_PKEY* key, const TlsScheme& scheme, View content) {
  OwnedMdCtx ctx(EVP_MD_CTX_new());
  EVP_PKEY_CTX* pkey = nullptr;
  if (!ctx || EVP_DigestSignInit_ex(ctx.get(), &pkey, hash_alg_name(scheme.hash), private_libctx(), nullptr,
                                    key, nullptr) != 1)
    return openssl_failed("sign");
  if (scheme.curve == nullptr && (EVP_PKEY_CTX_set_rsa_padding(pkey, RSA_PKCS1_PSS_PADDING) != 1 ||
                                  EVP_PKEY_CTX_set_rsa_pss_saltlen(pkey, RSA_PSS_SALTLEN_DIGEST) != 1))
    return openssl_failed("sign");
  std::size_t size = 0;
  if (EVP_DigestSign(ctx.get(), nullptr, &size, content.data(), content.size()) != 1)
    return openssl_failed("sign");
  Bytes out(size);
  if (EVP_DigestSign(ctx.get(), out.data(), &size, content.data(), content.size()) != 1)
    return openssl_failed("sign");
  out.resize(size);
  return out;
}

Result<Bytes> public_der(const EVP_PKEY* key) {
  Bytes der = spki_der(key);
  if (der.empty()) return openssl_failed("public half");
  return der;
}

}  // namespace attest
