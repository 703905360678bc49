#include "apps/attestctl/amend.h"

#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "verifier/checks.h"

namespace attest::ctl {
namespace {

const std::string kNew(64, 'a');
const std::string kOther(64, 'b');

ReferenceValue reference(std::uint32_t pcr, const std::string& name, std::uint8_t fill,
                         bool optional = false) {
  ReferenceValue value;
  value.reg = pcr;
  value.name = name;
  value.optional = optional;
  value.hashes.emplace_back(HashAlg::sha256, Digest::filled(HashAlg::sha256, fill));
  return value;
}

// os: PCR 4 loader, kernel; PCR 10 two files.
Manifest os() {
  Manifest manifest;
  manifest.references = {reference(4, "loader", 1), reference(4, "kernel", 2),
                         reference(10, "/bin/a", 3, true), reference(10, "/bin/b", 4, true)};
  manifest.tpm = {0, 1, 2, 3};
  return manifest;
}

Mismatch unexpected(std::uint32_t pcr, const std::string& name, const std::string& digest) {
  Mismatch m;
  m.check = pcr == 10 ? check::kImaUnexpected : check::kPcrUnexpected;
  m.reg = pcr;
  m.measured_name = name;
  m.measured_digest = digest;
  return m;
}

Mismatch near(Mismatch m, std::uint64_t entry, std::uint8_t fill, const std::string& manifest = "os") {
  m.manifest = manifest;
  m.entry = entry;
  m.expected_digest = to_hex(Digest::filled(HashAlg::sha256, fill).view());
  return m;
}

std::vector<std::string> names(const Manifest& manifest) {
  std::vector<std::string> out;
  for (const ReferenceValue& value : manifest.references)
    out.push_back(value.name + (value.optional ? "?" : ""));
  return out;
}

TEST(Amend, AChangedComponentIsAllowedBesideTheOldOne) {
  Manifest manifest = os();
  auto changes = amend(manifest, "os", {near(unexpected(4, "kernel", kNew), 1, 2)});
  ASSERT_TRUE(changes);
  EXPECT_EQ(names(manifest),
            (std::vector<std::string>{"loader", "kernel?", "kernel?", "/bin/a?", "/bin/b?"}));
  EXPECT_EQ(to_hex(manifest.references[1].hashes[0].second.view()), kNew);
  EXPECT_EQ(manifest.references[1].hashes[0].first, HashAlg::sha256);
  EXPECT_EQ(manifest.tpm.size(), 5U);
  EXPECT_EQ(changes->size(), 1U);
}

TEST(Amend, AnEventThatHasNoNeighbourGoesBehindTheLastOfItsPcr) {
  Manifest manifest = os();
  ASSERT_TRUE(amend(manifest, "os", {unexpected(4, "module", kNew)}));
  EXPECT_EQ(names(manifest), (std::vector<std::string>{"loader", "kernel", "module?", "/bin/a?", "/bin/b?"}));
  ASSERT_TRUE(amend(manifest, "os", {unexpected(5, "gpt", kNew)}));
  EXPECT_EQ(manifest.references.back().name, "gpt");
}

TEST(Amend, AFileMeasuredTwiceIsAddedOnce) {
  Manifest manifest = os();
  ASSERT_TRUE(
      amend(manifest, "os",
            {near(unexpected(10, "/bin/a", kNew), 2, 3), near(unexpected(10, "/bin/a", kNew), 2, 3)}));
  EXPECT_EQ(manifest.references.size(), 5U);
}

TEST(Amend, SeveralChangesKeepTheirPlaces) {
  Manifest manifest = os();
  ASSERT_TRUE(
      amend(manifest, "os",
            {near(unexpected(4, "loader", kNew), 0, 1), near(unexpected(4, "kernel", kOther), 1, 2)}));
  EXPECT_EQ(names(manifest),
            (std::vector<std::string>{"loader?", "loader?", "kernel?", "kernel?", "/bin/a?", "/bin/b?"}));
}

TEST(Amend, AMissingComponentBecomesOptional) {
  Manifest manifest = os();
  Mismatch missing;
  missing.check = check::kPcrMissing;
  missing.reg = 4;
  ASSERT_TRUE(amend(manifest, "os", {near(missing, 1, 2)}));
  EXPECT_EQ(names(manifest), (std::vector<std::string>{"loader", "kernel?", "/bin/a?", "/bin/b?"}));
}

TEST(Amend, WhatBelongsToAnotherManifestOrCannotBeAllowedChangesNothing) {
  Manifest manifest = os();
  Mismatch order;
  order.check = check::kPcrOrder;
  EXPECT_FALSE(amend(manifest, "os", {near(unexpected(4, "kernel", kNew), 1, 2, "rtm"), near(order, 1, 2)}));
  EXPECT_FALSE(amend(manifest, "os", {}));
  EXPECT_EQ(names(manifest), names(os()));
}

TEST(Amend, ADigestOfNoKnownLengthIsRefused) {
  Manifest manifest = os();
  EXPECT_FALSE(amend(manifest, "os", {unexpected(4, "kernel", "abcd")}));
  EXPECT_FALSE(amend(manifest, "os", {unexpected(4, "kernel", "no hex")}));
}

TEST(Amend, AnEntryBeyondTheManifestIsNoNeighbour) {
  Manifest manifest = os();
  ASSERT_TRUE(amend(manifest, "os", {near(unexpected(4, "kernel", kNew), 4000000000, 2)}));
  EXPECT_EQ(manifest.references[2].name, "kernel");
  EXPECT_FALSE(manifest.references[1].optional);
}

TEST(Amend, TheManifestToChangeIsTheFirstThatARefusalNames) {
  EXPECT_EQ(amended_manifest({}), "");
  EXPECT_EQ(amended_manifest({unexpected(4, "x", kNew), near(unexpected(4, "kernel", kNew), 1, 2, "os")}),
            "os");
}

}  // namespace
}  // namespace attest::ctl
