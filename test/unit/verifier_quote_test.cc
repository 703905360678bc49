// Single statements of a TPM: what is trusted with which companions, and what refuses under which name.
#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "evidence/tpm/pcr_selection.h"
#include "test/support/recording.h"
#include "test/support/soft_tpm_key.h"
#include "test/support/test_ak.h"
#include "verifier/quote/checks.h"
#include "verifier/quote/quote.h"

namespace attest {
namespace {

using namespace attest::test;
namespace check = quote_check;

std::string first_failure(const Findings& found) {
  for (const Finding& one : found.checks)
    if (one.outcome == Outcome::fail) return one.id;
  return found.trusted() ? "trusted" : "nothing";
}

class QuoteTest : public testing::Test {
 protected:
  QuoteTest() { remake({}); }
  void remake(SoftTpmKey::Options options) {
    tpm = std::make_unique<SoftTpmKey>(options);
    key = must(read_signing_key(tpm->public_area()));
    values = {{HashAlg::sha256,
               {{0, Digest::filled(HashAlg::sha256, 1)}, {7, Digest::filled(HashAlg::sha256, 2)}}}};
    Digest digest = pcr_digest(options.hash, {values[HashAlg::sha256][0], values[HashAlg::sha256][7]});
    statement = quote_over(HashAlg::sha256, {0, 7}, digest.view(), nonce);
    signature = tpm->sign(statement);
  }
  QuoteCase question() const {
    QuoteCase q;
    q.attest = statement;
    q.signature = signature;
    q.ak = &key;
    q.pcrs = &values;
    q.nonce = View{nonce};
    return q;
  }
  std::string judged() const { return first_failure(judge_quote(question())); }

