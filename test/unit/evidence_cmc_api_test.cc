// CMC's API payloads: recorded ones decode and encode back to the same bytes, hostile ones are refused.
#include <gtest/gtest.h>

#include <filesystem>

#include "evidence/cmc/api.h"
#include "evidence/core/file.h"
#include "evidence/core/hex.h"
#include "test/support/testdata.h"

namespace attest::cmc {
namespace {

struct Recorded {
  const char* name;
  Call call;
  bool refused = false;
};
constexpr Recorded kRecorded[] = {
    {"attest-cached", Call::attest},          {"verify-peer", Call::verify},
    {"tlscreate", Call::tls_create},          {"tlssign", Call::tls_sign},
    {"tlscert", Call::tls_cert},              {"peercache-known", Call::peer_cache},
    {"peercache-unknown", Call::peer_cache},  {"updatecerts", Call::update_certs},
    {"updatemetadata", Call::update_metadata}, {"tlssign-unknown-key", Call::tls_sign, true}};

std::string folder() { return std::string(ATTEST_TESTDATA) + "/cmc/reports/api-"; }

Bytes bytes_of(const std::string& path) {
  auto bytes = read_file(path, 64 << 20);
  EXPECT_TRUE(bytes) << path;
  return bytes ? *bytes : Bytes();
}

// compact is JSON without the spaces of the program that recorded the requests.
Bytes compact(const Bytes& json) {
  return to_bytes(as_view(nlohmann::ordered_json::parse(as_text(json)).dump()));
}

TEST(CmcApi, RecordedPayloadsComeBackByteForByte) {
  if (!std::filesystem::exists(folder() + "tlscert.json.request")) GTEST_SKIP() << "../shared/testdata/cmc is not there";
  for (const Recorded& recorded : kRecorded)
    for (Encoding encoding : {Encoding::json, Encoding::cbor}) {
      std::string base = folder() + recorded.name + (encoding == Encoding::json ? ".json" : ".cbor");
      Bytes in = bytes_of(base + ".request"), out = bytes_of(base + ".response");
      auto request = decode_request(recorded.call, in);
      ASSERT_TRUE(request) << base << ": " << request.error().what;
      EXPECT_EQ(encode_request(*request, encoding), encoding == Encoding::json ? compact(in) : in) << base;
      auto response = decode_response(recorded.refused ? Call::error : recorded.call, out);
      ASSERT_TRUE(response) << base << ": " << response.error().what;
      EXPECT_EQ(encode_response(*response, encoding), out) << base;
      EXPECT_EQ(response->msg.empty(), !recorded.refused) << base;
    }
}

TEST(CmcApi, MembersStandWhereTheyShould) {
  if (!std::filesystem::exists(folder() + "tlscert.json.request")) GTEST_SKIP() << "../shared/testdata/cmc is not there";
  auto create = decode_request(Call::tls_create, bytes_of(folder() + "tlscreate.cbor.request"));
  ASSERT_TRUE(create);
  EXPECT_EQ(create->key_config.type, "sw");
  EXPECT_EQ(create->key_config.alg, "EC256");
  EXPECT_EQ(create->key_config.dns_names, (std::vector<std::string>{"host.example", "localhost"}));
  EXPECT_EQ(create->key_config.ip_addresses, std::vector<std::string>{"127.0.0.1"});
  auto verify = decode_request(Call::verify, bytes_of(folder() + "verify-peer.json.request"));
  ASSERT_TRUE(verify);
  EXPECT_EQ(verify->peer_addr, "192.0.2.7:4433");
  EXPECT_EQ(verify->peer.size(), 64U);
  EXPECT_EQ(verify->nonce.size(), 32U);
  EXPECT_FALSE(verify->policies);
}

TEST(CmcApi, PoliciesThatAreEmptyAreStillThere) {
  ApiRequest request;
  request.call = Call::verify;
  request.policies = Bytes();
  for (Encoding encoding : {Encoding::json, Encoding::cbor}) {
    auto again = decode_request(Call::verify, encode_request(request, encoding));
    ASSERT_TRUE(again) << again.error().what;
    EXPECT_TRUE(again->policies);
  }
  auto none = decode_request(Call::verify, as_view(R"({"version":"1.4.0","policies":null})"));
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->policies);
}

TEST(CmcApi, PssAndMeasureTravel) {
  ApiRequest sign;
  sign.call = Call::tls_sign;
  sign.key_id = "k";
  sign.hash_alg = "SHA-256";
  sign.pss_salt = 32;
  ApiRequest measure;
  measure.call = Call::measure;
  measure.event.name = "container";
  measure.event.properties = {{"cmc.index", "16"}};
  for (Encoding encoding : {Encoding::json, Encoding::cbor}) {
    auto signed_back = decode_request(Call::tls_sign, encode_request(sign, encoding));
    ASSERT_TRUE(signed_back);
    EXPECT_EQ(signed_back->pss_salt, 32);
    auto measured = decode_request(Call::measure, encode_request(measure, encoding));
    ASSERT_TRUE(measured);
    EXPECT_EQ(measured->event.name, "container");
    ASSERT_NE(measured->event.property("cmc.index"), nullptr);
  }
}

TEST(CmcApi, WhatIsNoCallIsRefused) {
  auto refused = [](std::string_view json) { return decode_request(Call::tls_cert, as_view(json)).error().what; };
  EXPECT_TRUE(decode_request(Call::tls_cert, as_view(R"({"version":"1.4.0","keyId":"a","more":[1]})")));
  EXPECT_NE(refused("").find("nothing"), std::string::npos);
  EXPECT_NE(refused("plain text").find("neither"), std::string::npos);
  EXPECT_NE(refused(R"({"version":"1.3.0","keyId":"a"})").find("1.4.0"), std::string::npos);
  EXPECT_NE(refused(R"({"keyId":"a"})").find("version"), std::string::npos);
  for (const char* bad : {R"({"version":"1.4.0","keyId":"a"} )" "x", R"({"version":"1.4.0","keyId":"a")",
                          R"({"version":"1.4.0","keyId":7})", R"({"version":"1.4.0","keyId":"a","keyId":"b"})"})
    EXPECT_FALSE(decode_request(Call::tls_cert, as_view(bad))) << bad;
  Bytes cbor = *from_hex("a20065312e342e30016161");
  EXPECT_TRUE(decode_request(Call::tls_cert, cbor));
  for (std::size_t n = 0; n < cbor.size(); n++) EXPECT_FALSE(decode_request(Call::tls_cert, View(cbor).first(n))) << n;
  cbor.push_back(0);
  EXPECT_FALSE(decode_request(Call::tls_cert, cbor)) << "a byte behind the end";
  EXPECT_FALSE(decode_request(Call::attest, as_view(R"({"version":"1.4.0","nonce":"AQ"})"))) << "base64 without padding";
  std::string many = R"({"version":"1.4.0","nonce":"AQ==","cached":["a")";
  for (int i = 0; i < 1024; i++) many += ",\"a\"";
  EXPECT_FALSE(decode_request(Call::attest, as_view(many + "]}"))) << "1025 digests";
  EXPECT_FALSE(call_of(0));
  EXPECT_FALSE(call_of(10));
  EXPECT_EQ(call_of(9), Call::update_metadata);
}

}  // namespace
}  // namespace attest::cmc
