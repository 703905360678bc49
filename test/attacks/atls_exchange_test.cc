// Attested TLS inside the stream against peers that lie, stall, flood or listen.
#include <gtest/gtest.h>

#include <thread>

#include "test/support/atls_pair.h"

namespace attest {
namespace {

using namespace attest::test;
using atls::AttestMode;
using cmc::Encoding;

class AtlsExchange : public testing::Test {
 protected:
  static atls::Settings settings(AttestMode mode = AttestMode::mutual, int timeout_ms = 60000) {
    atls::Settings out;
    out.mode = mode;
    out.timeout = std::chrono::milliseconds(timeout_ms);
    return out;
  }
  // against plays our server's side while `client` does what it likes on the other end after the TLS handshake.
  // It closes the connection then, unless it stalls.
  atls::Outcome against(const std::function<void(SSL*)>& hostile, int timeout_ms = 60000, bool stalls = false) {
    pair.connect();
    auto ours = std::async(std::launch::async, [&] {
      return atls::attest_connection(settings(AttestMode::mutual, timeout_ms), pair.server(), pair.server_agent);
    });
    EXPECT_EQ(SSL_do_handshake(pair.client()), 1);
    hostile(pair.client());
    if (!stalls) pair.close_client();
    return ours.get();
  }
  template <class M>
  static Bytes frame(const M& message, Encoding encoding = Encoding::json) {
    return *cmc::atls_frame(encode_atls(message, encoding));
  }
  AtlsPair pair;
};

TEST_F(AtlsExchange, EveryModeWorksInEitherSerialisationAndMixed) {
  for (AttestMode mode : {AttestMode::mutual, AttestMode::client, AttestMode::server, AttestMode::none}) {
    for (Encoding served : {Encoding::json, Encoding::cbor}) {
      atls::Settings server = settings(mode), client = settings(mode);
      server.encoding = served;
      pair.connect();
      auto outcomes = pair.run(server, client);
      EXPECT_TRUE(outcomes.both()) << attest_mode_name(mode) << " " << outcomes.text();
      EXPECT_TRUE(atls::speaks_ours(pair.server()) && atls::speaks_ours(pair.client()));
    }
  }
  EXPECT_EQ(pair.server_agent.attested, 4);  // mutual and server, twice
  EXPECT_EQ(pair.server_agent.verified, 4);
}

TEST_F(AtlsExchange, ARefusedPeerIsRefusedOnBothEnds) {
  pair.server_agent.accept = false;
  pair.connect();
  auto outcomes = pair.run(settings());
  EXPECT_TRUE(outcomes.neither()) << outcomes.text();
  EXPECT_TRUE(outcomes.server.judged);
}

// The client's report says much about its machine: a server that is not accepted does not get it.
TEST_F(AtlsExchange, TheClientsReportStaysUntilTheServersIsJudged) {
  pair.client_agent.accept = false;
  pair.connect();
  auto outcomes = pair.run(settings());
  EXPECT_TRUE(outcomes.neither()) << outcomes.text();
  EXPECT_EQ(pair.client_agent.attested, 0);
}

TEST_F(AtlsExchange, WhyAPeerWasRefusedStaysHere) {
  pair.server_agent.accept = false;
  pair.connect();
  auto outcomes = pair.run(settings());
  ASSERT_TRUE(outcomes.neither());
  EXPECT_NE(outcomes.server.failure->what.find("secret"), std::string::npos);
  EXPECT_EQ(outcomes.client.failure->what.find("secret"), std::string::npos) << outcomes.client.failure->what;
  pair.server_agent.accept = true;
  pair.server_agent.fail_attest = true;
  pair.connect();
  outcomes = pair.run(settings());
  ASSERT_TRUE(outcomes.neither());
  EXPECT_EQ(outcomes.client.failure->what.find("tpm"), std::string::npos) << outcomes.client.failure->what;
}

TEST_F(AtlsExchange, AnotherModeIsRefusedByBothThemselves) {
  for (AttestMode theirs : {AttestMode::client, AttestMode::server, AttestMode::none}) {
    pair.connect();
    auto outcomes = pair.run(settings(), settings(theirs));
    ASSERT_TRUE(outcomes.neither());
    EXPECT_NE(outcomes.server.failure->what.find("mode"), std::string::npos) << outcomes.text();
    EXPECT_NE(outcomes.client.failure->what.find("mode"), std::string::npos) << outcomes.text();
  }
  EXPECT_EQ(pair.server_agent.attested + pair.client_agent.attested, 0);
}

// It claims our mode and then gives nothing, or the report of another connection.
TEST_F(AtlsExchange, APeerThatOnlyClaimsToProveIsRefused) {
  for (const Bytes& report : {Bytes{}, report_over(Bytes(32, 7))}) {
    auto out = against([&](SSL* client) {
      pair.send_raw(client, frame(cmc::AtlsRequest{}));
      pair.send_raw(client, frame(cmc::AtlsResponse{"", report}));
      pair.send_raw(client, frame(cmc::AtlsComplete{true, ""}));
    });
    EXPECT_TRUE(out.failure);
  }
}

// The server's own report, sent back to it: its nonce has the other label.
TEST_F(AtlsExchange, AReflectedReportIsRefused) {
  auto out = against([&](SSL* client) {
    pair.send_raw(client, frame(cmc::AtlsRequest{}));
    pair.read_some(client, 1 << 16);
    Bytes response = pair.read_some(client, 1 << 16);
    pair.send_raw(client, response);
    pair.send_raw(client, frame(cmc::AtlsComplete{true, ""}));
  });
  ASSERT_TRUE(out.failure);
  EXPECT_EQ(out.failure->code, Errc::untrusted);
}

// Success is what both say; a Complete in place of a Response skips nothing.
TEST_F(AtlsExchange, StepsCannotBeSkipped) {
  for (Encoding encoding : {Encoding::json, Encoding::cbor}) {
    auto out = against([&](SSL* client) {
      pair.send_raw(client, frame(cmc::AtlsRequest{}, encoding));
      pair.send_raw(client, frame(cmc::AtlsComplete{true, ""}, encoding));
      pair.send_raw(client, frame(cmc::AtlsComplete{true, ""}, encoding));
    });
    EXPECT_TRUE(out.failure);
    EXPECT_FALSE(out.judged);
  }
}

TEST_F(AtlsExchange, OtherVersionsAreRefused) {
  for (const char* text : {R"({"version":"1.2.0","attest":0})", R"({"attest":0})", R"({"version":"1.3.0"})",
                           R"({"version":"1.3.0","attest":4})", R"({"version":"1.3.0","attest":"none"})"}) {
    auto out = against([&](SSL* client) { pair.send_raw(client, *cmc::atls_frame(as_view(text))); });
    EXPECT_TRUE(out.failure) << text;
  }
}

TEST_F(AtlsExchange, LengthsAreBoundedBeforeAnythingIsAllocated) {
  for (std::uint32_t length : {0U, (64U << 20) + 1, 0x7fffffffU, 0xffffffffU}) {
    Writer head;
    head.u32be(length);
    Bytes bytes = *std::move(head).finish("head");
    auto out = against([&](SSL* client) {
      pair.read_some(client, 1 << 16);
      pair.send_raw(client, bytes);
    });
    ASSERT_TRUE(out.failure);
    EXPECT_NE(out.failure->what.find("frame"), std::string::npos) << out.failure->what;
  }
}

// A plain TLS program on the other end: its first bytes are no frame, and nobody waits for more.
TEST_F(AtlsExchange, APlainTlsPeerFailsAtOnce) {
  auto begun = std::chrono::steady_clock::now();
  auto out = against([&](SSL* client) { pair.send_raw(client, as_view("GET / HTTP/1.1\r\nHost: a\r\n\r\n")); });
  ASSERT_TRUE(out.failure);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(30));
}

TEST_F(AtlsExchange, AStalledPeerCostsTheDeadlineAndNoMore) {
  auto out = against(
      [&](SSL* client) {
        Bytes begun = frame(cmc::AtlsRequest{});
        begun.resize(begun.size() - 1);
        pair.send_raw(client, begun);
      },
      300, true);
  ASSERT_TRUE(out.failure);
  EXPECT_NE(out.failure->what.find("out of time"), std::string::npos) << out.failure->what;
}

TEST_F(AtlsExchange, NoDeadlineIsLeftBehind) {
  pair.connect();
  auto outcomes = pair.run(settings(AttestMode::mutual, 2000));
  ASSERT_TRUE(outcomes.both()) << outcomes.text();
  auto heard = std::async(std::launch::async, [&] { return pair.read_some(pair.server(), 16); });
  std::this_thread::sleep_for(std::chrono::milliseconds(2200));
  pair.send_raw(pair.client(), as_view("late"));
  EXPECT_EQ(as_text(heard.get()), "late");
}

TEST_F(AtlsExchange, OlderTlsIsRefused) {
  SSL_CTX_set_min_proto_version(pair.server_context(), TLS1_2_VERSION);
  SSL_CTX_set_min_proto_version(pair.client_context(), TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(pair.client_context(), TLS1_2_VERSION);
  pair.connect();
  auto outcomes = pair.run(settings());
  ASSERT_TRUE(outcomes.neither());
  EXPECT_NE(outcomes.server.failure->what.find("TLS 1.3 is due"), std::string::npos) << outcomes.text();
}

// Without a certificate a peer has no name, so nothing can be held of it, whatever it or we claim.
TEST_F(AtlsExchange, NothingIsCachedForAPeerWithoutCertificate) {
  pair.server_agent.held = {"aa", "bb"};
  pair.connect(false);
  auto outcomes = pair.run(settings());
  ASSERT_TRUE(outcomes.both()) << outcomes.text();
  EXPECT_EQ(pair.server_agent.cache_asked, 0);
  EXPECT_EQ(pair.server_agent.last_peer.id, "");
  EXPECT_TRUE(pair.client_agent.last_cached.empty());
}

TEST_F(AtlsExchange, WhatAServerClaimsToHoldOfAClientWithoutCertificateIsIgnored) {
  for (bool shown : {false, true}) {
    pair.connect(shown);
    auto ours = std::async(std::launch::async, [&] {
      return atls::attest_connection(settings(AttestMode::client), pair.client(), pair.client_agent);
    });
    ASSERT_EQ(SSL_do_handshake(pair.server()), 1);
    pair.send_raw(pair.server(), frame(cmc::AtlsRequest{AttestMode::client, {"aa", "bb"}}));
    pair.send_raw(pair.server(), frame(cmc::AtlsResponse{}));
    pair.send_raw(pair.server(), frame(cmc::AtlsComplete{true, ""}));
    EXPECT_FALSE(ours.get().failure);
    EXPECT_EQ(pair.client_agent.last_cached.size(), shown ? 2U : 0U);
  }
}

// CMC's programs read the length at one go, so it must come in one record with what follows.
TEST_F(AtlsExchange, LengthAndPayloadShareARecord) {
  pair.server_agent.report_size = 100000;
  against([&](SSL* client) {
    Bytes request = pair.read_some(client, 1 << 16);
    EXPECT_EQ(request, frame(cmc::AtlsRequest{}, Encoding::cbor));
    pair.send_raw(client, frame(cmc::AtlsRequest{}));
    EXPECT_EQ(pair.read_some(client, 1 << 16).size(), 16384U);  // a full record, its length in front
  });
}

// A peer of CMC's that fails waits for our Response and our Complete; both come.
TEST_F(AtlsExchange, AfterAFailureThePeerStillGetsWhatItWaitsFor) {
  pair.server_agent.fail_attest = true;
  against([&](SSL* client) {
    pair.read_some(client, 1 << 16);
    pair.send_raw(client, frame(cmc::AtlsRequest{}));
    auto response = cmc::decode_atls_response(View(pair.read_some(client, 1 << 16)).subspan(4));
    ASSERT_TRUE(response);
    EXPECT_EQ(response->error, "attestation failed");
    auto complete = cmc::decode_atls_complete(View(pair.read_some(client, 1 << 16)).subspan(4));
    ASSERT_TRUE(complete);
    EXPECT_FALSE(complete->success);
    pair.send_raw(client, frame(cmc::AtlsComplete{false, "x"}));
  });
}

// Whose request was not answered waits for no response: it would read it as our Complete.
TEST_F(AtlsExchange, AfterAnotherModeThePeerGetsACompleteAlone) {
  for (Encoding encoding : {Encoding::json, Encoding::cbor}) {
    cmc::AtlsRequest other;
    other.attest = AttestMode::none;
    auto out = against([&](SSL* client) {
      pair.read_some(client, 1 << 16);
      pair.send_raw(client, frame(other, encoding));
      auto complete = cmc::decode_atls_complete(View(pair.read_some(client, 1 << 16)).subspan(4));
      ASSERT_TRUE(complete) << complete.error().what;
      EXPECT_FALSE(complete->success);
      pair.send_raw(client, frame(cmc::AtlsComplete{false, "x"}, encoding));
    });
    EXPECT_TRUE(out.failure);
  }
}

// What a peer still sends after our failure is heard to its end, however long, or closing would take our last words from it.
TEST_F(AtlsExchange, OurLastWordsArriveWhileThePeerSendsALongReport) {
  pair.server_agent.fail_attest = true;
  pair.client_agent.report_size = 12U << 20;
  against([&](SSL* client) {
    pair.read_some(client, 1 << 16);
    pair.send_raw(client, frame(cmc::AtlsRequest{}));
    pair.send_raw(client, frame(cmc::AtlsResponse{"", Bytes(12U << 20, 1)}));
    pair.send_raw(client, frame(cmc::AtlsComplete{true, ""}));
    auto response = cmc::decode_atls_response(View(pair.read_some(client, 1 << 16)).subspan(4));
    ASSERT_TRUE(response);
    EXPECT_EQ(response->error, "attestation failed");
    auto complete = cmc::decode_atls_complete(View(pair.read_some(client, 1 << 16)).subspan(4));
    ASSERT_TRUE(complete) << complete.error().what;
    EXPECT_FALSE(complete->success);
  });
}

TEST_F(AtlsExchange, BigReportsCrossInBothDirections) {
  pair.server_agent.report_size = pair.client_agent.report_size = 12U << 20;
  pair.connect();
  auto outcomes = pair.run(settings());
  EXPECT_TRUE(outcomes.both()) << outcomes.text();
}

}  // namespace
}  // namespace attest
