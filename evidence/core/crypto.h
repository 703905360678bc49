// crypto.h: the library context all our own cryptography uses.
#pragma once
#include <openssl/types.h>

namespace attest {

// private_libctx returns a library context of our own with the default provider loaded and no configuration
// read: inside a program we must never re-enter the program's context, and the daemon must never load
// openssl.cnf (it would call itself). Made at first use, lives as long as the process; nullptr if OpenSSL has no
// memory or no default provider, in which case every function that needs it fails with Errc::io.
OSSL_LIB_CTX* private_libctx();

}  // namespace attest
