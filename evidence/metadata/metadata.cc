#include "evidence/metadata/metadata.h"

#include "evidence/metadata/jws.h"
#include "evidence/metadata/payload.h"

namespace attest {

Result<MetadataItem> verify_metadata(View item, const TrustStore& roots, UnixTime when) {
  TRY(auto content, verify_jws(item, roots, when));
  TRY(Metadata metadata, parse_payload(content->payload));
  metadata.signer = content->signers.front();
  Digest digest = sha256(item);
  if (digest.empty()) return Error{Errc::io, "metadata: cannot hash"};
  return MetadataItem{digest, to_bytes(item), SignatureCheck::mint(std::move(metadata))};
}

Result<MetadataItem> verify_metadata(View item, const std::vector<Bytes>& roots, UnixTime when) {
  TRY(TrustStore store, TrustStore::make(roots));
  return verify_metadata(item, store, when);
}

}  // namespace attest
