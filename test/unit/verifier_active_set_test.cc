#include "verifier/active_set.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "test/support/metadata_maker.h"
#include "test/support/testdata.h"

namespace attest {
namespace {

using namespace attest::test;

class Active : public ::testing::Test {
 protected:
  Active() : root_(make_root("Signer Root")), signer_(make_signer(root_)) {
    std::string pattern = std::filesystem::temp_directory_path() / "attest-set-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~Active() override { std::filesystem::remove_all(folder_); }
  void put(const std::string& name, std::string_view text) {
    std::ofstream(folder_ + "/" + name, std::ios::binary) << text;
  }
  Result<ActiveSet> load(UnixTime now = kTestNow) { return ActiveSet::load(folder_, {root_.der()}, now); }
  std::string os(UnixTime version, const std::string& reference = "grub") {
    return sign_item(with_version(make_manifest("os", {"os"}, {tpm_reference(4, reference)}), version),
                     signer_);
  }
  TestCert root_, signer_;
  std::string folder_;
};

TEST_F(Active, KeepsTheNewestOfEachTypeAndName) {
  std::string old_os = os(kTestNow - 9), new_os = os(kTestNow - 5), older_os = os(kTestNow - 20);
  std::string image = sign_item(make_image("os", {"os"}), signer_);
  put("a.json", old_os);
  put("b.jws", new_os);
  put("c.json", older_os);
  put("image.json", image);
  put("notes.txt", "not an item");
  auto set = load();
  ASSERT_TRUE(set) << set.error().what;
  EXPECT_TRUE(set->problems().empty());
  EXPECT_EQ(set->items().size(), 2u);
  auto held = set->find_name(MetadataType::manifest, "os");
  ASSERT_TRUE(held);
  EXPECT_EQ(held->digest, sha256(as_view(new_os)));
  EXPECT_EQ(set->find(held->digest), held);
  EXPECT_EQ(set->find(sha256(as_view(old_os))), nullptr);
  EXPECT_TRUE(set->find(sha256(as_view(image))));
  EXPECT_EQ(set->find_name(MetadataType::manifest, "OS"), nullptr);
}

TEST_F(Active, BadItemsAreProblemsAndLeftOut) {
  TestCert other = make_root("Other Root");
  put("bad.json", "{}");
  put("foreign.json", sign_item(make_manifest("app", {"app"}, {}), make_signer(other)));
  put("good.json", os(kTestNow));
  std::filesystem::create_directory(folder_ + "/folder.json");
  auto set = load();
  ASSERT_TRUE(set) << set.error().what;
  EXPECT_EQ(set->items().size(), 1u);
  ASSERT_EQ(set->problems().size(), 3u);
  EXPECT_EQ(set->problems()[0], folder_ + "/bad.json: JWS: no payload");
}

TEST_F(Active, VersionsInTheFutureAreRefused) {
  put("a.json", os(kTestNow + ActiveSet::kClockSkew));
  EXPECT_EQ(load()->items().size(), 1u);
  put("a.json", os(kTestNow + ActiveSet::kClockSkew + 1));
  auto set = load();
  EXPECT_TRUE(set->items().empty());
  ASSERT_EQ(set->problems().size(), 1u);
  EXPECT_NE(set->problems()[0].find("its version lies in the future"), std::string::npos);
}

TEST_F(Active, ExpiredItemsStayAndAreReported) {
  Metadata expired = with_version(make_manifest("os", {"os"}, {}), kTestNow);
  expired.not_after = kTestNow - 1;
  std::string item = sign_item(expired, signer_);
  put("old.json", os(kTestNow - 10));
  put("expired.json", item);
  auto set = load();
  EXPECT_TRUE(set->find(sha256(as_view(item)))) << "an older version took its place";
  EXPECT_EQ(set->problems().size(), 1u);
  EXPECT_EQ(check_validity(*set->find(sha256(as_view(item)))->metadata, kTestNow).error().code, Errc::stale);
}

TEST_F(Active, ItemsThatAreNotValidYetDoNotDisplaceOthers) {
  Metadata early = with_version(make_manifest("os", {"os"}, {}), kTestNow);
  early.not_before = kTestNow + kDay;
  put("early.json", sign_item(early, signer_));
  std::string current = os(kTestNow - 10);
  put("current.json", current);
  auto set = load();
  EXPECT_TRUE(set->find(sha256(as_view(current))));
  EXPECT_EQ(set->problems().size(), 1u);
}

TEST_F(Active, TwoItemsOfOneVersionAreAProblemWithOneWinner) {
  std::string one = os(kTestNow, "one"), two = os(kTestNow, "two");
  Digest first = sha256(as_view(one)), second = sha256(as_view(two));
  Digest winner = as_text(first.view()) < as_text(second.view()) ? first : second;
  for (auto [a, b] : {std::pair{one, two}, std::pair{two, one}}) {
    put("a.json", a);
    put("b.json", b);
    auto set = load();
    EXPECT_EQ(set->items().size(), 1u);
    EXPECT_TRUE(set->find(winner));
    EXPECT_EQ(set->problems().size(), 1u);
  }
}

TEST_F(Active, AddedItemsMustBeNewer) {
  std::string held = os(kTestNow - 5);
  put("a.json", held);
  auto set = load();
  ActiveSet copy = *set;
  EXPECT_TRUE(copy.add(as_view(held), kTestNow));
  EXPECT_EQ(copy.add(as_view(os(kTestNow - 5, "other")), kTestNow).error().code, Errc::stale);
  EXPECT_EQ(copy.add(as_view(os(kTestNow - 6)), kTestNow).error().code, Errc::stale);
  EXPECT_EQ(copy.add(as_view(os(kTestNow + 301)), kTestNow).error().code, Errc::stale);
  EXPECT_EQ(copy.add(as_view("{}"), kTestNow).error().code, Errc::malformed);
  EXPECT_EQ(copy.add(as_view(sign_item(make_manifest("x", {"x"}, {}), make_signer(make_root("R")))), kTestNow)
                .error()
                .code,
            Errc::untrusted);
  std::string newer = os(kTestNow - 4);
  EXPECT_TRUE(copy.add(as_view(newer), kTestNow));
  EXPECT_TRUE(copy.find(sha256(as_view(newer))));
  EXPECT_FALSE(copy.find(sha256(as_view(held))));
  EXPECT_TRUE(set->find(sha256(as_view(held)))) << "the shared set changed";
}

TEST_F(Active, ExpiredItemsCannotBeAdded) {
  Metadata expired = make_manifest("os", {"os"}, {});
  expired.not_after = kTestNow - 1;
  auto set = load();
  EXPECT_EQ(set->add(as_view(sign_item(expired, signer_)), kTestNow).error().code, Errc::stale);
}

TEST_F(Active, AnEmptySetTakesNothing) {
  ActiveSet none;
  EXPECT_EQ(none.add(as_view(os(kTestNow)), kTestNow).error().code, Errc::denied);
  EXPECT_EQ(none.find(Digest()), nullptr);
}

TEST_F(Active, FoldersAreBounded) {
  for (std::size_t i = 0; i <= ActiveSet::kMaxFiles; i++) put(std::to_string(i) + ".json", "");
  EXPECT_EQ(load().error().code, Errc::malformed);
  EXPECT_EQ(ActiveSet::load(folder_ + "/none", {root_.der()}, kTestNow).error().code, Errc::io);
  EXPECT_EQ(ActiveSet::load(folder_, {}, kTestNow).error().code, Errc::denied);
}

TEST_F(Active, ARevokedSignerIsRefused) {
  put("a.json", os(kTestNow));
  auto set = ActiveSet::load(folder_, {root_.der()}, kTestNow, {make_crl(root_, {&signer_})});
  ASSERT_TRUE(set) << set.error().what;
  EXPECT_TRUE(set->items().empty());
  ASSERT_EQ(set->problems().size(), 1u);
  EXPECT_NE(set->problems()[0].find("certificate revoked"), std::string::npos);
}

TEST(ActiveRecorded, TheRecordedFolderLoads) {
  auto roots = split_certificates(*read_file(fixture("metadata/ca.pem")), "ca.pem");
  auto set = ActiveSet::load(fixture("metadata/signed-json"), *roots, *parse_rfc3339("2026-11-22T00:00:00Z"));
  ASSERT_TRUE(set) << set.error().what;
  EXPECT_TRUE(set->problems().empty());
  EXPECT_EQ(set->items().size(), 4u);
}

}  // namespace
}  // namespace attest
