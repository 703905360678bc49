#include "evidence/metadata/payload.h"

#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "evidence/metadata/manifest.h"
#include "test/support/cpu_time.h"
#include "test/support/metadata_maker.h"
#include "test/support/testdata.h"

namespace attest {
namespace {

using namespace attest::test;

constexpr std::string_view kManifest = R"({"type":"Manifest","name":"os","version":"2026-11-01T00:00:00Z",
"validity":{"notBefore":"2026-11-01T00:00:00Z","notAfter":"2027-11-01T00:00:00Z"},"baseLayers":["os"],
"sbom":{"components":[{"type":"firmware","name":"a",
"hashes":[{"alg":"SHA-1","content":"0102030405060708090a0b0c0d0e0f1011121314"}],
"properties":[{"name":"cmc.ta","value":"TPM"},{"name":"cmc.index","value":"4"}]}]}})";

std::string with(std::string_view from, std::string_view to) {
  std::string text(kManifest);
  std::size_t at = text.find(from);
  EXPECT_NE(at, text.npos) << from;
  return text.replace(at, from.size(), to);
}

std::string failure(std::string_view text) {
  auto metadata = parse_payload(as_view(text));
  return metadata ? "accepted" : std::string(errc_name(metadata.error().code)) + ": " + metadata.error().what;
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

TEST(Payload, ReadsTheRecordedManifest) {
  auto bytes = read_file(fixture("metadata/raw/os.manifest.json"));
  ASSERT_TRUE(bytes);
  auto metadata = parse_payload(*bytes);
  ASSERT_TRUE(metadata) << metadata.error().what;
  EXPECT_EQ(metadata->type, MetadataType::manifest);
  EXPECT_EQ(metadata->name, "de.test.os");
  EXPECT_EQ(metadata->version, "2026-11-21T22:40:24Z");
  EXPECT_EQ(metadata->version_time, *parse_rfc3339("2026-11-21T22:40:24Z"));
  EXPECT_EQ(metadata->not_after, *parse_rfc3339("2028-11-21T22:40:24Z"));
  EXPECT_EQ(metadata->manifest.base_layers, std::vector<std::string>{"de.test.rtm"});
  EXPECT_EQ(metadata->manifest.cert_level, 3);
  EXPECT_FALSE(metadata->manifest.log_ordered);
  ASSERT_EQ(metadata->manifest.references.size(), 3u);
  EXPECT_EQ(metadata->manifest.tpm, (std::vector<std::uint32_t>{0, 1, 2}));
  const ReferenceValue& second = metadata->manifest.references[1];
  EXPECT_EQ(second.reg, 9u);
  EXPECT_EQ(second.name, "EV_EVENT_TAG");
  EXPECT_FALSE(second.optional);
  EXPECT_EQ(to_hex(second.hash(HashAlg::sha256)->view()),
            "553392ae22199ca857df44e9fe6a00c4f5790211fcf28b3d564a874004904c44");
  EXPECT_EQ(second.hash(HashAlg::sha384)->size(), 48u);
  EXPECT_EQ(second.hash(HashAlg::sha1), nullptr);
}

TEST(Payload, ReadsTheRecordedImageDescription) {
  auto metadata = parse_payload(*read_file(fixture("metadata/raw/image.description.json")));
  ASSERT_TRUE(metadata) << metadata.error().what;
  EXPECT_EQ(metadata->type, MetadataType::image_description);
  EXPECT_EQ(metadata->image.manifests,
            (std::vector<std::string>{"de.test.rtm", "de.test.os", "de.test.host-apps"}));
  EXPECT_EQ(metadata->image.location, "Munich");
}

TEST(Payload, WhatIsWrittenReadsTheSame) {
  for (const char* name : {"rtm.manifest", "os.manifest", "app.manifest", "image.description"}) {
    auto first = parse_payload(*read_file(fixture(std::string("metadata/raw/") + name + ".json")));
    ASSERT_TRUE(first) << first.error().what;
    first->manifest.log_ordered = first->type == MetadataType::manifest;
    auto text = write_payload(*first);
    ASSERT_TRUE(text) << text.error().what;
    auto second = parse_payload(as_view(*text));
    ASSERT_TRUE(second) << second.error().what;
    EXPECT_EQ(second->name, first->name);
    EXPECT_EQ(second->description, first->description);
    EXPECT_EQ(second->not_before, first->not_before);
    EXPECT_EQ(second->manifest.log_ordered, first->manifest.log_ordered);
    EXPECT_EQ(second->manifest.base_layers, first->manifest.base_layers);
    EXPECT_EQ(second->manifest.developer, first->manifest.developer);
    EXPECT_EQ(second->manifest.tpm, first->manifest.tpm);
    EXPECT_EQ(second->image.manifests, first->image.manifests);
    EXPECT_EQ(write_components(second->manifest.references), write_components(first->manifest.references));
    EXPECT_EQ(*write_payload(*second), *text);
  }
}

TEST(Payload, WritesThePeersForm) {
  Metadata manifest = make_manifest("os", {"os"}, {tpm_reference(4, "grub")});
  manifest.manifest.log_ordered = true;
  std::string text = *write_payload(manifest);
  EXPECT_TRUE(contains(text, "\n    \"sbom\": {\n        \"bomFormat\": \"CycloneDX\",")) << text;
  EXPECT_TRUE(contains(text, "\"type\": \"operating-system\"")) << text;
  EXPECT_TRUE(contains(text, "\"alg\": \"SHA-256\"")) << text;
  EXPECT_TRUE(contains(text, "\"attest.order\": \"log\"")) << text;
  Metadata bad = manifest;
  bad.version = "yesterday";
  EXPECT_EQ(write_payload(bad).error().code, Errc::mismatch);
}

TEST(Payload, MissingPartsAreNamed) {
  EXPECT_EQ(failure(kManifest), "accepted");
  EXPECT_TRUE(contains(failure(with("\"type\":\"Manifest\",", "")), "no type"));
  EXPECT_TRUE(contains(failure(with("\"Manifest\"", "\"Vendor Notice\"")),
                       "unsupported: metadata of type \"Vendor Notice\""));
  EXPECT_TRUE(contains(failure(with("\"Manifest\"", "\"Manifest Description\"")), "unsupported"));
  EXPECT_TRUE(contains(failure(with("\"name\":\"os\",", "")), "name is missing"));
  EXPECT_TRUE(contains(failure(with("\"version\":\"2026-11-01T00:00:00Z\",", "")), "version is missing"));
  EXPECT_TRUE(contains(failure(with("2026-11-01T00:00:00Z", "1.2.3")), "time \"1.2.3\" is not RFC 3339"));
  EXPECT_TRUE(contains(failure(with("\"validity\"", "\"valid\"")), "validity.notBefore is missing"));
  EXPECT_TRUE(
      contains(failure(with(",\"notAfter\":\"2027-11-01T00:00:00Z\"", "")), "validity.notAfter is missing"));
  EXPECT_TRUE(contains(failure(with("2027-11", "2025-11")), "ends before it begins"));
  EXPECT_TRUE(contains(failure(with("\"baseLayers\":[\"os\"],", "")), "baseLayers is missing"));
  EXPECT_TRUE(contains(failure(with("[\"os\"]", "[\"os\",\"os\"]")), "\"os\" stands twice"));
  EXPECT_TRUE(contains(failure(with("[\"os\"]", "[\"\"]")), "a name must be"));
  EXPECT_TRUE(contains(failure(with("\"name\":\"os\"", "\"name\":\"o\\u001bs\"")), "a name must be"));
  EXPECT_TRUE(
      contains(failure(with("\"baseLayers\"", "\"descriptions\":[{\"manifest\":\"x\"}],\"baseLayers\"")),
               "descriptions outside"));
}

TEST(Payload, BadComponentsAreNamedByNumber) {
  EXPECT_EQ(failure(with("\"value\":\"TPM\"", "\"value\":\"IAS\"")).substr(0, 58),
            "malformed: metadata: component 1: cmc.ta \"IAS\" is unknown ");
  EXPECT_TRUE(contains(failure(with("cmc.ta", "cmc.tb")), "component 1: property cmc.ta is missing"));
  EXPECT_TRUE(contains(failure(with("cmc.index", "cmc.ta")), "component 1: property cmc.ta stands twice"));
  EXPECT_TRUE(contains(failure(with("cmc.index", "cmc.idx")), "component 1: property cmc.index is missing"));
  for (const char* bad : {"24", "-1", "4294967296", "4 ", "0x4", "", "4294967300"})
    EXPECT_TRUE(contains(failure(with("\"value\":\"4\"", "\"value\":\"" + std::string(bad) + "\"")),
                         "is not a number from 0 to 23"))
        << bad;
  EXPECT_TRUE(contains(failure(with("SHA-1", "SHA-256")), "SHA-256 hash of a wrong form"));
  EXPECT_TRUE(contains(failure(with("0102", "01x2")), "hash of a wrong form"));
  EXPECT_TRUE(contains(failure(with("SHA-1", "SM3")), "no hash of a known algorithm"));
  EXPECT_TRUE(
      contains(failure(with("\"hashes\"", "\"details\":{},\"hash\"")), "no hash of a known algorithm"));
  EXPECT_TRUE(contains(failure(with("\"sbom\"", "\"details\":{\"attest.order\":\"path\"},\"sbom\"")),
                       "attest.order"));
}

TEST(Payload, TruncatedAndTrailingTwinsAreRefused) {
  for (std::size_t n = 0; n < kManifest.size(); n++)
    EXPECT_NE(failure(kManifest.substr(0, n)), "accepted") << n;
  EXPECT_NE(failure(std::string(kManifest) + "x"), "accepted");
  EXPECT_EQ(failure(std::string(kManifest) + "\n"), "accepted");
}

TEST(Payload, ComponentsAloneReadToo) {
  auto references = parse_components(
      as_view(write_components({tpm_reference(10, "/usr/bin/ls", true), tpm_reference(0, "fw")})));
  ASSERT_TRUE(references) << references.error().what;
  ASSERT_EQ(references->size(), 2u);
  EXPECT_TRUE(references->at(0).optional);
  EXPECT_EQ(references->at(0).reg, 10u);
  EXPECT_FALSE(parse_components(as_view("{}")));
}

TEST(Payload, TenThousandComponentsReadInWellUnder100Milliseconds) {
  std::vector<ReferenceValue> references;
  for (int i = 0; i < 10000; i++)
    references.push_back(tpm_reference(10, "/usr/lib/file" + std::to_string(i), true));
  std::string text = *write_payload(make_manifest("big", {"big"}, references));
  double ms = cpu_ms([&] { ASSERT_TRUE(parse_payload(as_view(text))); });
  EXPECT_EQ(parse_payload(as_view(text))->manifest.tpm.size(), 10000u);
  std::printf("%.1f MB in %.1f ms\n", static_cast<double>(text.size()) / 1e6, ms);
  EXPECT_TRUE(kInstrumented || ms < 100) << ms;
}

TEST(Payload, ValidityNamesTheItemAndTheDate) {
  Metadata metadata = make_manifest("os", {"os"}, {});
  EXPECT_TRUE(check_validity(metadata, kTestNow));
  EXPECT_EQ(check_validity(metadata, metadata.not_after + 1).error().what,
            "manifest \"os\" 2026-11-17T11:06:40Z: expired on 2026-12-18T11:06:40Z");
  EXPECT_EQ(check_validity(metadata, metadata.not_before - 1).error().code, Errc::stale);
}

}  // namespace
}  // namespace attest
