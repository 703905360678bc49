// payload.h: the payloads of signed metadata, read and written.
#pragma once
#include "evidence/metadata/metadata.h"

namespace attest {

// parse_payload reads a manifest, image description or company description (JSON, at most 16 MiB). Strict:
// type, version and both ends of validity must be there, a name for manifests and image descriptions, RFC
// 3339 times; members we do not judge are passed over. The result is as trustworthy as the bytes:
// verify_metadata is the way in for everything but tools. malformed, or unsupported for other types.
Result<Metadata> parse_payload(View payload);

// write_payload writes a manifest or image description, indented, ready for sign_jws: members in CMC's order,
// "details": {"attest.order": "log"} where the manifest is log ordered. mismatch if parse_payload would
// refuse it.
Result<std::string> write_payload(const Metadata& metadata);

}  // namespace attest
