// IMA lists: templates, violations and malformed lists.
#include "evidence/logs/ima_list.h"

#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "test/support/recording.h"

namespace attest {
namespace {
using namespace attest::test;

void put_field(Writer& w, View v) {
  w.u32le(static_cast<std::uint32_t>(v.size()));
  w.put(v);
}

Bytes ng_data(std::string_view alg, View digest, std::string_view name) {
  Bytes field = to_bytes(as_view(alg));
  field.push_back(0);
  field.insert(field.end(), digest.begin(), digest.end());
  Bytes file = to_bytes(as_view(name));
  file.push_back(0);
  Writer w;
  put_field(w, field);
  put_field(w, file);
  return must(std::move(w).finish("data"));
}

Bytes entry(std::uint32_t pcr, View hash, std::string_view name, View data) {
  Writer w;
  w.u32le(pcr);
  w.put(hash);
  put_field(w, as_view(name));
  put_field(w, data);
  return must(std::move(w).finish("entry"));
}

// Template "ima" has no length in front of its data.
Bytes old_entry(View hash, View digest, std::string_view name) {
  Writer w;
  w.u32le(10);
  w.put(hash);
  put_field(w, as_view("ima"));
  w.put(digest);
  put_field(w, as_view(name));
  return must(std::move(w).finish("entry"));
}

Digest extend_of(const Bytes& list, HashAlg bank, ImaExtend mode = ImaExtend::template_data) {
  Hasher hasher = must(Hasher::make(bank));
  return must(ima_extend_digest(hasher, must(parse_ima_list(list)).entries.at(0), mode));
}

TEST(ImaList, RecordedListsParseAndTheirTwinsDoNot) {
  for (const char* boot : kBoots) {
    Bytes bytes = recording(boot, true).ima;
    ImaList list = must(parse_ima_list(bytes));
    EXPECT_GE(list.entries.size(), 64U);
    EXPECT_FALSE(parse_ima_list(trailed(bytes)));
    std::size_t accepted = 0;
    for (std::size_t size = 0; size < bytes.size(); size++)
      accepted += bool(parse_ima_list(View(bytes).first(size)));
    EXPECT_EQ(accepted, list.entries.size());  // exactly where an entry ends
  }
}

TEST(ImaList, EachBankGetsItsOwnDigest) {
  Bytes data = ng_data("sha256:", Bytes(32, 7), "/usr/bin/true");
  Digest stored = hash_of(HashAlg::sha1, {data});
  Bytes list = entry(10, stored.view(), "ima-ng", data);
  EXPECT_EQ(extend_of(list, HashAlg::sha1), stored);
  EXPECT_EQ(extend_of(list, HashAlg::sha256), sha256(data));
  EXPECT_EQ(extend_of(list, HashAlg::sha512), hash_of(HashAlg::sha512, {data}));
  Digest padded = extend_of(list, HashAlg::sha384, ImaExtend::padded_sha1);
  ASSERT_EQ(padded.size(), 48U);
  EXPECT_TRUE(equal(padded.view().first(20), stored.view()));
  EXPECT_TRUE(std::ranges::all_of(padded.view().subspan(20), [](auto b) { return b == 0; }));
}

TEST(ImaList, AViolationExtendsOnes) {
  Bytes list = entry(10, Bytes(20, 0), "ima-ng", ng_data("sha256:", Bytes(32, 0), "/var/log/x"));
  EXPECT_TRUE(must(parse_ima_list(list)).entries[0].violation());
  for (HashAlg bank : {HashAlg::sha1, HashAlg::sha256, HashAlg::sha384})
    for (ImaExtend mode : {ImaExtend::template_data, ImaExtend::padded_sha1})
      EXPECT_EQ(extend_of(list, bank, mode), Digest::filled(bank, 0xff));
}

TEST(ImaList, TemplateImaIsPaddedBeforeItIsHashed) {
  Bytes digest(20, 3);
  std::string name = "/sbin/init";
  Bytes hashed = digest;
  hashed.insert(hashed.end(), name.begin(), name.end());
  hashed.resize(20 + 256, 0);
  Digest stored = hash_of(HashAlg::sha1, {hashed});
  Bytes list = old_entry(stored.view(), digest, name);
  ImaList parsed = must(parse_ima_list(list));
  Hasher sha1 = must(Hasher::make(HashAlg::sha1));
  EXPECT_EQ(must(ima_template_hash(sha1, "ima", parsed.entries[0].data)), stored);
  EXPECT_EQ(extend_of(list, HashAlg::sha256), sha256(hashed));
  ImaHint hint = ima_hint("ima", parsed.entries[0].data);
  EXPECT_EQ(hint.name, name);
  EXPECT_EQ(hint.digest_alg, "sha1");
  EXPECT_FALSE(parse_ima_list(trailed(list)));
  EXPECT_FALSE(parse_ima_list(truncated(list)));
  EXPECT_FALSE(ima_template_hash(sha1, "ima", trailed(parsed.entries[0].data)));
  EXPECT_FALSE(ima_template_hash(sha1, "ima", Bytes(10, 0)));
}

TEST(ImaList, TwoEntriesOfTemplateImaFollowEachOther) {
  Bytes list = old_entry(Bytes(20, 1), Bytes(20, 2), "a");
  Bytes second = old_entry(Bytes(20, 3), Bytes(20, 4), "");
  list.insert(list.end(), second.begin(), second.end());
  ImaList parsed = must(parse_ima_list(list));
  ASSERT_EQ(parsed.entries.size(), 2U);
  EXPECT_EQ(parsed.entries[0].data.size(), 25U);
  EXPECT_EQ(parsed.entries[1].data.size(), 24U);
}

TEST(ImaList, LengthsOutOfBoundsAreMalformed) {
  Bytes good = entry(10, Bytes(20, 1), "ima-ng", ng_data("sha256:", Bytes(32, 7), "x"));
  Bytes name_length = good, data_length = good;
  std::fill_n(name_length.begin() + 24, 4, std::uint8_t{0xff});
  std::fill_n(data_length.begin() + 34, 4, std::uint8_t{0xff});
  EXPECT_EQ(parse_ima_list(name_length).error().code, Errc::malformed);
  EXPECT_EQ(parse_ima_list(data_length).error().code, Errc::malformed);
  EXPECT_FALSE(parse_ima_list(entry(24, Bytes(20, 1), "ima-ng", {})));
  EXPECT_FALSE(parse_ima_list(entry(10, Bytes(20, 1), "", {})));
  EXPECT_FALSE(parse_ima_list(old_entry(Bytes(20, 1), Bytes(20, 2), std::string(256, 'a'))));
}

TEST(ImaList, StrayBytesAreReportedOnlyWhenAsked) {
  Bytes list = entry(10, Bytes(20, 1), "ima-ng", ng_data("sha256:", Bytes(32, 7), "x"));
  list.insert(list.end(), {0x0a, 0, 0, 0, 0xe3, 0x9d});
  EXPECT_FALSE(parse_ima_list(list));
  ImaList parsed = must(parse_ima_list(list, Stray::report));
  EXPECT_EQ(parsed.entries.size(), 1U);
  EXPECT_EQ(parsed.stray_bytes, 6U);
  list.resize(list.size() + 30, 0x41);
  EXPECT_FALSE(parse_ima_list(list, Stray::report));
}

TEST(ImaList, HintsOfTheTemplates) {
  ImaHint v2 = ima_hint("ima-ngv2", ng_data("verity:sha512:", Bytes(64, 9), "/a b\n\\"));
  EXPECT_EQ(v2.digest_alg, "sha512");
  EXPECT_EQ(v2.digest.size(), 64U);
  EXPECT_EQ(v2.name, "/a b\\x0a\\x5c");
  EXPECT_EQ(ima_hint("d-ng|n-ng|sig", ng_data("sha1:", Bytes(20, 9), "/x")).name, "/x");
  EXPECT_EQ(ima_hint("my-own", ng_data("sha1:", Bytes(20, 9), "/x")).name, "");
  EXPECT_EQ(ima_hint("ima-ng", Bytes(3, 1)).name, "");
  Bytes no_colon = ng_data("sha1", Bytes(20, 9), "/x");
  EXPECT_EQ(ima_hint("ima-ng", no_colon).digest_alg, "");
  EXPECT_EQ(ima_hint("ima-ng", no_colon).name, "/x");
}

TEST(ImaList, UnknownTemplatesKeepTheirFields) {
  Writer w;
  put_field(w, as_view("one"));
  put_field(w, {});
  put_field(w, as_view("three"));
  Bytes data = must(std::move(w).finish("data"));
  auto fields = must(ima_fields("custom", data));
  ASSERT_EQ(fields.size(), 3U);
  EXPECT_EQ(as_text(fields[2]), "three");
  EXPECT_FALSE(ima_fields("custom", trailed(data)));
  EXPECT_FALSE(ima_fields("custom", truncated(data)));
}

}  // namespace
}  // namespace attest
