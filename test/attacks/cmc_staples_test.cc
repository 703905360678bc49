// Revocation answers stapled to reports: a machine fetches them from the server its manifest names and carries them, and nothing
// that a server or somebody in its place answers takes the good one away.
#include <gtest/gtest.h>

#include "evidence/cmc/report.h"
#include "evidence/core/hex.h"
#include "test/support/cmc_machine.h"
#include "test/support/omsp_server.h"

namespace attest {
namespace {

using namespace attest::test;
using cmc::Encoding;
using Fault = OmspServer::Fault;

class CmcStaples : public testing::Test {
 protected:
  void start(Encoding format, bool tls) {
    ASSERT_TRUE(machine_.good());
    server_ = std::make_unique<OmspServer>(authority_.root(), authority_.signer(), tls);
    server_->ahead(-100);  // what is a minute old takes the former one's place at once
    machine_.omsp_server = server_->url();
    std::string name = format == Encoding::json ? "json" : "cbor";
    ASSERT_TRUE(machine_.start(R"(, "omsp": true, "staple": {"format": ")" + name + R"(", "roots": ["signers.pem"]})")) << machine_.machine.daemon.log();
  }
  std::string status() const { return machine_.machine.daemon.control(R"({"op":"status"})"); }
  std::string shown() const { return member_raw(status(), "revocation"); }
  // comes waits until what status says of the server holds the text.
  bool comes(const std::string& text) const {
    for (int i = 0; i < 600; i++) {
      if (shown().find(text) != std::string::npos) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    ADD_FAILURE() << "no " << text << " in " << shown();
    return false;
  }
  // asked: the server was asked since the last start or reload, and its answer taken.
  bool asked() const { return comes(R"("tried":"2)") && comes(R"("problem":"")"); }
  cmc::Report report(Encoding encoding, std::vector<std::string> cached = {}) const {
    auto bytes = machine_.attest(encoding, kNonce, std::move(cached));
    EXPECT_TRUE(bytes) << bytes.error().what;
    auto decoded = bytes ? cmc::decode_report(*bytes) : Result<cmc::Report>(bytes.error());
    EXPECT_TRUE(decoded) << decoded.error().what;
    return decoded ? *std::move(decoded) : cmc::Report();
  }
  // carried is the digest of the answer that a report carries: what is neither manifest nor image description.
  std::string carried() const {
    auto made = report(Encoding::cbor);
    EXPECT_LE(made.context.digests.size(), 3U);
    return made.context.digests.size() == 3 ? made.context.digests.back() : "";
  }
  // judged is what the machine, which demands answers, says of its own report.
  std::string judged(Encoding encoding) const {
    auto bytes = machine_.attest(encoding, kNonce);
    EXPECT_TRUE(bytes) << bytes.error().what;
    auto result = bytes ? machine_.verify(Encoding::json, kNonce, *bytes, "self") : Result<std::string>(bytes.error());
    EXPECT_TRUE(result) << result.error().what;
    return result ? member_text(member_raw(*result, "summary"), "status") : "";
  }
  // refused: an answer with this fault changes nothing.
  void refused(Fault fault, const std::string& why) {
    std::string before = carried();
    server_->spoil(fault);
    ASSERT_TRUE(machine_.reload());
    EXPECT_TRUE(comes(why)) << why;
    EXPECT_EQ(carried(), before) << why;
    EXPECT_EQ(judged(Encoding::cbor), "success") << why;
    EXPECT_NE(status().find("tried again at 2"), std::string::npos) << "status warns and names a remedy";
  }
  const Bytes kNonce = Bytes(8, 3);
  Authority authority_;
  CmcMachine machine_{authority_, "tis"};
  std::unique_ptr<OmspServer> server_;
};

TEST_F(CmcStaples, AreInTheNextReportAndItIsGood) {
  start(Encoding::json, true);
  ASSERT_TRUE(asked());
  cmc::Report made = report(Encoding::json);
  ASSERT_EQ(made.context.digests.size(), 3U);
  for (const auto& [digest, bytes] : made.context.metadata) EXPECT_EQ(to_hex(sha256(View(bytes)).view()), digest);
  EXPECT_EQ(made.context.metadata.size(), 3U);
  for (Encoding encoding : {Encoding::json, Encoding::cbor}) EXPECT_EQ(judged(encoding), "success");
  std::string digest = carried();
  cmc::Report cached = report(Encoding::cbor, {digest});
  EXPECT_EQ(cached.context.digests.size(), 3U);
  EXPECT_FALSE(cached.context.metadata.contains(digest)) << "who holds it need not get it";
  std::string request = server_->requests().at(0), manifest;
  EXPECT_TRUE(request.starts_with("POST /omsp HTTP/1.1\r\n")) << request;
  EXPECT_NE(request.find("\r\nContent-Type: application/json\r\n"), std::string::npos) << request;
  for (const std::string& one : made.context.digests)
    if (request.ends_with("\r\n\r\n{\"arVersion\":\"3.3.0\",\"requests\":[\"" + one + "\"]}")) manifest = one;
  EXPECT_NE(manifest, "") << request;
  EXPECT_EQ(server_->requests().size(), 1U) << "reports ask nobody";
}

TEST_F(CmcStaples, InCborTooAndWithoutTheServerAfterARestart) {
  start(Encoding::cbor, true);
  ASSERT_TRUE(asked());
  std::string request = server_->requests().at(0), digest = carried();
  EXPECT_NE(request.find("\r\nContent-Type: application/cbor\r\n"), std::string::npos) << request;
  EXPECT_NE(request.find("\xa2" + std::string(1, '\0') + "\x65" "3.3.0\x01\x81\x78\x40"), std::string::npos) << "{0: text, 1: [text]}";
  for (Encoding encoding : {Encoding::json, Encoding::cbor}) EXPECT_EQ(judged(encoding), "success");
  server_.reset();
  machine_.machine.daemon.stop();
  ASSERT_TRUE(machine_.machine.daemon.start() && machine_.machine.daemon.ready());
  EXPECT_EQ(carried(), digest) << "it outlives a restart";
  EXPECT_EQ(judged(Encoding::cbor), "success");
  EXPECT_TRUE(comes("see that the server runs"));
  EXPECT_EQ(carried(), digest);
}

TEST_F(CmcStaples, WhateverIsWrongTheAnswerHeldStays) {
  start(Encoding::json, false);
  ASSERT_TRUE(asked());
  refused(Fault::other_root, "not signed by");
  refused(Fault::bent, "revocation answer of");
  refused(Fault::other_server, "it is the answer of");
  refused(Fault::left_out, R"(it says nothing of manifest \"test.boot\")");
  refused(Fault::too_long, "1048576");
  refused(Fault::to_come, "which is to come");
  refused(Fault::older, "before the one that is held");
  refused(Fault::moved, "it answered 302");
  refused(Fault::no_answer, "it answered 500");
  refused(Fault::other_type, "an OMSP Response is due");
  refused(Fault::other_form, "different serialisations");
  for (const std::string& request : server_->requests()) EXPECT_TRUE(request.starts_with("POST /omsp ")) << request;
  std::string before = carried();
  server_->spoil(Fault::none);
  ASSERT_TRUE(machine_.reload());
  ASSERT_TRUE(asked());
  EXPECT_NE(carried(), before) << "a newer good one takes its place";
  EXPECT_EQ(judged(Encoding::json), "success");
}

TEST_F(CmcStaples, NoReportWaitsForAServer) {
  start(Encoding::json, false);
  ASSERT_TRUE(asked());
  std::string before = carried();
  server_->spoil(Fault::hanging);
  ASSERT_TRUE(machine_.reload());
  std::size_t asked_before = server_->requests().size();
  for (int i = 0; i < 200 && server_->requests().size() == asked_before; i++) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(carried(), before);
  EXPECT_EQ(judged(Encoding::cbor), "success");
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(2500));
  EXPECT_TRUE(comes("revocation server"));
  server_->spoil(Fault::none);
  EXPECT_TRUE(comes(R"("problem":"")")) << "tried again after seconds";
}

TEST_F(CmcStaples, AnHonestMachineShowsThatItWasRevoked) {
  start(Encoding::json, false);
  ASSERT_TRUE(asked());
  EXPECT_EQ(judged(Encoding::cbor), "success");
  std::string good = carried();
  for (auto [said, verdict] : {std::pair("outdated", "warn"), std::pair("revoked", "fail"), std::pair("unknown", "fail"), std::pair("good", "success")}) {
    server_->say(said);
    ASSERT_TRUE(machine_.reload());
    ASSERT_TRUE(comes(said == std::string("good") ? R"("concerns":[])" : std::string(R"(is )") + said));
    EXPECT_NE(carried(), good);
    EXPECT_EQ(judged(Encoding::cbor), verdict) << said;
  }
  EXPECT_NE(machine_.machine.daemon.log().find(R"(says: manifest "test.boot" is revoked)"), std::string::npos) << machine_.machine.daemon.log();
  EXPECT_NE(machine_.machine.daemon.log().find("every manifest is good again"), std::string::npos);
}

TEST_F(CmcStaples, AskedAgainAfterTwoDaysAndWhenTheMetadataChanges) {
  auto ahead = std::make_shared<std::atomic<UnixTime>>(0);
  machine_.machine.daemon.clock = [ahead] { return wall_clock_now() + *ahead; };
  start(Encoding::json, false);
  ASSERT_TRUE(asked());
  std::string first = carried();
  std::size_t requests = server_->requests().size();
  std::this_thread::sleep_for(std::chrono::seconds(2));
  EXPECT_EQ(server_->requests().size(), requests) << "it is good for two days";
  server_->ahead(49 * 3600 - 90);
  *ahead = 49 * 3600;
  for (int i = 0; i < 200 && carried() == first; i++) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_NE(carried(), first);
  EXPECT_EQ(server_->requests().size(), requests + 1);
}

TEST_F(CmcStaples, AServerOfAnotherAuthorityIsToldNothing) {
  Authority other;
  ASSERT_TRUE(machine_.good());
  server_ = std::make_unique<OmspServer>(other.root(), authority_.signer(), true);
  machine_.omsp_server = server_->url();
  ASSERT_TRUE(machine_.start(R"(, "staple": {"roots": ["signers.pem"]})")) << machine_.machine.daemon.log();
  EXPECT_TRUE(comes("authority of the TLS certificate"));
  EXPECT_TRUE(server_->requests().empty());
  EXPECT_EQ(carried(), "");
}

}  // namespace
}  // namespace attest
