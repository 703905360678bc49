// What a machine may claim about itself, and who decides which signed metadata counts.
#include <gtest/gtest.h>

#include "test/support/evidence_maker.h"
#include "test/support/recording.h"
#include "verifier/checks.h"

namespace attest {
namespace {

using namespace attest::test;

Digest digest_of(const std::string& item) { return sha256(as_view(item)); }
Bytes bytes_of(const std::string& item) { return to_bytes(as_view(item)); }

class MetadataClaims : public testing::Test {
 protected:
  // claims: the machine names these items; the last `sent` of them travel in full.
  std::string claims(const std::vector<std::string>& items, const std::vector<std::string>& sent = {}) {
    world.machine.metadata.clear();
    world.machine.sent.clear();
    for (const std::string& item : items) world.machine.metadata.push_back(digest_of(item));
    for (const std::string& item : sent) world.machine.sent.push_back(bytes_of(item));
    return name_of(world.judge());
  }
  std::string old_os() { return sign_item(with_version(world.os, kTestNow - 20 * kDay), world.signer); }
  World world;
};

TEST_F(MetadataClaims, DigestThatIsNotTheItemsHashIsRefused) {
  world.hold({world.image_item, world.firmware_item});
  EXPECT_EQ(claims({world.image_item, world.firmware_item, world.os_item}, {world.os_item}), "");
  world.machine.sent[0][20] ^= 1;
  EXPECT_EQ(name_of(world.judge()), check::kEvidenceInconsistent);
}

TEST_F(MetadataClaims, DigestThatIsAPathIsMalformed) {
  world.machine.metadata[2] = Digest::of(as_view("../../../../etc/attest/os.json"));
  EXPECT_EQ(name_of(world.judge()), check::kEvidenceMalformed);
  world.machine.metadata[2] = Digest::of(as_view("../../../etc/attest/roots/a.json"));  // 32 bytes
  EXPECT_EQ(name_of(world.judge()), check::kMetadataMissing);
}

TEST_F(MetadataClaims, ItemTwiceOrUnnamedIsRefused) {
  EXPECT_EQ(claims({world.image_item, world.firmware_item, world.os_item}, {world.os_item, world.os_item}), check::kEvidenceInconsistent);
  EXPECT_EQ(claims({world.image_item, world.firmware_item, world.os_item}, {old_os()}), check::kEvidenceInconsistent);
  EXPECT_EQ(claims({world.image_item, world.firmware_item, world.os_item, world.os_item}), check::kEvidenceInconsistent);
}

TEST_F(MetadataClaims, WhatTheVerifierLacksIsNamed) {
  world.hold({world.image_item, world.firmware_item});
  Appraisal a = world.judge();
  EXPECT_EQ(name_of(a), check::kMetadataMissing);
  EXPECT_NE(a.verdict.first_failure()->remedy.find("attestctl metadata import"), std::string::npos);
}

// The old version is still valid and signed. The verifier has seen a newer one.
TEST_F(MetadataClaims, OlderVersionIsRollback) {
  std::string old = old_os();  // ECDSA signs anew each time
  EXPECT_EQ(claims({world.image_item, world.firmware_item, old}, {old}), check::kMetadataRollback);
  EXPECT_EQ(claims({world.image_item, world.firmware_item, old}), check::kMetadataMissing);
}

// Also where a newer one comes along in the same evidence.
TEST_F(MetadataClaims, OldAndNewVersionTogetherAreRefused) {
  std::string newer = sign_item(with_version(world.os, kTestNow), world.signer);
  EXPECT_NE(claims({world.image_item, world.firmware_item, world.os_item, newer}, {newer}), "");
  EXPECT_NE(claims({world.image_item, world.firmware_item, newer, world.os_item}, {newer}), "");
}

TEST_F(MetadataClaims, NewerVersionThatIsSentPassesAndIsForgotten) {
  std::string newer = sign_item(with_version(world.os, kTestNow), world.signer);
  EXPECT_EQ(claims({world.image_item, world.firmware_item, newer}, {newer}), "");
  EXPECT_EQ(claims({world.image_item, world.firmware_item, world.os_item}), "") << "evidence never moves the verifier's memory";
}

TEST_F(MetadataClaims, ExpiredMetadataIsRefused) {
  world.now = kTestNow + 31 * kDay;
  Appraisal a = world.judge();
  EXPECT_EQ(name_of(a), check::kMetadataExpired);
  world.now = kTestNow;
  Metadata expired = with_version(world.os, kTestNow);
  expired.not_after = kTestNow - 1;
  std::string item = sign_item(expired, world.signer);
  EXPECT_EQ(claims({world.image_item, world.firmware_item, item}, {item}), check::kMetadataExpired);
}

TEST_F(MetadataClaims, ItemOfAnotherSignerIsUntrusted) {
  std::string foreign = sign_item(with_version(world.os, kTestNow), make_signer(make_root("somebody")));
  EXPECT_EQ(claims({world.image_item, world.firmware_item, foreign}, {foreign}), check::kMetadataUntrusted);
}

// A key that certifies attestation keys signs no metadata, and the other way round (quote_forgery_test).
TEST_F(MetadataClaims, ItemSignedUnderTheAkRootIsUntrusted) {
  std::string item = sign_item(with_version(world.os, kTestNow), make_signer(world.issuer));
  EXPECT_EQ(claims({world.image_item, world.firmware_item, item}, {item}), check::kMetadataUntrusted);
}

TEST_F(MetadataClaims, UnsignedItemIsUntrusted) {
  std::string item = R"({"type":"Manifest","name":"os"})";
  EXPECT_EQ(claims({world.image_item, world.firmware_item, item}, {item}), check::kMetadataUntrusted);
}

TEST_F(MetadataClaims, SeveralOrNoImageDescriptionsAreRefused) {
  std::string second = sign_item(make_image("other", {"firmware", "os"}), world.signer);
  EXPECT_EQ(claims({world.image_item, second, world.firmware_item, world.os_item}, {second}), check::kMetadataImage);
  EXPECT_EQ(claims({world.firmware_item, world.os_item}), check::kMetadataImage);
  EXPECT_EQ(claims({}), check::kMetadataImage);
}

TEST_F(MetadataClaims, ManifestLeftOutOrAddedIsRefused) {
  EXPECT_EQ(claims({world.image_item, world.firmware_item}), check::kMetadataLayers);
  std::string extra = sign_item(make_manifest("extra", {"firmware"}, {tpm_reference(4, "evil")}), world.signer);
  EXPECT_EQ(claims({world.image_item, world.firmware_item, world.os_item, extra}, {extra}), check::kMetadataLayers);
}

// Validly signed, for another product: its image is not this peer's.
TEST_F(MetadataClaims, AnotherProductsManifestIsRefused) {
  std::string other = sign_item(make_image("database", {"firmware", "os"}), world.signer);
  EXPECT_EQ(claims({other, world.firmware_item, world.os_item}, {other}), check::kPeerImage);
}

TEST_F(MetadataClaims, ManifestsWithReferencesForAnAbsentDeviceAreRefused) {
  ReferenceValue snp;
  snp.anchor = AnchorKind::snp;
  snp.name = "launch measurement";
  snp.hashes = {{HashAlg::sha384, hash_of(HashAlg::sha384, {as_view("vm")})}};
  world.os.manifest.references.push_back(snp);
  world.sign_all();
  EXPECT_EQ(name_of(world.judge()), check::kAnchorMissing);
}

}  // namespace
}  // namespace attest
