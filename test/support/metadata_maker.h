// metadata_maker.h: manifests and image descriptions for tests, signed on the spot.
#pragma once
#include "evidence/metadata/metadata.h"
#include "test/support/test_ca.h"

namespace attest::test {

// tpm_reference is a reference value with a SHA-256 and a SHA-384 hash made from its name.
ReferenceValue tpm_reference(std::uint32_t pcr, const std::string& name, bool optional = false);
// make_manifest and make_image fill in version and validity around kTestNow.
Metadata make_manifest(const std::string& name, std::vector<std::string> base_layers,
                       std::vector<ReferenceValue> references);
Metadata make_image(const std::string& name, std::vector<std::string> manifests);
// with_version sets another moment.
Metadata with_version(Metadata metadata, UnixTime version);

// sign_item writes and signs; sign_payload signs any text. They abort the test program if that fails.
std::string sign_item(const Metadata& metadata, const TestCert& signer);
std::string sign_text(std::string_view payload, const TestCert& signer);

}  // namespace attest::test
