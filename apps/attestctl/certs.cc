#include "apps/attestctl/certs.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "apps/attestctl/files.h"
#include "evidence/core/crypto.h"
#include "evidence/core/hash.h"
#include "evidence/core/hex.h"
#include "evidence/x509/certificate.h"
#include "evidence/x509/private_key.h"

namespace attest::ctl {
namespace {

using OwnedExtension = Owned<X509_EXTENSION, X509_EXTENSION_free>;
constexpr std::size_t kMaxKeyFile = 1 << 16;
constexpr std::size_t kMaxPassphrase = 1024;

// openssl_error tells what OpenSSL thought was wrong and empties its queue.
Error openssl_error(Errc code, const std::string& doing) {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  std::string text = doing + ": " + (reason ? reason : "OpenSSL gives no reason");
  ERR_clear_error();
  return {code, text};
}

Status add_extension(X509* cert, const X509* issuer, int nid, const std::string& value) {
  X509V3_CTX ctx;
  X509V3_set_ctx(&ctx, const_cast<X509*>(issuer), cert, nullptr, nullptr, 0);
  OwnedExtension extension(X509V3_EXT_nconf_nid(nullptr, &ctx, nid, value.c_str()));
  if (!extension || X509_add_ext(cert, extension.get(), -1) != 1)
    return openssl_error(Errc::io, std::string("certificate extension ") + OBJ_nid2sn(nid));
  return ok();
}

Result<std::string> alternative_names(const std::vector<std::string>& names) {
  std::string value;
  for (const std::string& name : names) {
    if (name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-*") !=
        std::string::npos)
      return Error{Errc::malformed, "\"" + name + "\" is no DNS name"};
    value += (value.empty() ? "DNS:" : ",DNS:") + name;
  }
  return value;
}

Status add_extensions(X509* cert, const X509* issuer, const CertProfile& profile) {
  CHECK_OK(add_extension(cert, issuer, NID_basic_constraints,
                         profile.ca ? "critical,CA:TRUE" : "critical,CA:FALSE"));
  CHECK_OK(add_extension(cert, issuer, NID_key_usage,
                         profile.ca ? "critical,keyCertSign,cRLSign" : "critical," + profile.key_usage));
  CHECK_OK(add_extension(cert, issuer, NID_subject_key_identifier, "hash"));
  if (issuer != cert && X509_get0_subject_key_id(const_cast<X509*>(issuer)))
    CHECK_OK(add_extension(cert, issuer, NID_authority_key_identifier, "keyid"));
  if (!profile.extended_key_usage.empty())
    CHECK_OK(add_extension(cert, issuer, NID_ext_key_usage, profile.extended_key_usage));
  TRY(std::string names, alternative_names(profile.dns_names));
  if (!names.empty()) CHECK_OK(add_extension(cert, issuer, NID_subject_alt_name, names));
  return ok();
}

Status set_serial(X509* cert) {
  std::array<unsigned char, 16> serial;
  if (RAND_bytes_ex(private_libctx(), serial.data(), serial.size(), 0) != 1)
    return openssl_error(Errc::io, "certificate serial number");
  serial[0] = (serial[0] & 0x7f) | 0x01;  // positive, and 16 bytes long
  Owned<BIGNUM, BN_free> number(BN_bin2bn(serial.data(), serial.size(), nullptr));
  if (!number || !BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(cert)))
    return openssl_error(Errc::io, "certificate serial number");
  return ok();
}

Status set_names_and_times(X509* cert, const X509* issuer, const CertProfile& profile, EVP_PKEY* subject) {
  auto text = reinterpret_cast<const unsigned char*>(profile.common_name.c_str());
  bool done =
      X509_set_version(cert, X509_VERSION_3) == 1 &&
      X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8, text, -1, -1, 0) == 1 &&
      X509_set_issuer_name(cert, X509_get_subject_name(issuer)) == 1 &&
      X509_gmtime_adj(X509_getm_notBefore(cert), -300) &&
      X509_time_adj_ex(X509_getm_notAfter(cert), static_cast<int>(profile.days), 0, nullptr) &&
      X509_set_pubkey(cert, subject) == 1;
  if (!done) return openssl_error(Errc::io, "certificate for \"" + profile.common_name + "\"");
  return ok();
}

