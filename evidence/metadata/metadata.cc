#include "evidence/metadata/metadata.h"

#include "evidence/cmc/cose.h"
#include "evidence/cmc/item.h"
#include "evidence/metadata/payload.h"

namespace attest {
namespace {

std::string leaf_name(const SignatureOutcome& signature) {
  auto leaf = parse_certificate(signature.chain.front());
  if (!leaf) return "";
  std::string name = common_name(leaf->get());
  return name.empty() ? subject_text(leaf->get()) : name;
}

// verify_cose is verify_jws for the other form: the first thing that is wrong with a signature refuses the item.
Result<SignedContent> verify_cose(View item, const TrustStore& roots, UnixTime when) {
  TRY(Examined examined, cmc::examine_cose(item, roots, when));
  SignedContent out;
  for (std::size_t i = 0; i < examined.signatures.size(); i++) {
    const SignatureOutcome& signature = examined.signatures[i];
    const auto& wrong = signature.signature_error ? signature.signature_error : signature.chain_error;
    if (wrong) return Error{wrong->code, "COSE: signature " + std::to_string(i + 1) + ": " + wrong->what};
    out.signers.push_back(leaf_name(signature));
  }
  out.payload = to_bytes(examined.payload);
  return out;
}

Result<SignedContent> verify_content(View item, const TrustStore& roots, UnixTime when) {
  if (cmc::is_cose(item)) return verify_cose(item, roots, when);
  TRY(auto content, verify_jws(item, roots, when));
  return *content;
}

}  // namespace

Result<MetadataItem> verify_metadata(View item, const TrustStore& roots, UnixTime when) {
  TRY(SignedContent content, verify_content(item, roots, when));
  TRY(Bytes payload, cmc::json_payload(content.payload));
  TRY(Metadata metadata, parse_payload(payload));
  metadata.signer = content.signers.front();
  Digest digest = sha256(item);
  if (digest.empty()) return Error{Errc::io, "metadata: cannot hash"};
  return MetadataItem{digest, to_bytes(item), SignatureCheck::mint(std::move(metadata))};
}

Result<MetadataItem> verify_metadata(View item, const std::vector<Bytes>& roots, UnixTime when) {
  TRY(TrustStore store, TrustStore::make(roots));
  return verify_metadata(item, store, when);
}

}  // namespace attest