  Bytes nonce = {1, 2, 3, 4};
  std::unique_ptr<SoftTpmKey> tpm;
  SigningKey key;
  PcrValues values;
  Bytes statement, signature;
};

TEST_F(QuoteTest, EveryKindOfKeyIsJudged) {
  for (const char* algorithm : {"P-256", "P-384", "P-521", "RSA"}) {
    SoftTpmKey::Options options;
    options.algorithm = algorithm;
    remake(options);
    EXPECT_EQ(judged(), "trusted") << algorithm;
  }
  SoftTpmKey::Options pss;
  pss.algorithm = "RSA";
  pss.scheme = tpm::kAlgRsapss;
  remake(pss);
  EXPECT_EQ(judged(), "trusted");
}

TEST_F(QuoteTest, NoChangedByteIsTrusted) {
  for (Bytes* part : {&statement, &signature})
    for (std::size_t i = 0; i < part->size(); i++) {
      (*part)[i] ^= 1;
      EXPECT_NE(judged(), "trusted") << i;
      (*part)[i] ^= 1;
    }
  Bytes whole = statement;
  statement = trailed(whole);
  EXPECT_EQ(judged(), check::kForm);
  statement = truncated(whole);
  EXPECT_EQ(judged(), check::kForm);
  statement = whole;
  statement[0] = 0;
  EXPECT_EQ(judged(), check::kMagic);
}

TEST_F(QuoteTest, WithoutSignatureOrKeyNothingIsTrusted) {
  QuoteCase q = question();
  q.signature = {};
  EXPECT_EQ(first_failure(judge_quote(q)), check::kSignature);
  q = question();
  q.ak = nullptr;
  EXPECT_EQ(first_failure(judge_quote(q)), check::kSignature);
}

TEST_F(QuoteTest, KeysThatSignForeignBytesAreRefused) {
  SoftTpmKey::Options options;
  options.attributes &= ~tpm::kRestricted;
  remake(options);
  EXPECT_EQ(judged(), check::kKey);
}

TEST_F(QuoteTest, Sha1IsForPoliciesThatSaySo) {
  SoftTpmKey::Options options;
  options.algorithm = "RSA";
  options.hash = HashAlg::sha1;
  remake(options);
  EXPECT_EQ(judged(), check::kSha1);
  QuoteCase q = question();
  q.allow_sha1 = true;
  EXPECT_EQ(first_failure(judge_quote(q)), "trusted");
}

TEST_F(QuoteTest, NonceNameAndPcrsAreCompared) {
  Bytes other = {9};
  QuoteCase q = question();
  q.nonce = View{other};
  EXPECT_EQ(first_failure(judge_quote(q)), check::kNonce);
  q = question();
  q.ak_name = other;
  EXPECT_EQ(first_failure(judge_quote(q)), check::kKeyName);
  values[HashAlg::sha256][7] = Digest::filled(HashAlg::sha256, 3);
  EXPECT_EQ(judged(), check::kPcrs);
  values[HashAlg::sha256].erase(7);
  EXPECT_EQ(judged(), check::kPcrs);
}

TEST_F(QuoteTest, AQuoteOfNothingVouchesForNoValue) {
  statement = quote_over(HashAlg::sha256, {}, hash_of(HashAlg::sha256, {}).view(), nonce);
  signature = tpm->sign(statement);
  EXPECT_EQ(judged(), check::kPcrs);
}

TEST_F(QuoteTest, ValuesThatAreNotCoveredAreTold) {
  values[HashAlg::sha256][8] = Digest::filled(HashAlg::sha256, 4);
  QuoteFindings found = judge_quote(question());
  bool told = std::ranges::any_of(found.checks, [](const Finding& one) {
    return one.id == check::kPcrs && one.outcome == Outcome::warn;
  });
  EXPECT_TRUE(told);
}

TEST_F(QuoteTest, BareKeysAndBareSignaturesAreRead) {
  SoftTpmKey::Options options;
  options.algorithm = "RSA";
  remake(options);
  Bytes spki = must(key.area.spki_der());
  Bytes bare(signature.end() - 256, signature.end());
  key = must(read_signing_key(spki));
  EXPECT_FALSE(key.has_area);
  signature = bare;
  EXPECT_EQ(judged(), "trusted");
  signature[0] ^= 1;
  EXPECT_EQ(judged(), check::kSignature);
  options.algorithm = "P-256";
  remake(options);
  key = must(read_signing_key(must(key.area.spki_der())));
  signature = sign_der(statement, tpm->key());
  EXPECT_EQ(judged(), "trusted");
}

TEST_F(QuoteTest, AKeyWithACertificateNeedsItsChain) {
  TestCert root = make_root("AK root");
  EVP_PKEY_up_ref(tpm->key());
  TestCert leaf = issue_for(&root, ak_spec(), OwnedPkey(tpm->key()));
  key = must(read_signing_key(as_view(leaf.pem())));
  std::vector<Bytes> anchors = {root.der()}, others = {make_root("Stranger").der()};
  QuoteCase q = question();
  q.at = kTestNow;
  q.anchors = &anchors;
  EXPECT_EQ(first_failure(judge_quote(q)), "trusted");
  q.at = kTestNow + 4000 * kDay;
  EXPECT_EQ(first_failure(judge_quote(q)), check::kKeyChain);
  q.at = kTestNow;
  q.anchors = &others;
  EXPECT_EQ(first_failure(judge_quote(q)), check::kKeyChain);
  q.anchors = nullptr;
  EXPECT_EQ(first_failure(judge_quote(q)), check::kKeyChain);
}

TEST_F(QuoteTest, CertifyIsAboutTheObjectGiven) {
  SoftTpmKey other;
  PublicArea object = must(parse_public(other.public_area())), stranger = key.area;
  statement = write_certify(nonce, object.name());
  signature = tpm->sign(statement);
  QuoteCase q = question();
  q.object = &object;
  EXPECT_EQ(first_failure(judge_quote(q)), "trusted");
  q.object = &stranger;
  EXPECT_EQ(first_failure(judge_quote(q)), check::kObject);
}

TEST_F(QuoteTest, CreationAndPlaceInTheHierarchyAreProven) {
  Bytes endorsement = {0x40, 0, 0, 0x0b};
  SoftTpmKey ek;
  PublicArea parent = must(parse_public(ek.public_area()));
  Bytes parent_name = qualified_name(endorsement, parent.name());
  Writer data;
  data.u32be(0);  // no PCRs
  data.lv16(Bytes(32, 0));
  data.u8(1);
  data.u16be(0x000b);
  data.lv16(parent.name());
  data.lv16(parent_name);
  data.lv16({});
  CreationData creation = must(parse_creation_data(must(std::move(data).finish("creation"))));
  EXPECT_FALSE(parse_creation_data(trailed(creation.encoded)));
  Writer out;
  out.u32be(tpm::kGenerated);
  out.u16be(0x801a);
  out.lv16(qualified_name(parent_name, key.area.name()));
  out.lv16(nonce);
  out.u64be(1);
  out.u32be(1);
  out.u32be(1);
  out.u8(1);
  out.u64be(1);
  out.lv16(key.area.name());
  out.lv16(sha256(creation.encoded).view());
  statement = must(std::move(out).finish("statement"));
  signature = tpm->sign(statement);
  QuoteCase q = question();
  q.parent = &parent;
  q.object = &key.area;
  q.creation = &creation;
  EXPECT_EQ(first_failure(judge_quote(q)), "trusted");
  q.parent = &key.area;
  q.creation = nullptr;
  EXPECT_EQ(first_failure(judge_quote(q)), check::kSigner);
  creation.encoded[creation.encoded.size() - 3] ^= 1;
  q = question();
  q.creation = &creation;
  EXPECT_EQ(first_failure(judge_quote(q)), check::kCreation);
}

TEST_F(QuoteTest, TheClockRunsForward) {
  Attest earlier = must(parse_attest(statement));
  auto later = [&](std::uint32_t resets, std::uint32_t restarts, std::uint64_t clock) {
    Attest now = earlier;
    now.clock.reset_count += resets;
    now.clock.restart_count += restarts;
    now.clock.clock_ms += clock;
    now.clock.safe = true;
    Findings out;
    judge_clock(earlier, now, out);
    return first_failure(out);
  };
  EXPECT_EQ(later(0, 0, 5), "trusted");
  EXPECT_EQ(later(1, 0, static_cast<std::uint64_t>(-5)), "trusted");
  EXPECT_EQ(later(0, 0, static_cast<std::uint64_t>(-5)), check::kClock);
  EXPECT_EQ(later(static_cast<std::uint32_t>(-1), 0, 5), check::kClock);
  EXPECT_EQ(later(0, static_cast<std::uint32_t>(-1), 5), check::kClock);
  Attest stranger = earlier;
  stranger.qualified_signer.push_back(1);
  Findings out;
  judge_clock(stranger, earlier, out);
  EXPECT_EQ(first_failure(out), check::kClock);
}

TEST(PcrFile, TheDumpOfTpm2ToolsIsRead) {
  Writer out;
  out.u32le(1);
  out.u16le(0x000b);
  out.u8(3);
  out.put(Bytes{0x81, 0, 0, 0, 0});
  out.put(Bytes(15 * 8, 0));
  out.u32le(1);
  out.u32le(2);
  for (std::uint8_t value : Bytes{1, 2}) {
    out.u16le(32);
    out.put(Bytes(32, value));
    out.put(Bytes(32, 0));
  }
  out.put(Bytes(6 * 66, 0));
  Bytes file = must(std::move(out).finish("pcrs"));
  PcrValues values = must(parse_pcr_file(file));
  EXPECT_EQ(values[HashAlg::sha256][7], Digest::filled(HashAlg::sha256, 2));
  EXPECT_EQ(values[HashAlg::sha256].size(), 2U);
  for (std::size_t by = 1; by <= file.size(); by += 11) EXPECT_FALSE(parse_pcr_file(truncated(file, by)));
  EXPECT_FALSE(parse_pcr_file(trailed(file)));
  file[7] = 0x01;  // one PCR less than values
  EXPECT_FALSE(parse_pcr_file(file));
}

}  // namespace
}  // namespace attest
