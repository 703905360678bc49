#include "evidence/x509/private_key.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include <algorithm>

#include "evidence/core/crypto.h"
#include "evidence/core/error_mark.h"

namespace attest {
namespace {

constexpr int kIterations = 600000;  // of PBKDF2: half a second for each guess

using OwnedCipher = Owned<EVP_CIPHER, EVP_CIPHER_free>;
using OwnedKeyInfo = Owned<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free>;
using OwnedSealedKey = Owned<X509_SIG, X509_SIG_free>;
using OwnedAlgorithm = Owned<X509_ALGOR, X509_ALGOR_free>;

// give_passphrase is OpenSSL's question; -1: there is none.
int give_passphrase(char* out, int room, int, void* arg) {
  const auto* passphrase = static_cast<const Secret*>(arg);
  if (passphrase == nullptr || room < 0 || passphrase->reveal().size() > static_cast<std::size_t>(room)) return -1;
  std::ranges::copy(passphrase->reveal(), out);
  return static_cast<int>(passphrase->reveal().size());
}

bool write_sealed(BIO* bio, const EVP_PKEY* key, const Secret& passphrase) {
  OSSL_LIB_CTX* libctx = private_libctx();
  OwnedCipher cipher(EVP_CIPHER_fetch(libctx, "AES-256-CBC", nullptr));
  OwnedKeyInfo info(EVP_PKEY2PKCS8(key));
  if (!cipher || !info) return false;
  OwnedAlgorithm how(PKCS5_pbe2_set_iv_ex(cipher.get(), kIterations, nullptr, 16, nullptr, NID_hmacWithSHA256, libctx));
  if (!how) return false;
  OwnedSealedKey sealed(PKCS8_set0_pbe_ex(reinterpret_cast<const char*>(passphrase.reveal().data()),
                                          static_cast<int>(passphrase.reveal().size()), info.get(), how.get(), libctx, nullptr));
  if (!sealed) return false;
  static_cast<void>(how.release());  // the sealed key's now
  return PEM_write_bio_PKCS8(bio, sealed.get()) == 1;
}

}  // namespace

Result<OwnedPkey> parse_private_key(View pem, std::string_view name, const Secret* passphrase) {
  ErrorMark mark;
  OwnedBio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) return Error{Errc::io, std::string(name) + ": OpenSSL cannot read it"};
  OwnedPkey key(PEM_read_bio_PrivateKey_ex(bio.get(), nullptr, give_passphrase, const_cast<Secret*>(passphrase), private_libctx(), nullptr));
  if (key) return key;
  bool sealed = as_text(pem).find("ENCRYPTED") != std::string_view::npos;
  if (sealed && passphrase != nullptr) return Error{Errc::denied, std::string(name) + ": the passphrase does not open it"};
  return Error{Errc::malformed, std::string(name) + ": no private key in PEM form without a passphrase"};
}

Result<Secret> private_key_pem(const EVP_PKEY* key, const Secret* passphrase) {
  ErrorMark mark;
  OwnedBio bio(BIO_new(BIO_s_secmem()));
  bool done = bio && (passphrase != nullptr ? write_sealed(bio.get(), key, *passphrase)
                                            : PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  if (!done) return Error{Errc::io, "private key: OpenSSL cannot write it"};
  char* data = nullptr;
  long size = BIO_get_mem_data(bio.get(), &data);
  return Secret::copy_of(as_view(std::string_view(data, size > 0 ? static_cast<std::size_t>(size) : 0)));
}

}  // namespace attest
