#include "evidence/x509/private_key.h"

#include <openssl/pem.h>

#include "evidence/core/crypto.h"
#include "evidence/core/error_mark.h"

namespace attest {
namespace {

int no_passphrase(char*, int, int, void*) { return -1; }

}  // namespace

Result<OwnedPkey> parse_private_key(View pem, std::string_view name) {
  ErrorMark mark;
  OwnedBio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) return Error{Errc::io, std::string(name) + ": OpenSSL cannot read it"};
  OwnedPkey key(PEM_read_bio_PrivateKey_ex(bio.get(), nullptr, no_passphrase, nullptr, private_libctx(), nullptr));
  if (!key) return Error{Errc::malformed, std::string(name) + ": no private key in PEM form without a passphrase"};
  return key;
}

}  // namespace attest
