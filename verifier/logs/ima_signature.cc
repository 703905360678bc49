#include <openssl/cms.h>

#include "evidence/core/crypto.h"
#include "evidence/core/error_mark.h"
#include "evidence/logs/ima/template.h"
#include "verifier/logs/ima_keys.h"

namespace attest {
namespace {

using ima::FileSignature;
using ima::SignatureKind;

bool verify(EVP_PKEY* key, HashAlg alg, View digest, View signature) {
  OwnedPkeyCtx ctx(EVP_PKEY_CTX_new_from_pkey(private_libctx(), key, nullptr));
  if (!ctx || EVP_PKEY_verify_init(ctx.get()) != 1) return false;
  if (EVP_PKEY_CTX_set_signature_md(ctx.get(), evp_md(alg)) != 1) return false;
  return EVP_PKEY_verify(ctx.get(), signature.data(), signature.size(), digest.data(), digest.size()) == 1;
}

// Any key of the identifier may have made it; none of that identifier is another answer than a bad signature.
SignatureState verify_with(const std::vector<ImaKey>& keys, const FileSignature& s, HashAlg alg, View digest) {
  SignatureState state = SignatureState::unknown_key;
  for (const ImaKey& key : keys) {
    if (std::ranges::find(key.ids, s.key_id) == key.ids.end()) continue;
    if (verify(key.key.get(), alg, digest, s.value)) return SignatureState::good;
    state = SignatureState::bad;
  }
  return state;
}

// Version 3 signs the hash of a struct ima_file_id: what is signed, the hash's number, the digest.
Digest file_id_digest(const FileSignature& s, HashAlg alg, View digest) {
  std::array<std::uint8_t, 2> head{static_cast<std::uint8_t>(s.kind), s.hash};
  return hash_of(alg, {head, digest});
}

SignatureState check_file(const ImaEntry& entry, const FileSignature& s, const std::vector<ImaKey>& keys) {
  auto alg = ima::kernel_hash(s.hash);
  if (!alg) return SignatureState::unsupported;
  ImaHint hint = ima_hint(entry.template_name, entry.data);
  if (hash_alg_from_name(hint.digest_alg) != alg || hint.digest.size() != digest_size(*alg)) return SignatureState::bad;
  if (s.version == 2) return s.kind == SignatureKind::file ? verify_with(keys, s, *alg, hint.digest) : SignatureState::unsupported;
  return verify_with(keys, s, *alg, file_id_digest(s, *alg, hint.digest).view());
}

std::uint64_t number(View field) {
  std::uint64_t value = 0;
  for (std::size_t i = std::min<std::size_t>(field.size(), 8); i-- > 0;) value = value << 8 | field[i];
  return value;
}

// A portable EVM signature is over the attributes' values and the owner, group and mode of the file.
SignatureState check_evm(const ImaEntry& entry, const FileSignature& s, const std::vector<ImaKey>& keys) {
  auto alg = ima::kernel_hash(s.hash);
  if (!alg || s.version != 2) return SignatureState::unsupported;
  auto field = [&](std::string_view id) { return ima::field_of(entry.template_name, entry.data, id); };
  Writer misc;  // ino and generation are zero in portable signatures
  misc.u64le(0);
  misc.u32le(0);
  misc.u32le(static_cast<std::uint32_t>(number(field("iuid"))));
  misc.u32le(static_cast<std::uint32_t>(number(field("igid"))));
  misc.u16le(static_cast<std::uint16_t>(number(field("imode"))));
  misc.u16le(0);
  auto tail = std::move(misc).finish("evm");
  if (!tail) return SignatureState::malformed;
  return verify_with(keys, s, *alg, hash_of(*alg, {field("xattrvalues"), *tail}).view());
}

// An appended signature is a CMS message without content, over the digest in d-modsig.
SignatureState check_appended(const ImaEntry& entry, View message, const std::vector<ImaKey>& keys) {
  using OwnedCms = Owned<CMS_ContentInfo, CMS_ContentInfo_free>;
  const unsigned char* at = message.data();
  OwnedCms cms(d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(message.size())));
  STACK_OF(CMS_SignerInfo)* signers = cms ? CMS_get0_SignerInfos(cms.get()) : nullptr;
  if (signers == nullptr || sk_CMS_SignerInfo_num(signers) != 1) return SignatureState::malformed;
  CMS_SignerInfo* signer = sk_CMS_SignerInfo_value(signers, 0);
  if (CMS_signed_get_attr_count(signer) > 0) return SignatureState::unsupported;  // the kernel's tool makes none
  const ASN1_OCTET_STRING* value = CMS_SignerInfo_get0_signature(signer);
  View digest = ima::field_of(entry.template_name, entry.data, "d-modsig");
  auto nul = std::ranges::find(digest, std::uint8_t{0});
  std::string_view name = as_text(digest.first(static_cast<std::size_t>(nul - digest.begin())));
  auto alg = hash_alg_from_name(name.substr(0, name.rfind(':')));
  if (!alg || nul == digest.end() || digest.size() != name.size() + 1 + digest_size(*alg)) return SignatureState::malformed;
  View bytes(ASN1_STRING_get0_data(value), static_cast<std::size_t>(ASN1_STRING_length(value)));
  for (const ImaKey& key : keys)
    if (verify(key.key.get(), *alg, digest.subspan(name.size() + 1), bytes)) return SignatureState::good;
  return SignatureState::unknown_key;
}

}  // namespace

SignatureState check_ima_signature(const ImaEntry& entry, const std::vector<ImaKey>& keys) {
  ErrorMark mark;
  View evm = ima::field_of(entry.template_name, entry.data, "evmsig");
  View modsig = ima::field_of(entry.template_name, entry.data, "modsig");
  View file = ima::field_of(entry.template_name, entry.data, "sig");
  if (!file.empty() || !evm.empty()) {
    auto s = ima::parse_file_signature(file.empty() ? evm : file);
    if (!s) return SignatureState::malformed;
    return s->kind == SignatureKind::evm ? check_evm(entry, *s, keys) : check_file(entry, *s, keys);
  }
  return modsig.empty() ? SignatureState::none : check_appended(entry, modsig, keys);
}

}  // namespace attest
