// Attested TLS between two machines with daemons and TPMs of their own, through the agent's API, and again over time.
#include <gtest/gtest.h>

#include <thread>

#include "provider/libattest/links.h"
#include "provider/libattest/options.h"
#include "test/support/atls_pair.h"
#include "test/support/cmc_machine.h"

namespace attest {
namespace {

using namespace attest::test;
using namespace std::chrono_literals;

class TwoMachines : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    authority_ = new Authority;
    server_ = new CmcMachine(*authority_, "tis");
    client_ = new CmcMachine(*authority_, "secureboot");
    ready_ = server_->good() && client_->good() && server_->start() && client_->start();
  }
  static void TearDownTestSuite() {
    delete client_;
    delete server_;
    delete authority_;
  }
  void SetUp() override { ASSERT_TRUE(ready_); }

  static std::shared_ptr<atls::Agent> agent(const CmcMachine& machine, cmc::Encoding encoding) {
    atls::Options options;
    options.daemon = machine.client(encoding);
    options.settings.timeout = 60s;
    return make_agent(options);
  }
  static atls::Settings settings(cmc::Encoding encoding) {
    atls::Settings out;
    out.encoding = encoding;
    out.timeout = 60s;
    return out;
  }
  // meet plays the exchange with both daemons.
  AtlsPair::Outcomes meet(cmc::Encoding served, cmc::Encoding asked) {
    server_agent = agent(*server_, served);
    client_agent = agent(*client_, asked);
    pair.connect();
    auto theirs = std::async(std::launch::async,
                             [&] { return atls::attest_connection(settings(served), pair.server(), *server_agent); });
    AtlsPair::Outcomes out;
    out.client = atls::attest_connection(settings(asked), pair.client(), *client_agent);
    out.server = theirs.get();
    return out;
  }
  AtlsPair pair;
  std::shared_ptr<atls::Agent> server_agent, client_agent;
  inline static Authority* authority_;
  inline static CmcMachine *server_, *client_;
  inline static bool ready_;
};

TEST_F(TwoMachines, AcceptEachOtherInJsonAndCbor) {
  for (auto served : {cmc::Encoding::json, cmc::Encoding::cbor}) {
    auto out = meet(served, cmc::Encoding::cbor);
    ASSERT_TRUE(out.both()) << out.text();
    EXPECT_NE(as_text(out.client.judgement.result).find("\"status\":\"success\""), std::string_view::npos);
  }
}

TEST_F(TwoMachines, AReportMadeForAnotherConnectionIsRefused) {
  auto first = meet(cmc::Encoding::cbor, cmc::Encoding::cbor);
  ASSERT_TRUE(first.both()) << first.text();
  auto judged = client_agent->verify(first.client.peer_report, Bytes(32, 7), {});
  ASSERT_TRUE(judged) << judged.error().what;
  EXPECT_FALSE(judged->accepted);
}

TEST_F(TwoMachines, ProveThemselvesAgainOverTime) {
  ASSERT_TRUE(atls::prepare(pair.server_context(), true) && atls::prepare(pair.client_context(), true));
  auto out = meet(cmc::Encoding::cbor, cmc::Encoding::json);
  ASSERT_TRUE(out.both()) << out.text();
  atls::Settings often = settings(cmc::Encoding::cbor);
  often.reattest = 3600s;
  auto server = atls::Links::make(often, pair.server(), out.server, *server_agent);
  auto client = atls::Links::make(often, pair.client(), out.client, *client_agent);
  ASSERT_TRUE(server && client);
  auto served = std::async(std::launch::async, [&] {
    Bytes buffer(16);
    return server->read(buffer);
  });
  for (int i = 0; i < 3; i++) {
    Status again = client->reattest();
    EXPECT_TRUE(again) << again.error().what;
  }
  ASSERT_TRUE(server_->certify_again());
  Status renewed = client->reattest();
  EXPECT_TRUE(renewed) << "another certificate of the same key: " << renewed.error().what;
  SSL_shutdown(pair.client());
  EXPECT_TRUE(served.get());
}

}  // namespace
}  // namespace attest
