// Revocation answers that a machine fetches for its own manifests: what is asked, what is kept, what reports carry.
#include "cmcd-lite/server/cmc/staples.h"

#include <gtest/gtest.h>

#include "cmcd-lite/server/config/config.h"
#include "evidence/cmc/item.h"
#include "evidence/core/file.h"
#include "evidence/core/hex.h"
#include "test/support/machine_daemon.h"
#include "test/support/omsp_server.h"
#include "test/support/recording.h"
#include "test/support/temp_dir.h"
#include "test/support/testdata.h"

namespace attest {
namespace {

using namespace attest::test;
using cmc::Encoding;
using Fault = OmspServer::Fault;

constexpr const char* kServer = "https://omsp.example:9000/omsp";

std::string digest_of(View bytes) { return to_hex(sha256(bytes).view()); }

class StaplesTest : public testing::Test {
 protected:
  StaplesTest() {
    config_.staple = CmcStaple{Encoding::json, {dir_.file("root.pem")}, dir_.path() / "cmc-omsp"};
    EXPECT_TRUE(write_file_atomic(dir_.file("root.pem"), as_view(root_.pem())));
    add("app", kServer);
  }
  SignedItem signed_by(const cmc::Metadata& metadata, const TestCert& signer, const TestCert& root, Encoding encoding = Encoding::json) const {
    Bytes bytes = sign_metadata(metadata, encoding, signer, root);
    std::string digest = digest_of(bytes);
    return {std::move(digest), std::move(bytes)};
  }
  void add(const std::string& name, const std::string& server) {
    cmc::Metadata manifest;
    manifest.type = cmc::kManifest;
    manifest.name = name;
    manifest.omsp_server = server;
    items_.push_back(signed_by(manifest, signer_, root_));
  }
  std::shared_ptr<Staples> load(UnixTime now = kTestNow) {
    warnings_.clear();
    left_ = items_;
    return Staples::load(config_, must(TrustStore::make({root_.der()})), left_, now, warnings_);
  }
  Bytes answer(UnixTime produced, const std::string& status = "good", Encoding encoding = Encoding::json) const {
    return sign_metadata(omsp_answer(kServer, {items_.front().digest}, produced, status), encoding, signer_, root_);
  }
  // carried is the digest of the only answer that reports carry; "" for none.
  static std::string carried(const Staples& staples) {
    auto items = staples.items();
    EXPECT_LE(items->size(), 1U);
    return items->empty() ? "" : items->front().digest;
  }
  static std::string why(const Status& status) { return status ? "taken" : status.error().what; }
  TempDir dir_;
  CmcConfig config_;
  TestCert root_ = make_root("Fleet"), signer_ = make_signer(root_);
  TestCert other_root_ = make_root("Other"), other_signer_ = make_signer(other_root_);
  std::vector<SignedItem> items_, left_;
  std::vector<std::string> warnings_;
};

TEST_F(StaplesTest, AQuestionInBothForms) {
  StapleQuestion question{kServer, {{"bb", "later"}, {"aa", "first"}}};
  EXPECT_EQ(as_text(encode_question(question, Encoding::json)), R"({"arVersion":"3.3.0","requests":["aa","bb"]})");
  EXPECT_EQ(to_hex(encode_question(question, Encoding::cbor)), "a20065332e332e30018262616162" "6262") << "{0: text, 1: [text]}";
}

TEST_F(StaplesTest, TheNewestGoodAnswerIsCarriedAndKept) {
  auto staples = load();
  ASSERT_EQ(staples->questions().size(), 1U);
  const StapleQuestion& question = staples->questions()[0];
  EXPECT_EQ(question.manifests, (std::map<std::string, std::string>{{items_[0].digest, "app"}}));
  EXPECT_EQ(carried(*staples), "");
  Bytes first = answer(kTestNow), second = answer(kTestNow + 100, "good", Encoding::cbor);
  EXPECT_EQ(why(staples->take(first, question, kTestNow + 1)), "taken");
  EXPECT_EQ(carried(*staples), digest_of(first));
  EXPECT_EQ(why(staples->take(second, question, kTestNow + 101)), "taken");
  staples->settle(kTestNow + 159);
  EXPECT_EQ(carried(*staples), digest_of(first)) << "nobody needs the second yet, and somebody's clock may be behind";
  staples->settle(kTestNow + 160);
  EXPECT_EQ(carried(*staples), digest_of(second));
  EXPECT_NE(why(staples->take(first, question, kTestNow + 161)).find("before the one that is held"), std::string::npos);
  EXPECT_EQ(carried(*staples), digest_of(second));
  EXPECT_EQ(carried(*load(kTestNow + 200)), digest_of(second)) << "from the disk";
  EXPECT_TRUE(warnings_.empty());
  EXPECT_NE(why(load(kTestNow + 200)->take(first, question, kTestNow + 201)).find("before the one"), std::string::npos) << "a restart forgets nothing";
}

TEST_F(StaplesTest, WhatIsWrongChangesNothing) {
  auto staples = load();
  const StapleQuestion question = staples->questions()[0];
  Bytes good = answer(kTestNow);
  ASSERT_EQ(why(staples->take(good, question, kTestNow)), "taken");
  auto refused = [&](const Bytes& bytes, const char* expected) {
    std::string text = why(staples->take(bytes, question, kTestNow + 10));
    EXPECT_TRUE(text.starts_with("revocation answer of https://omsp.example")) << text;
    EXPECT_NE(text.find(expected), std::string::npos) << text;
    EXPECT_EQ(carried(*staples), digest_of(good)) << expected;
    EXPECT_EQ(carried(*load()), digest_of(good)) << expected;
  };
  cmc::Metadata fine = omsp_answer(kServer, {items_[0].digest}, kTestNow + 5), bad = fine;
  for (Encoding encoding : {Encoding::json, Encoding::cbor}) {
    refused(sign_metadata(fine, encoding, other_signer_, other_root_), "not signed by \"signer_roots\"");
    bad.server += "/other";
    refused(sign_metadata(bad, encoding, signer_, root_), "it is the answer of \"https://omsp.example:9000/omsp/other\"");
    bad = omsp_answer(kServer, {std::string(64, 'a')}, kTestNow + 5);
    refused(sign_metadata(bad, encoding, signer_, root_), "it says nothing of manifest \"app\"");
    bad = omsp_answer(kServer, {items_[0].digest}, kTestNow + 71);
    refused(sign_metadata(bad, encoding, signer_, root_), "which is to come");
    bad = fine;
    bad.type = cmc::kManifest;
    refused(sign_metadata(bad, encoding, signer_, root_), "of type \"Manifest\"");
    bad = fine;
    bad.produced_at = "yesterday";
    refused(sign_metadata(bad, encoding, signer_, root_), "producedAt");
    Bytes cut = sign_metadata(fine, encoding, signer_, root_);
    cut.pop_back();
    refused(cut, "");
    cut[cut.size() / 2] ^= 1;
    refused(cut, "");
    bad = fine;
  }
  refused(Bytes(), "");
  refused(Bytes((1 << 20) + 1, '{'), "1 MiB");
  JwsSigner by{signer_.key.get(), {signer_.der(), root_.der()}};
  refused(to_bytes(as_view(must(sign_jws(cmc::encode_metadata(fine, Encoding::cbor), {&by, 1})))), "different serialisations");
}

TEST_F(StaplesTest, AServersClockMayBeAMinuteAhead) {
  auto staples = load();
  const StapleQuestion question = staples->questions()[0];
  Bytes first = answer(kTestNow), second = answer(kTestNow + 60), third = answer(kTestNow + 61);
  ASSERT_TRUE(staples->take(first, question, kTestNow));
  ASSERT_TRUE(staples->take(second, question, kTestNow));
  EXPECT_EQ(carried(*staples), digest_of(first)) << "verifiers refuse what is to come";
  ASSERT_TRUE(staples->take(third, question, kTestNow + 1));
  staples->settle(kTestNow + 120);
  EXPECT_EQ(carried(*staples), digest_of(first));
  staples->settle(kTestNow + 121);
  EXPECT_EQ(carried(*staples), digest_of(third));
  Bytes revoked = answer(kTestNow + 180, "revoked"), good = answer(kTestNow + 181);
  ASSERT_TRUE(staples->take(revoked, question, kTestNow + 179));
  EXPECT_EQ(carried(*staples), digest_of(third));
  staples->settle(kTestNow + 180);
  EXPECT_EQ(carried(*staples), digest_of(revoked)) << "no minute is gained";
  ASSERT_TRUE(staples->take(good, question, kTestNow + 181));
  EXPECT_EQ(carried(*staples), digest_of(good)) << "and none is lost";
}

TEST_F(StaplesTest, AnAnswerOfAnEndedChainIsNotCarried) {
  auto staples = load();
  Bytes good = answer(kTestNow);
  ASSERT_TRUE(staples->take(good, staples->questions()[0], kTestNow));
  staples->settle(kTestNow + 30 * kDay);
  EXPECT_EQ(carried(*staples), digest_of(good)) << "past its nextUpdate a verifier does no worse with it";
  staples->settle(kTestNow + 365 * kDay);
  EXPECT_EQ(carried(*staples), "") << "every verifier would refuse the report";
  EXPECT_EQ(carried(*load(kTestNow + 365 * kDay)), "");
  EXPECT_EQ(warnings_.size(), 1U) << "manifests signed so are not asked about";
  UnixTime end = staples->newest(kServer)->good_before;
  ASSERT_TRUE(staples->take(answer(end - 7200), staples->questions()[0], end - 7200));
  EXPECT_EQ(staples->newest(kServer)->renewal, end - 3600) << "another is due before this one is worth nothing";
}

TEST_F(StaplesTest, WhenAnotherIsDueAndWhatAnswersSay) {
  auto staples = load();
  const StapleQuestion& question = staples->questions()[0];
  TrustStore roots = must(TrustStore::make({root_.der()}));
  auto judged = [&](const cmc::Metadata& metadata) {
    return must(judge_staple(sign_metadata(metadata, Encoding::json, signer_, root_), question, roots, HashAlg::sha256, kTestNow));
  };
  cmc::Metadata m = omsp_answer(kServer, {items_[0].digest, "b0b0"}, kTestNow);
  EXPECT_EQ(judged(m).renewal, kTestNow + 48 * 3600);
  EXPECT_EQ(judged(m).until, kTestNow + 7 * kDay);
  EXPECT_TRUE(judged(m).concerns.empty());
  m.responses[0].next_update = format_rfc3339(kTestNow + 940);
  m.responses[1].next_update = format_rfc3339(kTestNow + 1);
  EXPECT_EQ(judged(m).renewal, kTestNow + 440) << "the middle; nobody asked about the other";
  m.responses[0].next_update = format_rfc3339(kTestNow + 20);
  EXPECT_EQ(judged(m).renewal, kTestNow + 300) << "nobody is asked more often";
  m.responses[0].next_update = "";
  EXPECT_EQ(judged(m).renewal, kTestNow + 48 * 3600);
  m.responses[0].this_update = "noon";
  EXPECT_EQ(judged(m).concerns, std::vector<std::string>{"manifest \"app\" is good at times that cannot be read"});
  for (const char* status : {"revoked", "outdated", "unknown", "fine"}) {
    Staple one = judged(omsp_answer(kServer, {items_[0].digest}, kTestNow, status));
    EXPECT_EQ(one.concerns, std::vector<std::string>{std::string("manifest \"app\" is ") + status});
    EXPECT_EQ(one.renewal, kTestNow) << "it may be another soon";
    EXPECT_EQ(why(staples->take(one.item.bytes, question, kTestNow)), "taken") << "an honest prover shows it";
    EXPECT_EQ(carried(*staples), one.item.digest);
  }
}

TEST_F(StaplesTest, WhoIsAskedAboutWhat) {
  add("os", kServer);
  add("local", "http://127.0.0.1:80/omsp");
  add("plain", "http://omsp.example/omsp");
  add("none", "");
  add("odd", "ftp://omsp.example/omsp");
  cmc::Metadata strange;
  strange.type = cmc::kManifest;
  strange.name = "strange";
  strange.omsp_server = kServer;
  items_.push_back(signed_by(strange, other_signer_, other_root_));
  items_.push_back({"00", to_bytes(as_view("{}"))});
  auto staples = load();
  ASSERT_EQ(staples->questions().size(), 2U);
  EXPECT_EQ(staples->questions()[0].manifests.size(), 2U);
  EXPECT_EQ(staples->questions()[1].server, "http://127.0.0.1:80/omsp");
  ASSERT_EQ(warnings_.size(), 3U);
  EXPECT_NE(warnings_[0].find("must be https"), std::string::npos) << warnings_[0];
  EXPECT_NE(warnings_[1].find("ftp://omsp.example/omsp"), std::string::npos) << warnings_[1];
  EXPECT_NE(warnings_[2].find("manifest \"strange\""), std::string::npos) << warnings_[2];
  EXPECT_EQ(left_.size(), items_.size()) << "items are not touched";
  for (int i = 0; i < 20; i++) add("more", "https://omsp.example/" + std::to_string(i));
  EXPECT_EQ(load()->questions().size(), Staples::kMaxServers);
  EXPECT_EQ(warnings_.size(), 3U + 6);
  config_.staple->roots.clear();
  EXPECT_EQ(load()->questions().size(), 1U) << "the system's roots certify no server";
}

TEST_F(StaplesTest, AnAnswerAmongTheMetadataIsOneOfThem) {
  Bytes old = answer(kTestNow - 100), fresh = answer(kTestNow + 100);
  items_.push_back({digest_of(old), old});
  auto staples = load();
  EXPECT_EQ(left_.size(), 1U) << "it is carried once";
  EXPECT_EQ(carried(*staples), digest_of(old));
  ASSERT_TRUE(staples->take(fresh, staples->questions()[0], kTestNow + 100));
  EXPECT_EQ(carried(*load(kTestNow + 101)), digest_of(fresh));
  EXPECT_EQ(left_.size(), 1U) << "the older one gives way";
  Bytes elsewhere = sign_metadata(omsp_answer("https://nobody.example/", {items_[0].digest}, kTestNow), Encoding::json, signer_, root_);
  items_.push_back({digest_of(elsewhere), elsewhere});
  load(kTestNow + 101);
  EXPECT_EQ(left_.size(), 2U) << "of a server that is not asked it stays what it was";
}

// A server's answer about one manifest, put among the metadata by hand, took the place of the fetched one about both.
TEST_F(StaplesTest, AnIncompleteAnswerAmongTheMetadataDisplacesNothing) {
  add("os", kServer);
  Bytes whole = sign_metadata(omsp_answer(kServer, {items_[0].digest, items_[1].digest}, kTestNow), Encoding::json, signer_, root_);
  auto staples = load();
  ASSERT_EQ(why(staples->take(whole, staples->questions()[0], kTestNow)), "taken");
  Bytes part = answer(kTestNow + 1000);
  items_.push_back({digest_of(part), part});
  staples = load(kTestNow + 2000);
  EXPECT_EQ(carried(*staples), digest_of(whole));
  EXPECT_TRUE(std::ranges::any_of(left_, [&](const SignedItem& item) { return item.digest == digest_of(part); })) << "it travels as the others do";
}

TEST_F(StaplesTest, WhatIsKeptIsJudgedAnew) {
  auto staples = load();
  ASSERT_TRUE(staples->take(answer(kTestNow), staples->questions()[0], kTestNow));
  std::filesystem::path file = *std::filesystem::directory_iterator(dir_.path() / "cmc-omsp");
  ASSERT_TRUE(write_file_atomic(file, sign_metadata(omsp_answer(kServer, {items_[0].digest}, kTestNow), Encoding::json, other_signer_, other_root_)));
  EXPECT_EQ(carried(*load()), "");
  ASSERT_EQ(warnings_.size(), 1U);
  EXPECT_NE(warnings_[0].find("is not used"), std::string::npos) << warnings_[0];
  std::filesystem::remove(file);
  std::filesystem::create_directory(file);
  Bytes held = answer(kTestNow + 1);
  staples = load();
  EXPECT_NE(why(staples->take(held, staples->questions()[0], kTestNow + 1)), "taken");
  EXPECT_EQ(carried(*staples), digest_of(held)) << "a full disk takes nothing from reports";
}

class FetchTest : public testing::Test {
 protected:
  std::string fetched(OmspServer& server, Fault fault) {
    server.spoil(fault);
    auto answer = fetch_staple({server.url(), {{std::string(64, 'a'), "app"}}}, config_, std::chrono::milliseconds(800));
    return answer ? "fetched" : answer.error().what;
  }
  Authority authority_;
  CmcStaple config_;
};

TEST_F(FetchTest, AServerThatDoesNotAnswerAsItShould) {
  OmspServer server(authority_.root(), authority_.signer(), false);
  EXPECT_EQ(fetched(server, Fault::none), "fetched");
  for (auto [fault, expected] : {std::pair(Fault::moved, "it answered 302"), std::pair(Fault::no_answer, "it answered 500: out of order"),
                                 std::pair(Fault::too_long, "more than 1048576 bytes"), std::pair(Fault::hanging, "")}) {
    auto begun = std::chrono::steady_clock::now();
    std::string why = fetched(server, fault);
    EXPECT_TRUE(why.starts_with("revocation server http://127.0.0.1:")) << why;
    EXPECT_NE(why.find(expected), std::string::npos) << why;
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(2)) << why;
  }
  for (const std::string& request : server.requests()) EXPECT_TRUE(request.starts_with("POST /omsp ")) << "no redirection is followed: " << request;
}

TEST_F(FetchTest, OnlyServersThatMayBeAsked) {
  for (const char* url : {"http://192.0.2.1/omsp", "http://omsp.example/omsp", "https://127.0.0.1:1/omsp", "file:///etc/passwd", ""}) {
    auto answer = fetch_staple({url, {{"aa", "app"}}}, config_, std::chrono::milliseconds(800));
    ASSERT_FALSE(answer) << url;
    EXPECT_NE(answer.error().code, Errc::io) << url << ": nobody was asked";
  }
}

TEST_F(FetchTest, TlsIsJudgedByTheRootsGiven) {
  TempDir dir;
  Authority other;
  OmspServer server(authority_.root(), authority_.signer(), true);
  ASSERT_TRUE(write_file_atomic(dir.file("root.pem"), as_view(authority_.root().pem())));
  ASSERT_TRUE(write_file_atomic(dir.file("other.pem"), as_view(other.root().pem())));
  config_.roots = {dir.file("other.pem")};
  EXPECT_NE(fetched(server, Fault::none), "fetched");
  EXPECT_TRUE(server.requests().empty()) << "nothing was told to it";
  config_.roots = {dir.file("root.pem")};
  EXPECT_EQ(fetched(server, Fault::none), "fetched");
}

// What CMC's agent and server said to each other: the manifests of the machine stand in the recorded report of a handshake.
TEST_F(StaplesTest, TheRecordedExchange) {
  auto request = test::read_file(testdata("cmc/est/01-omsp.request")), response = test::read_file(testdata("cmc/est/01-omsp.response"));
  auto frame = test::read_file(testdata("cmc/atls/atls-cbor-mutual-sw-client-05.sent"));
  if (!request || !response || !frame) GTEST_SKIP() << "../shared/testdata/cmc is not there";
  std::string_view text = as_text(*frame);
  items_.clear();
  for (std::size_t at = text.find("{\"payload\""); at != text.npos; at = text.find("{\"payload\"", at + 1)) {
    std::string_view item = text.substr(at, text.find("\"}", at) + 2 - at);
    items_.push_back({digest_of(as_view(item)), to_bytes(as_view(item))});
  }
  ASSERT_EQ(items_.size(), 5U) << "an image description, three manifests, the answer";
  auto roots = must(read_certificates(testdata("cmc/est/ca.pem")));
  left_ = items_;
  auto staples = Staples::load(config_, must(TrustStore::make(roots)), left_, must(parse_rfc3339("2026-11-21T22:45:00Z")), warnings_);
  ASSERT_EQ(staples->questions().size(), 1U) << (warnings_.empty() ? "" : warnings_[0]);
  const StapleQuestion& question = staples->questions()[0];
  EXPECT_EQ(question.server, "https://localhost:9000/omsp");
  auto body = [](const Bytes& exchange) { return std::string(as_text(exchange)).substr(as_text(exchange).find("\r\n\r\n") + 4); };
  EXPECT_EQ(as_text(encode_question(question, Encoding::json)), body(*request));
  std::string answer = body(*response);
  auto staple = judge_staple(as_view(answer), question, must(TrustStore::make(roots)), HashAlg::sha256, must(parse_rfc3339("2026-11-21T22:45:00Z")));
  ASSERT_TRUE(staple) << staple.error().what;
  EXPECT_TRUE(staple->missing.empty() && staple->concerns.empty());
  EXPECT_EQ(carried(*staples), staple->item.digest) << "it is the item that the agent's report carried";
}

TEST(StapleConfig, RootsAreThoseGivenOrOfTheEnrolment) {
  TempDir dir;
  auto load = [&dir](const std::string& cmc) {
    std::string text = R"({"state_dir": "/s", "sockets": [{"path": "/run/a.sock"}], "sw": {"key": "k"}, "metadata": {"folder": "m", "signers": ["r.pem"]}, "cmc": {)" + cmc + "}}";
    EXPECT_TRUE(write_file_atomic(dir.file("cmcd.json"), as_view(text)));
    return load_config(dir.file("cmcd.json"));
  };
  const std::string roots = R"("signer_roots": ["s.pem"], "enroll": {"url": "https://est.example", "roots": ["est.pem"]})";
  auto both = load(roots + R"(, "staple": {"format": "cbor", "roots": ["omsp.pem"]})"), one = load(roots + R"(, "staple": {})"), none = load(roots);
  ASSERT_TRUE(both && one && none) << (both ? "" : both.error().what);
  EXPECT_EQ(both->cmc.staple->format, Encoding::cbor);
  EXPECT_EQ(both->cmc.staple->roots, std::vector<std::filesystem::path>{"/s/omsp.pem"});
  EXPECT_EQ(one->cmc.staple->format, Encoding::json);
  EXPECT_EQ(one->cmc.staple->roots, std::vector<std::filesystem::path>{"/s/est.pem"});
  EXPECT_EQ(one->cmc.staple->folder, "/s/cmc-omsp");
  EXPECT_FALSE(none->cmc.staple);
  auto rootless = load(R"("staple": {})"), odd = load(roots + R"(, "staple": {"hosts": []})");
  ASSERT_FALSE(rootless || odd);
  EXPECT_NE(rootless.error().what.find("signer_roots"), std::string::npos) << rootless.error().what;
  EXPECT_NE(odd.error().what.find("hosts"), std::string::npos) << odd.error().what;
}

}  // namespace
}  // namespace attest
