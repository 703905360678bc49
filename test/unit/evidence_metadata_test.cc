#include "evidence/metadata/metadata.h"

#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "evidence/metadata/jws.h"
#include "evidence/metadata/payload.h"
#include "test/support/cpu_time.h"
#include "test/support/metadata_maker.h"
#include "test/support/testdata.h"

namespace attest {
namespace {

using namespace attest::test;

const UnixTime kRecorded = *parse_rfc3339("2026-11-22T00:00:00Z");

Bytes fixture_bytes(const std::string& name) {
  auto bytes = read_file(fixture("metadata/" + name));
  EXPECT_TRUE(bytes) << name;
  return bytes ? *bytes : Bytes();
}

class MetadataItems : public ::testing::Test {
 protected:
  MetadataItems() : root_(make_root("Signer Root")), signer_(make_signer(root_)) {}
  std::string refusal(View item, UnixTime when = kTestNow) {
    auto verified = verify_metadata(item, {root_.der()}, when);
    return verified ? "accepted"
                    : std::string(errc_name(verified.error().code)) + ": " + verified.error().what;
  }
  TestCert root_, signer_;
};

TEST(RecordedMetadata, VerifiesToItsRootWithPayloadsAsRecorded) {
  std::vector<Bytes> roots = *split_certificates(fixture_bytes("ca.pem"), "ca.pem");
  TrustStore store = *TrustStore::make(roots);
  for (const char* name : {"rtm.manifest", "os.manifest", "app.manifest", "image.description"}) {
    Bytes item = fixture_bytes(std::string("signed-json/") + name + ".json");
    auto verified = verify_metadata(item, roots, kRecorded);
    ASSERT_TRUE(verified) << name << ": " << verified.error().what;
    EXPECT_EQ(verified->metadata->signer, "Test Metadata Signer");
    EXPECT_EQ(verified->digest, sha256(item));
    EXPECT_EQ(verified->bytes, item);
    Bytes raw = fixture_bytes(std::string("raw/") + name + ".json");
    EXPECT_EQ((*verify_jws(item, store, kRecorded))->payload, raw);
    EXPECT_EQ(*unverified_payload(item), raw);
  }
}

TEST(RecordedMetadata, IsStaleBeforeItsSignersCertificateBegins) {
  auto verified =
      verify_metadata(fixture_bytes("signed-json/os.manifest.json"),
                      *split_certificates(fixture_bytes("ca.pem"), "ca.pem"), kTestNow - 365 * kDay);
  ASSERT_FALSE(verified);
  EXPECT_EQ(verified.error().code, Errc::stale);
}

TEST_F(MetadataItems, SignsAndVerifiesWithEveryKindOfKey) {
  const std::pair<const char*, const char*> kinds[] = {{"P-256", "ES256"},
                                                       {"P-384", "ES384"},
                                                       {"P-521", "ES512"},
                                                       {"RSA-2048", "RS256"},
                                                       {"RSA-3072", "RS256"}};
  for (auto [kind, alg] : kinds) {
    TestCert signer = make_signer(root_, kind);
    std::string item = sign_item(make_manifest("os", {"os"}, {tpm_reference(4, "grub")}), signer);
    EXPECT_NE(as_text(*from_base64url(item.substr(item.find("protected") + 12, 40), 64)).find(alg),
              std::string::npos);
    EXPECT_EQ(refusal(as_view(item)), "accepted") << kind;
  }
}

TEST_F(MetadataItems, SeveralSignersAreAllNamed) {
  TestCert second = make_signer(root_, "P-384");
  std::string payload = *write_payload(make_manifest("os", {"os"}, {}));
  JwsSigner signers[] = {{signer_.key.get(), {signer_.der(), root_.der()}},
                         {second.key.get(), {second.der()}}};
  std::string item = *sign_jws(as_view(payload), signers);
  auto content = verify_jws(as_view(item), *TrustStore::make({root_.der()}), kTestNow);
  ASSERT_TRUE(content) << content.error().what;
  EXPECT_EQ((*content)->signers.size(), 2u);
  EXPECT_EQ(as_text((*content)->payload), payload);
}

TEST_F(MetadataItems, ChainsThroughAnIntermediate) {
  CertSpec spec;
  spec.common_name = "Middle";
  spec.extensions = {{"basicConstraints", "critical,CA:TRUE"}};
  TestCert middle = issue(&root_, spec);
  TestCert signer = make_signer(middle);
  std::string payload = *write_payload(make_manifest("os", {"os"}, {}));
  JwsSigner one{signer.key.get(), {signer.der(), middle.der()}};
  EXPECT_EQ(refusal(as_view(*sign_jws(as_view(payload), {&one, 1}))), "accepted");
}

TEST_F(MetadataItems, TamperedTwinsAreRefused) {
  std::string item = sign_item(make_manifest("os", {"os"}, {tpm_reference(4, "grub")}), signer_);
  ASSERT_EQ(refusal(as_view(item)), "accepted");
  for (std::size_t i = 0; i < item.size(); i += 7) {
    std::string twin = item;
    twin[i] = twin[i] == 'A' ? 'B' : 'A';
    ASSERT_NE(twin, item);
    EXPECT_NE(refusal(as_view(twin)), "accepted") << i;
  }
}

TEST_F(MetadataItems, TruncatedAndTrailingTwinsAreRefused) {
  std::string item = sign_item(make_manifest("os", {"os"}, {}), signer_);
  for (std::size_t n = 0; n < item.size(); n += 11)
    EXPECT_NE(refusal(as_view(item.substr(0, n))), "accepted") << n;
  EXPECT_NE(refusal(as_view(item + "{}")), "accepted");
  EXPECT_NE(refusal(as_view(item + std::string(1, '\0'))), "accepted");
}

TEST_F(MetadataItems, ErrorsNameTheSignature) {
  std::string item = sign_item(make_manifest("os", {"os"}, {}), signer_);
  EXPECT_EQ(refusal(as_view(item), kTestNow + 1000 * kDay),
            "stale: JWS signature 1: certificate \"CN=Test Signer\" (depth 0): certificate has expired");
}

TEST_F(MetadataItems, SigningRefusesKeysThatAreNotCertified) {
  TestCert other = make_signer(root_), odd = make_signer(root_, "ED25519");
  JwsSigner wrong{other.key.get(), {signer_.der()}}, none{signer_.key.get(), {}},
      ed{odd.key.get(), {odd.der()}};
  EXPECT_EQ(sign_jws(as_view("{}"), {&wrong, 1}).error().code, Errc::mismatch);
  EXPECT_EQ(sign_jws(as_view("{}"), {&none, 1}).error().code, Errc::malformed);
  EXPECT_EQ(sign_jws(as_view("{}"), {&ed, 1}).error().code, Errc::unsupported);
  EXPECT_EQ(sign_jws(as_view("{}"), {}).error().code, Errc::malformed);
}

TEST_F(MetadataItems, TenThousandComponentsVerifyQuickly) {
  std::vector<ReferenceValue> references;
  for (int i = 0; i < 10000; i++)
    references.push_back(tpm_reference(10, "/usr/lib/file" + std::to_string(i), true));
  std::string item = sign_item(make_manifest("big", {"big"}, references), signer_);
  TrustStore store = *TrustStore::make({root_.der()});
  double ms = cpu_ms([&] { ASSERT_TRUE(verify_metadata(as_view(item), store, kTestNow)); });
  std::printf("%.1f MB in %.1f ms\n", static_cast<double>(item.size()) / 1e6, ms);
  EXPECT_TRUE(kInstrumented || ms < 300) << ms;
}

}  // namespace
}  // namespace attest
