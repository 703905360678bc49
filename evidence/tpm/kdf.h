// kdf.h: the two key derivations of the TPM (TPM 2.0 part 1, clause 11.4.10).
#pragma once
#include "evidence/core/hash.h"
#include "evidence/core/secret.h"

namespace attest {

// kdfa is the HMAC counter mode of SP 800-108: `bits` (a multiple of 8) from a key, a label and two contexts.
// io if OpenSSL fails.
Result<Secret> kdfa(HashAlg hash, View key, std::string_view label, View context_u, View context_v,
                    std::uint32_t bits);

// kdfe derives from an ECDH secret as SP 800-56A does; party_u and party_v are x coordinates of full length.
Result<Secret> kdfe(HashAlg hash, View z, std::string_view label, View party_u, View party_v,
                    std::uint32_t bits);

// hmac over the concatenation of parts; io if OpenSSL fails.
Result<Secret> hmac(HashAlg hash, View key, std::initializer_list<View> parts);

}  // namespace attest
