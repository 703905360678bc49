#include "test/support/metadata_maker.h"

#include <cstdio>
#include <cstdlib>

#include "evidence/metadata/jws.h"
#include "evidence/metadata/payload.h"

namespace attest::test {
namespace {

Metadata make(MetadataType type, const std::string& name) {
  Metadata metadata;
  metadata.type = type;
  metadata.name = name;
  metadata.not_before = kTestNow - kDay;
  metadata.not_after = kTestNow + 30 * kDay;
  return with_version(std::move(metadata), kTestNow - kDay);
}

template <class T>
T value_of(Result<T> result) {
  if (result) return *std::move(result);
  std::fprintf(stderr, "metadata maker: %s\n", result.error().what.c_str());
  std::abort();
}

}  // namespace

ReferenceValue tpm_reference(std::uint32_t pcr, const std::string& name, bool optional) {
  ReferenceValue value;
  value.reg = pcr;
  value.name = name;
  value.optional = optional;
  for (HashAlg alg : {HashAlg::sha256, HashAlg::sha384})
    value.hashes.emplace_back(alg, hash_of(alg, {as_view(name)}));
  return value;
}

Metadata with_version(Metadata metadata, UnixTime version) {
  metadata.version = format_rfc3339(version);
  metadata.version_time = version;
  return metadata;
}

Metadata make_manifest(const std::string& name, std::vector<std::string> base_layers,
                       std::vector<ReferenceValue> references) {
  Metadata metadata = make(MetadataType::manifest, name);
  metadata.manifest.base_layers = std::move(base_layers);
  for (std::uint32_t i = 0; i < references.size(); i++)
    if (references[i].anchor == AnchorKind::tpm) metadata.manifest.tpm.push_back(i);
  metadata.manifest.references = std::move(references);
  return metadata;
}

Metadata make_image(const std::string& name, std::vector<std::string> manifests) {
  Metadata metadata = make(MetadataType::image_description, name);
  metadata.image.manifests = std::move(manifests);
  return metadata;
}

std::string sign_item(const Metadata& metadata, const TestCert& signer) {
  return sign_text(value_of(write_payload(metadata)), signer);
}

std::string sign_text(std::string_view payload, const TestCert& signer) {
  JwsSigner one{signer.key.get(), {signer.der()}};
  return value_of(sign_jws(as_view(payload), {&one, 1}));
}

}  // namespace attest::test
