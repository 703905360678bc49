// key_file.h: TSS2 PRIVATE KEY files: a key that one TPM alone can open, as tpm2-openssl writes it too.
//   SEQUENCE { OID 2.23.133.10.1.3, [0] BOOLEAN emptyAuth, INTEGER parent,
//              OCTET STRING TPM2B_PUBLIC, OCTET STRING TPM2B_PRIVATE }
#pragma once
#include "drivers/tpm/objects.h"

namespace attest {

struct KeyFile {
  TPM2_HANDLE parent = TPM2_RH_OWNER;  // a persistent handle, or a hierarchy for its default storage primary
  WrappedKey key;
};

// encode_key_file gives the PEM text.
Result<std::string> encode_key_file(const KeyFile& file);
// parse_key_file reads one PEM block. unsupported for keys with an authorisation value, a policy or a secret:
// they cannot be used without somebody to ask.
Result<KeyFile> parse_key_file(std::string_view pem);

}  // namespace attest
