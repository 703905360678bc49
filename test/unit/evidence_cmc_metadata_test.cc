// CMC's signed metadata, JSON and CBOR: recorded items of a live peer, and what a hostile one might send.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "evidence/cmc/cose.h"
#include "evidence/cmc/metadata.h"
#include "evidence/core/file.h"
#include "evidence/x509/certificate.h"
#include "test/support/metadata_maker.h"
#include "test/support/testdata.h"

namespace attest::cmc {
namespace {

const UnixTime kThen = *parse_rfc3339("2026-11-21T22:41:00Z");
std::string folder() { return std::string(ATTEST_TESTDATA) + "/cmc/metadata/"; }

Bytes file(const std::string& name) {
  auto bytes = read_file(folder() + name, 16 << 20);
  EXPECT_TRUE(bytes) << name;
  return bytes ? *bytes : Bytes();
}

class CmcMetadata : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(folder())) GTEST_SKIP() << "../shared/testdata/cmc is not there";
    auto roots = read_certificates(folder() + "ca.pem");
    ASSERT_TRUE(roots);
    auto store = TrustStore::make(*roots);
    ASSERT_TRUE(store);
    store_ = std::make_unique<TrustStore>(*std::move(store));
  }
  std::unique_ptr<TrustStore> store_;
};

TEST_F(CmcMetadata, PayloadsEncodeByteForByteFromTheRawJson) {
  for (const char* name : {"rtm.manifest", "os.manifest", "app.manifest", "image.description"}) {
    auto raw = parse_metadata(file("raw/" + std::string(name) + ".json"));
    ASSERT_TRUE(raw) << name << ": " << raw.error().what;
    Bytes recorded = file(std::string(name) + ".payload.cbor");
    EXPECT_EQ(encode_metadata(*raw, Encoding::cbor), recorded) << name;
    auto again = parse_metadata(recorded);
    ASSERT_TRUE(again) << again.error().what;
    EXPECT_EQ(encode_metadata(*again, Encoding::cbor), recorded) << name;
    auto json = encode_metadata(*raw, Encoding::json);
    EXPECT_EQ(nlohmann::json::parse(json), nlohmann::json::parse(file("raw/" + std::string(name) + ".json"))) << name;
  }
}

TEST_F(CmcMetadata, SignedFormsVerify) {
  int seen = 0;
  for (const char* form : {"signed-json", "signed-cbor"}) {
    for (const auto& entry : std::filesystem::directory_iterator(folder() + form)) {
      Bytes item = file(std::string(form) + "/" + entry.path().filename().string());
      auto examined = is_cose(item) ? examine_cose(item, *store_, kThen) : examine_jws(item, *store_, kThen);
      ASSERT_TRUE(examined) << entry.path() << ": " << examined.error().what;
      EXPECT_TRUE(examined->trusted()) << entry.path();
      EXPECT_TRUE(parse_metadata(examined->payload)) << entry.path();
      seen++;
      item[item.size() / 2] ^= 1;
      auto tampered = is_cose(item) ? examine_cose(item, *store_, kThen) : examine_jws(item, *store_, kThen);
      EXPECT_FALSE(tampered && tampered->trusted()) << entry.path();
    }
  }
  EXPECT_GE(seen, 8);
}

TEST_F(CmcMetadata, CoseTwinsAreRefused) {
  Bytes good;
  for (const auto& entry : std::filesystem::directory_iterator(folder() + "signed-cbor"))
    good = file("signed-cbor/" + entry.path().filename().string());
  ASSERT_TRUE(is_cose(good));
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_FALSE(examine_cose(longer, *store_, kThen)) << "trailing";
  for (std::size_t n : {0U, 2U, 3U, 10U, 100U}) EXPECT_FALSE(examine_cose(View(good).first(n), *store_, kThen)) << n;
  Bytes untagged(good.begin() + 2, good.end());
  EXPECT_FALSE(examine_cose(untagged, *store_, kThen));
  Bytes no_chain{0xd8, 0x62, 0x84, 0x40, 0xa0, 0x41, 'x', 0x81, 0x83, 0x43, 0xa1, 0x01, 0x26, 0xa1, 0x18, 0x21, 0x80, 0x41, 0};
  EXPECT_FALSE(examine_cose(no_chain, *store_, kThen)) << "an empty x5chain";
}

// Ed25519: what CMC's verifiers take in COSE, and in JWS refuse.
class EdwardsSigner : public testing::Test {
 protected:
  test::TestCert root_ = test::make_root("root"), ed_ = test::make_signer(root_, "ED25519"), ec_ = test::make_signer(root_);
  TrustStore store_ = *TrustStore::make({root_.der()});
  const Bytes payload_ = to_bytes(as_view("payload"));
  JwsSigner lend(const test::TestCert& cert) const { return {cert.key.get(), {cert.der()}}; }
  bool trusted(View item) {
    auto examined = examine_cose(item, store_, test::kTestNow);
    return examined && examined->trusted() && equal(examined->payload, payload_);
  }
};

TEST_F(EdwardsSigner, SignsCoseAloneAndBesideOthers) {
  JwsSigner both[] = {lend(ec_), lend(ed_)};
  Bytes alone = *sign_cose(payload_, {both + 1, 1}), mixed = *sign_cose(payload_, both);
  EXPECT_TRUE(trusted(alone));
  EXPECT_TRUE(trusted(mixed));
  for (Bytes* item : {&alone, &mixed}) {
    Bytes longer = *item, tampered = *item;
    longer.push_back(0);
    tampered.back() ^= 1;  // the signature's last byte
    EXPECT_FALSE(trusted(longer));
    EXPECT_FALSE(trusted(tampered));
    EXPECT_FALSE(trusted(View(*item).first(item->size() - 1)));
  }
}

// The protected header is signed, but its algorithm has to fit the key besides.
TEST_F(EdwardsSigner, AnotherAlgorithmThanTheKeysIsRefused) {
  JwsSigner ed = lend(ed_), ec = lend(ec_);
  const Bytes eddsa{0x43, 0xa1, 0x01, 0x27}, es256{0x43, 0xa1, 0x01, 0x26};
  auto swapped = [](Bytes item, const Bytes& from, const Bytes& to) {
    auto at = std::ranges::search(item, from);
    EXPECT_FALSE(at.empty());
    std::ranges::copy(to, at.begin());
    return item;
  };
  EXPECT_FALSE(trusted(swapped(*sign_cose(payload_, {&ed, 1}), eddsa, es256)));
  EXPECT_FALSE(trusted(swapped(*sign_cose(payload_, {&ec, 1}), es256, eddsa)));
}

TEST_F(EdwardsSigner, IsRefusedInJwsAndForAttestationKeys) {
  JwsSigner ed = lend(ed_);
  EXPECT_EQ(sign_jws(payload_, {&ed, 1}).error().code, Errc::unsupported);
  test::CertSpec ak;
  ak.key = "ED25519";
  ak.extensions = {{"extendedKeyUsage", "2.23.133.8.3"}};
  EXPECT_EQ(store_.verify({test::issue(&root_, ak).der()}, ChainRole::attestation_key, test::kTestNow).error().code, Errc::unsupported);
}

}  // namespace
}  // namespace attest::cmc
