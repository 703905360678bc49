#include "drivers/tpm/key_file.h"

#include "drivers/tpm/marshal.h"

namespace attest {

Result<std::string> encode_key_file(const KeyFile& file) {
  Tss2Key key;
  key.parent = file.parent;
  TRY(key.pub, marshalled(file.key.pub, Tss2_MU_TPM2B_PUBLIC_Marshal));
  TRY(key.priv, marshalled(file.key.priv, Tss2_MU_TPM2B_PRIVATE_Marshal));
  return tss2_key_pem(key);
}

Result<KeyFile> to_key_file(const Tss2Key& key) {
  TRY(PublicArea area, tss2_public(key));
  KeyFile file;
  file.parent = key.parent == 0 ? TPM2_RH_OWNER : key.parent;  // the tpm2-tss engine writes 0
  TRY(file.key.pub, unmarshalled(key.pub, Tss2_MU_TPM2B_PUBLIC_Unmarshal, "tpm key file: public area"));
  TRY(file.key.priv, unmarshalled(key.priv, Tss2_MU_TPM2B_PRIVATE_Unmarshal, "tpm key file: private area"));
  return file;
}

Result<KeyFile> parse_key_file(std::string_view pem) {
  TRY(Tss2Key key, parse_tss2_key_pem(pem));
  return to_key_file(key);
}

}  // namespace attest