Status sign_cert(X509* cert, EVP_PKEY* key) {
  OwnedMdCtx ctx(EVP_MD_CTX_new());
  const char* digest = EVP_PKEY_get_bits(key) == 384 ? "SHA384" : "SHA256";
  if (!ctx ||
      EVP_DigestSignInit_ex(ctx.get(), nullptr, digest, private_libctx(), nullptr, key, nullptr) != 1 ||
      X509_sign_ctx(cert, ctx.get()) <= 0)
    return openssl_error(Errc::io, "certificate signature");
  return ok();
}

}  // namespace

Result<OwnedPkey> new_key(std::string_view algorithm) {
  OSSL_LIB_CTX* libctx = private_libctx();
  OwnedPkey key;
  if (algorithm == "ec-p256")
    key.reset(EVP_PKEY_Q_keygen(libctx, nullptr, "EC", "P-256"));
  else if (algorithm == "ec-p384")
    key.reset(EVP_PKEY_Q_keygen(libctx, nullptr, "EC", "P-384"));
  else if (algorithm == "rsa-3072")
    key.reset(EVP_PKEY_Q_keygen(libctx, nullptr, "RSA", std::size_t{3072}));
  else
    return Error{Errc::unsupported,
                 "key algorithm \"" + std::string(algorithm) + "\": use ec-p256, ec-p384 or rsa-3072"};
  if (!key) return openssl_error(Errc::io, "key generation");
  return key;
}

Result<std::optional<Secret>> read_passphrase(const std::string& path) {
  if (path.empty()) return std::optional<Secret>();
  TRY(Bytes text, read_input(path, kMaxPassphrase + 2));
  std::size_t size = text.size();
  while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r')) size--;
  bool fits = size > 0 && size <= kMaxPassphrase;
  auto passphrase = fits ? std::optional(Secret::copy_of(View(text).first(size))) : std::nullopt;
  OPENSSL_cleanse(text.data(), text.size());
  if (!fits) return Error{Errc::denied, path + ": a passphrase has 1 to 1,024 bytes"};
  return passphrase;
}

Result<Secret> key_pem(const EVP_PKEY* key, const std::string& passphrase_file) {
  TRY(std::optional<Secret> passphrase, read_passphrase(passphrase_file));
  return private_key_pem(key, passphrase ? &*passphrase : nullptr);
}

Result<OwnedPkey> read_key(const std::string& path, const std::string& passphrase_file) {
  TRY(std::optional<Secret> passphrase, read_passphrase(passphrase_file));
  TRY(Bytes pem, read_input(path, kMaxKeyFile));
  auto key = parse_private_key(pem, path, passphrase ? &*passphrase : nullptr);
  OPENSSL_cleanse(pem.data(), pem.size());
  return key;
}

Result<OwnedPkey> parse_spki(View der) {
  const unsigned char* at = der.data();
  OwnedPkey key(d2i_PUBKEY_ex(nullptr, &at, static_cast<long>(der.size()), private_libctx(), nullptr));
  if (!key) return openssl_error(Errc::malformed, "public key");
  if (at != der.data() + der.size()) return Error{Errc::malformed, "public key: bytes follow it"};
  return key;
}

Result<Bytes> issue(const CertProfile& profile, EVP_PKEY* subject, const X509* issuer_cert,
                    EVP_PKEY* issuer_key) {
  OwnedX509 cert(X509_new_ex(private_libctx(), nullptr));
  if (!cert) return openssl_error(Errc::io, "certificate");
  const X509* issuer = issuer_cert ? issuer_cert : cert.get();
  CHECK_OK(set_serial(cert.get()));
  CHECK_OK(set_names_and_times(cert.get(), issuer, profile, subject));
  CHECK_OK(add_extensions(cert.get(), issuer, profile));
  CHECK_OK(sign_cert(cert.get(), issuer_key));
  unsigned char* raw = nullptr;
  int size = i2d_X509(cert.get(), &raw);
  if (size <= 0) return openssl_error(Errc::io, "certificate");
  Bytes der(raw, raw + size);
  OPENSSL_free(raw);
  return der;
}

std::string spki_sha256_hex(const EVP_PKEY* key) { return to_hex(sha256(spki_der(key)).view()); }

}  // namespace attest::ctl
