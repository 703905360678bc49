// Re-attestation of a connection that lives long: answers that are resent, reordered, taken from another connection or made
// by another machine.
#include <gtest/gtest.h>

#include <unistd.h>

#include <thread>

#include "evidence/cmc/report.h"
#include "provider/libattest/links.h"
#include "test/support/atls_pair.h"

namespace attest {
namespace {

using namespace attest::test;
using namespace std::chrono_literals;
using atls::Answer;
using atls::Challenge;
using atls::Links;

const Bytes kBinding(32, 1);
const Bytes kFirst{1, 2, 3};

struct Chained : testing::Test {
  atls::Prover prover{true, kBinding, kFirst};
  atls::Watcher watcher{true, kBinding, kFirst, {}};
  SayingAgent theirs, ours;
  Challenge ask() { return *watcher.challenge(); }
  Answer answer(const Challenge& challenge) { return *prover.answer(challenge, theirs); }
  bool accepted(const Answer& answer) { return bool(watcher.judge(answer, {}, ours)); }
};

TEST_F(Chained, FreshAnswersInOrderAreAccepted) {
  for (int i = 0; i < 5; i++) EXPECT_TRUE(accepted(answer(ask()))) << i;
  EXPECT_EQ(theirs.attested, 5);
}

TEST_F(Chained, AResentAnswerIsRefused) {
  Answer first = answer(ask());
  ASSERT_TRUE(accepted(first));
  ask();
  EXPECT_FALSE(accepted(first));
  EXPECT_FALSE(watcher.challenge()) << "after a failure there is no next try";
}

TEST_F(Chained, AResentReportUnderTheRightCounterIsRefused) {
  Answer first = answer(ask());
  ASSERT_TRUE(accepted(first));
  first.counter = ask().counter;
  EXPECT_FALSE(accepted(first));
}

// The order of two reports is part of what they are over: a prover that skips one is out.
TEST_F(Chained, ReorderedAnswersAreRefused) {
  Challenge first = ask();
  Challenge second{first.counter + 1, Bytes(atls::kLinkNonce, 5)};
  EXPECT_FALSE(prover.answer(second, theirs)) << "out of order";
  Answer good = answer(first);
  Answer later = answer(second);
  EXPECT_FALSE(accepted(later));
  EXPECT_FALSE(accepted(good));
}

TEST_F(Chained, AnAnswerNobodyAskedForIsRefused) {
  EXPECT_FALSE(accepted(Answer{1, report_over(Bytes(32, 0))}));
}

TEST_F(Chained, AChallengeIsAnsweredOnce) {
  Challenge challenge = ask();
  answer(challenge);
  EXPECT_FALSE(prover.answer(challenge, theirs));
}

TEST_F(Chained, EveryInputOfTheNonceCounts) {
  Challenge challenge = ask();
  auto refused = [&](atls::Prover other, Challenge asked) {
    atls::Watcher fresh(true, kBinding, kFirst, {});
    Challenge open = *fresh.challenge();
    if (asked.nonce == challenge.nonce) asked = open;
    auto made = other.answer(asked, theirs);
    return made && !fresh.judge(Answer{open.counter, made->report}, {}, ours);
  };
  EXPECT_TRUE(refused(atls::Prover(true, Bytes(32, 2), kFirst), challenge)) << "another connection";
  EXPECT_TRUE(refused(atls::Prover(false, kBinding, kFirst), challenge)) << "the other role";
  EXPECT_TRUE(refused(atls::Prover(true, kBinding, Bytes{9}), challenge)) << "another link before";
  EXPECT_TRUE(refused(atls::Prover(true, kBinding, kFirst), Challenge{1, Bytes(32, 9)})) << "another nonce";
  EXPECT_FALSE(refused(atls::Prover(true, kBinding, kFirst), challenge));
}

TEST_F(Chained, PayloadsAreReadStrictly) {
  Bytes challenge = *encode_challenge(ask());
  EXPECT_TRUE(atls::decode_challenge(challenge));
  challenge.push_back(0);
  EXPECT_FALSE(atls::decode_challenge(challenge));
  challenge.resize(challenge.size() - 2);
  EXPECT_FALSE(atls::decode_challenge(challenge));
  EXPECT_FALSE(atls::decode_answer(Bytes(8, 0)));
  EXPECT_FALSE(atls::decode_answer(Bytes(7, 0)));
}

// Certificates of attestation keys, as reports name them; what else is in a report the agent has judged.
Bytes report_by(const TestCert& certificate) {
  cmc::Report report;
  report.encoding = cmc::Encoding::cbor;
  report.version = cmc::kReportVersion;
  report.type = cmc::kReportType;
  report.context.type = "Context";
  report.context.alg = "SHA-256";
  report.context.collateral.emplace_back();
  report.context.collateral.back().type = cmc::kTpmEvidence;
  report.context.collateral.back().certs = {certificate.der()};
  return cmc::encode_report(report, cmc::encode_context(report.context, report.encoding));
}

struct AcceptingAgent final : atls::Agent {
  Result<std::vector<std::string>> peer_cache(const std::string&) override { return std::vector<std::string>(); }
  Result<Bytes> attest(View, const std::vector<std::string>&) override { return Bytes(); }
  Result<atls::Judgement> verify(View, View, const atls::PeerName&) override {
    atls::Judgement good;
    good.accepted = true;
    return good;
  }
};

TEST(AtlsLinkIdentity, ARenewedCertificateGoesOnAndAnotherKeyDoesNot) {
  TestCert root = make_root("AK CA"), other_root = make_root("Other AK CA");
  CertSpec spec, later;
  spec.common_name = "machine TPM AK";
  later.common_name = "machine TPM AK";
  later.not_after = spec.not_after + 180 * kDay;
  TestCert first = issue(&root, spec);
  auto certified = [&](const TestCert& issuer, const TestCert& key) {
    EVP_PKEY_up_ref(key.key.get());
    return issue_for(&issuer, later, OwnedPkey(key.key.get()));
  };
  TestCert renewed = certified(root, first), elsewhere = certified(other_root, first), another = issue(&root, later);
  ASSERT_NE(renewed.der(), first.der());
  AcceptingAgent agent;
  Bytes before = report_by(first);
  auto goes_on = [&](const Bytes& report) {
    auto identity = atls::identity_of(before);
    if (!identity) return identity.error().what;
    atls::Watcher watcher(true, kBinding, before, *identity);
    auto challenge = watcher.challenge();
    if (!challenge) return challenge.error().what;
    auto judged = watcher.judge(Answer{challenge->counter, report}, {}, agent);
    return judged ? std::string("goes on") : judged.error().what;
  };
  EXPECT_EQ(goes_on(before), "goes on");
  EXPECT_EQ(goes_on(report_by(renewed)), "goes on");
  EXPECT_NE(goes_on(report_by(another)).find("another machine"), std::string::npos) << "same names, same issuer, another key";
  EXPECT_NE(goes_on(report_by(elsewhere)).find("another machine"), std::string::npos) << "another issuer's word";
}

// Over real connections.
class AtlsLinks : public testing::Test {
 protected:
  AtlsLinks() {
    settings.timeout = 60s;
    settings.reattest = 1s;
    EXPECT_TRUE(atls::prepare(pair.server_context(), true));
    EXPECT_TRUE(atls::prepare(pair.client_context(), true));
  }
  void attest() {
    pair.connect();
    auto outcomes = pair.run(settings);
    ASSERT_TRUE(outcomes.both()) << outcomes.text();
    server.emplace(*Links::make(settings, pair.server(), outcomes.server, pair.server_agent, false));
    client.emplace(*Links::make(settings, pair.client(), outcomes.client, pair.client_agent, false));
  }
  // echo answers until the client closes, and returns how it ended.
  std::future<Status> echo() {
    return std::async(std::launch::async, [this]() -> Status {
      for (Bytes buffer(4096);;) {
        TRY(std::size_t size, server->read(buffer));
        if (size == 0) return ok();
        CHECK_OK(server->write(View(buffer).first(size)));
      }
    });
  }
  std::string talk(std::string_view text) {
    Bytes buffer(4096);
    if (!client->write(as_view(text))) return "write failed";
    auto size = client->read(buffer);
    return size ? std::string(as_text(View(buffer).first(*size))) : size.error().what;
  }
  atls::Settings settings;
  AtlsPair pair;
  std::optional<Links> server, client;
};

TEST_F(AtlsLinks, BothEndsProveThemselvesAgainWhileDataFlows) {
  ASSERT_NO_FATAL_FAILURE(attest());
  auto served = echo();
  auto until = std::chrono::steady_clock::now() + 30s;
  while ((pair.server_agent.verified < 3 || pair.client_agent.verified < 3) && std::chrono::steady_clock::now() < until) {
    ASSERT_EQ(talk("hello"), "hello");
    std::this_thread::sleep_for(20ms);
  }
  EXPECT_GE(pair.server_agent.verified, 3);
  EXPECT_GE(pair.client_agent.verified, 3);
  SSL_shutdown(pair.client());
  EXPECT_TRUE(served.get());
}

TEST_F(AtlsLinks, OnRequestThePeerProvesItselfAtOnce) {
  settings.reattest = 3600s;
  ASSERT_NO_FATAL_FAILURE(attest());
  auto served = echo();
  EXPECT_TRUE(client->reattest());
  EXPECT_EQ(pair.client_agent.verified, 2);
  EXPECT_EQ(talk("hello"), "hello");
  SSL_shutdown(pair.client());
  EXPECT_TRUE(served.get());
}

// Neither end reads before it has written everything: more than what fits into the buffers between them.
TEST_F(AtlsLinks, BothEndsMaySendAtOnce) {
  settings.reattest = 3600s;
  ASSERT_NO_FATAL_FAILURE(attest());
  const Bytes much(Links::kMaxInbox - 1, 7);
  auto talk_all = [&](Links& end) -> Status {
    CHECK_OK(end.write(much));
    CHECK_OK(end.end());
    std::size_t heard = 0;
    for (Bytes buffer(1 << 16);;) {
      TRY(std::size_t size, end.read(buffer));
      heard += size;
      if (size == 0) return heard == much.size() ? ok() : Status(Error{Errc::mismatch, std::to_string(heard)});
    }
  };
  auto other = std::async(std::launch::async, [&] { return talk_all(*server); });
  Status ours = talk_all(*client), theirs = other.get();
  EXPECT_TRUE(ours) << ours.error().what;
  EXPECT_TRUE(theirs) << theirs.error().what;
}

TEST_F(AtlsLinks, WhoHasNoMoreDataStillProvesItself) {
  settings.reattest = 3600s;
  ASSERT_NO_FATAL_FAILURE(attest());
  auto served = std::async(std::launch::async, [this]() -> Status {
    Bytes buffer(16);
    TRY(std::size_t size, server->read(buffer));
    if (size != 0) return Error{Errc::mismatch, "data"};
    CHECK_OK(server->reattest());
    return server->write(as_view("late"));
  });
  ASSERT_TRUE(client->end());
  Bytes buffer(16);
  EXPECT_EQ(*client->read(buffer), 4u);
  EXPECT_TRUE(served.get());
  EXPECT_EQ(pair.client_agent.attested, 2);
  ASSERT_TRUE(client->write(as_view("more")));
  EXPECT_EQ(*server->read(buffer), 0u) << "the end was told";
  EXPECT_FALSE(server->wait({}, Links::Until::local)) << "data after its end";
}

TEST_F(AtlsLinks, WaitingForTheProgramKeepsTheWatch) {
  ASSERT_NO_FATAL_FAILURE(attest());
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  pair.server_agent.prefix = "another machine";
  auto idle = std::async(std::launch::async, [&] { return server->wait({ends[0], -1}, Links::Until::gone); });
  Bytes buffer(16);
  auto heard = client->read(buffer);
  ASSERT_FALSE(heard);
  EXPECT_EQ(heard.error().code, Errc::untrusted) << heard.error().what;
  ::close(ends[1]);
  EXPECT_TRUE(idle.get());
  ::close(ends[0]);
}

TEST_F(AtlsLinks, AMachineThatChangedIsDropped) {
  settings.reattest = 3600s;
  ASSERT_NO_FATAL_FAILURE(attest());
  auto served = echo();
  ASSERT_EQ(talk("hello"), "hello");
  pair.server_agent.prefix = "another machine";
  Status again = client->reattest();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::untrusted) << again.error().what;
  EXPECT_FALSE(client->reattest());
  client.reset();
  pair.close_client();
  EXPECT_FALSE(served.get());
}

// It goes on taking data and never answers.
TEST_F(AtlsLinks, APeerThatStaysSilentIsDropped) {
  settings.timeout = 2s;
  ASSERT_NO_FATAL_FAILURE(attest());
  Bytes buffer(16);
  auto heard = client->read(buffer);
  ASSERT_FALSE(heard);
  EXPECT_EQ(heard.error().code, Errc::stale) << heard.error().what;
}

TEST_F(AtlsLinks, APeerThatAsksWithoutEndIsDropped) {
  settings.reattest = 3600s;
  settings.timeout = 5s;
  ASSERT_NO_FATAL_FAILURE(attest());
  auto served = echo();
  Status last = ok();
  for (int i = 0; i < 200 && last; i++) last = client->reattest();
  EXPECT_FALSE(last);
  EXPECT_LT(pair.server_agent.attested, 200);
  client.reset();
  pair.close_client();
  EXPECT_FALSE(served.get());
}

TEST_F(AtlsLinks, APeerThatDoesNotSpeakLinksIsRefusedAtOnce) {
  ASSERT_TRUE(atls::prepare(pair.client_context(), false));
  atls::Settings plain = settings;
  plain.reattest = 0s;
  plain.timeout = 3s;
  pair.connect();
  auto outcomes = pair.run(settings, plain);
  ASSERT_TRUE(outcomes.server.failure);
  EXPECT_EQ(outcomes.server.failure->code, Errc::unsupported);
  EXPECT_EQ(pair.server_agent.attested, 0);
}

}  // namespace
}  // namespace attest
