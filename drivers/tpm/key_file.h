// key_file.h: a TSS2 key file (evidence/tpm/tss2_key.h) as structures of the TPM library.
#pragma once
#include "drivers/tpm/objects.h"
#include "evidence/tpm/tss2_key.h"

namespace attest {

struct KeyFile {
  TPM2_HANDLE parent = TPM2_RH_OWNER;  // a persistent handle, or a hierarchy for its default storage primary
  WrappedKey key;
};

// encode_key_file gives the PEM text.
Result<std::string> encode_key_file(const KeyFile& file);
// parse_key_file reads one PEM block. unsupported for keys with a policy or a secret, denied for keys with an
// authorisation value: they cannot be used without somebody to ask.
Result<KeyFile> parse_key_file(std::string_view pem);
// to_key_file takes a file whose container was read.
Result<KeyFile> to_key_file(const Tss2Key& key);

}  // namespace attest
