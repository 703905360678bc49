// tss2_key.h: TSS2 PRIVATE KEY files: a key that one TPM alone can open, as tpm2-openssl, tpm2-tools
// (tpm2_encodeobject) and the tpm2-tss engine write it.
//   SEQUENCE { OID 2.23.133.10.1.3, [0] BOOLEAN emptyAuth, INTEGER parent,
//              OCTET STRING TPM2B_PUBLIC, OCTET STRING TPM2B_PRIVATE }
#pragma once
#include "evidence/tpm/public_area.h"

namespace attest {

inline constexpr std::string_view kTss2KeyLabel = "TSS2 PRIVATE KEY";
inline constexpr std::size_t kMaxTss2Key = 4096;  // DER; an RSA-3072 key has some 1,200 bytes

struct Tss2Key {
  std::uint32_t parent = 0x40000001;  // a persistent handle, or a hierarchy for its default storage primary
  bool empty_auth = true;             // tpm2_encodeobject says false of keys that have none, too
  Bytes pub;                          // TPM2B_PUBLIC
  Bytes priv;                         // TPM2B_PRIVATE
};

// parse_tss2_key takes strict DER with nothing behind it. unsupported for keys that need a policy, a secret or
// an RSA parent, and for importable and sealed objects. The public area is not read: see tss2_public.
Result<Tss2Key> parse_tss2_key(View der);
Result<Bytes> encode_tss2_key(const Tss2Key& key);
// parse_tss2_key_pem reads the first block of this kind in a text; tss2_key_der gives its DER unread.
Result<Tss2Key> parse_tss2_key_pem(std::string_view pem);
Result<Bytes> tss2_key_der(std::string_view pem);
Result<std::string> tss2_key_pem(const Tss2Key& key);

// tss2_public reads the public area: a key that signs, without a policy of its own. denied where an
// authorisation value may be needed and a wrong guess would count against the TPM: nobody is there to ask.
Result<PublicArea> tss2_public(const Tss2Key& key);

}  // namespace attest
