#include "evidence/metadata/set_list.h"

#include <gtest/gtest.h>

#include "evidence/x509/chain.h"
#include "test/support/metadata_maker.h"

namespace attest {
namespace {

using namespace attest::test;

Digest digest(std::uint8_t fill) { return Digest::filled(HashAlg::sha256, fill); }

SetList fleet() {
  SetList list;
  list.name = "fleet";
  list.sequence = 7;
  list.version_time = list.not_before = kTestNow;
  list.version = format_rfc3339(kTestNow);
  list.not_after = kTestNow + 90 * kDay;
  list.entries = {{MetadataType::image_description, "web", digest(1), std::nullopt},
                  {MetadataType::manifest, "os", digest(2), std::nullopt},
                  {MetadataType::manifest, "os", digest(3), kTestNow + kDay}};
  return list;
}

TEST(SetLists, RoundTripAndTwins) {
  auto text = write_set_list(fleet());
  ASSERT_TRUE(text) << text.error().what;
  auto back = parse_set_list(as_view(*text));
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_EQ(back->name, "fleet");
  EXPECT_EQ(back->sequence, 7U);
  EXPECT_EQ(back->version_time, kTestNow);
  ASSERT_EQ(back->entries.size(), 3U);
  EXPECT_EQ(back->entries[2].until, kTestNow + kDay);
  ASSERT_NE(back->find(digest(2)), nullptr);
  EXPECT_EQ(back->find(digest(2))->name, "os");
  EXPECT_EQ(back->find(digest(9)), nullptr);
  while (text->back() == '\n') text->pop_back();
  for (std::size_t n = 0; n < text->size(); n++) EXPECT_FALSE(parse_set_list(as_view(text->substr(0, n)))) << n;
  EXPECT_FALSE(parse_set_list(as_view(*text + "x")));
}

TEST(SetLists, AreClearAboutWhatIsCurrent) {
  SetList two = fleet();
  two.entries[2].until.reset();
  EXPECT_FALSE(write_set_list(two)) << "two are current";
  SetList none = fleet();
  none.entries.erase(none.entries.begin() + 1);
  EXPECT_FALSE(write_set_list(none)) << "the old one alone";
  SetList twice = fleet();
  twice.entries.push_back({MetadataType::manifest, "app", digest(2), std::nullopt});
  EXPECT_FALSE(write_set_list(twice)) << "one item under two names";
  SetList empty = fleet();
  empty.entries.clear();
  EXPECT_FALSE(write_set_list(empty));
}

TEST(SetLists, RefuseWhatTheyDoNotUnderstand) {
  std::string text = *write_set_list(fleet());
  auto bent = [&](const std::string& from, const std::string& to) {
    std::string out = text;
    std::size_t at = out.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return parse_set_list(as_view(out.replace(at, from.size(), to)));
  };
  EXPECT_EQ(bent("\"Set List\"", "\"Manifest\"").error().code, Errc::unsupported);
  EXPECT_FALSE(bent("\"sequence\": 7", "\"sequence\": 0"));
  EXPECT_FALSE(bent("\"sequence\": 7", "\"sequence\": -1"));
  EXPECT_FALSE(bent("\"sequence\": 7", "\"sequence\": 7, \"allow\": true"));
  EXPECT_FALSE(bent("\"until\"", "\"untill\""));
  EXPECT_FALSE(bent("\"Image Description\"", "\"Company Description\""));
  EXPECT_FALSE(bent("\"version\"", "\"note\""));
  EXPECT_TRUE(bent("\"fleet\"", "\"other\""));
}

TEST(SetLists, CarryOverWhatIsNotReplaced) {
  auto next = [](std::optional<UnixTime> until) {
    SetList list = fleet();
    list.sequence = 8;
    list.entries = {{MetadataType::manifest, "os", digest(4), std::nullopt}};
    carry_over(fleet(), until, kTestNow + 10, list);
    return list;
  };
  SetList at_once = next(std::nullopt);
  ASSERT_EQ(at_once.entries.size(), 3U);
  EXPECT_NE(at_once.find(digest(1)), nullptr) << "the image is not replaced";
  EXPECT_EQ(at_once.find(digest(2)), nullptr) << "replaced, without a window";
  EXPECT_NE(at_once.find(digest(3)), nullptr) << "an open window stays open";
  EXPECT_TRUE(write_set_list(at_once));
  SetList window = next(kTestNow + 500);
  ASSERT_NE(window.find(digest(2)), nullptr);
  EXPECT_EQ(window.find(digest(2))->until, kTestNow + 500);
  EXPECT_TRUE(write_set_list(window));
  SetList later = fleet();
  later.entries = {{MetadataType::manifest, "os", digest(4), std::nullopt}};
  carry_over(fleet(), std::nullopt, kTestNow + 2 * kDay, later);
  EXPECT_EQ(later.find(digest(3)), nullptr) << "its window is over";
}

TEST(SetLists, AreSignedByMetadataSigners) {
  TestCert root = make_root("Signer Root"), signer = make_signer(root), foreign = make_root("Other Root");
  auto roots = TrustStore::make({root.der()});
  ASSERT_TRUE(roots);
  std::string item = sign_text(*write_set_list(fleet()), signer);
  auto list = verify_set_list(as_view(item), *roots, kTestNow);
  ASSERT_TRUE(list) << list.error().what;
  EXPECT_EQ((*list)->digest, sha256(as_view(item)));
  EXPECT_FALSE((*list)->signer.empty());
  auto other = TrustStore::make({foreign.der()});
  EXPECT_FALSE(verify_set_list(as_view(item), *other, kTestNow));
  std::string unsigned_list = *write_set_list(fleet());
  EXPECT_FALSE(verify_set_list(as_view(unsigned_list), *roots, kTestNow));
}

}  // namespace
}  // namespace attest
