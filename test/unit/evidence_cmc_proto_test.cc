// CMC's API as protocol buffers: vectors written by hand, and hostile messages.
#include <gtest/gtest.h>

#include "evidence/cmc/proto.h"
#include "evidence/core/hex.h"

namespace attest::cmc {
namespace {

Bytes hex(const char* text) {
  auto bytes = from_hex(text);
  EXPECT_TRUE(bytes) << text;
  return bytes ? *bytes : Bytes();
}

TEST(CmcProto, PathsNameCalls) {
  EXPECT_EQ(proto_call("/grpcapi.CMCService/Attest"), Call::attest);
  EXPECT_EQ(proto_call("/grpcapi.CMCService/UpdateMetadata"), Call::update_metadata);
  for (const char* bad : {"/grpcapi.CMCService/", "/grpcapi.CMCService/Error", "/grpcapi.CMCService/attest", "Attest", ""})
    EXPECT_FALSE(proto_call(bad)) << bad;
}

TEST(CmcProto, FieldNumbersAreCmcs) {
  ApiRequest verify;
  verify.call = Call::verify;
  verify.nonce = {1};
  verify.report = {2};
  verify.peer = "p";
  verify.peer_addr = "a";
  verify.policies = Bytes{3};
  EXPECT_EQ(to_hex(encode_proto_request(verify)), "0a05312e342e30" "120101" "1a0102" "3a0170" "420161" "4a0103");
  ApiRequest create;
  create.call = Call::tls_create;
  create.key_config = {"sw", "EC256", "h", {"d"}, {"i"}};
  EXPECT_EQ(to_hex(encode_proto_request(create)), "0a05312e342e30" "1214" "0a027377" "12054543323536" "1a0168" "220164" "2a0169");
  ApiResponse cache;
  cache.call = Call::peer_cache;
  cache.cache = {"aa", "bb"};
  EXPECT_EQ(to_hex(encode_proto_response(cache)), "0a05312e342e30" "12026161" "12026262");
  ApiResponse done;
  done.call = Call::update_certs;
  done.success = true;
  EXPECT_EQ(to_hex(encode_proto_response(done)), "0a05312e342e30" "1001");
}

TEST(CmcProto, EveryCallComesBack) {
  for (std::uint32_t type = 1; auto call = call_of(type); type++) {
    ApiRequest request;
    request.call = *call;
    request.nonce = {1, 2};
    request.cached = {"aa", ""};
    request.report = Bytes(300, 7);
    request.peer = "p";
    request.key_config = {"tpm", "RSA2048", "cn", {"a", "b"}, {}};
    request.key_id = "k";
    request.content = Bytes(32, 1);
    request.hash_alg = "SHA-256";
    request.event.type = "container";
    request.event.properties = {{"cmc.index", "-1"}};
    request.event.hashes = {{"SHA-256", Bytes(32, 2)}};
    request.event.ctr = CtrData{Bytes(32, 3), Bytes(32, 4), nlohmann::json{{"hostname", "x"}}};
    Bytes once = encode_proto_request(request);
    auto again = decode_proto_request(*call, once);
    ASSERT_TRUE(again) << call_name(*call) << ": " << again.error().what;
    EXPECT_EQ(encode_proto_request(*again), once) << call_name(*call);
  }
}

TEST(CmcProto, HostileMessagesAreRefused) {
  auto takes = [](Call call, const char* text) { return static_cast<bool>(decode_proto_request(call, hex(text))); };
  EXPECT_TRUE(takes(Call::tls_cert, "0a05312e342e30" "12016b"));
  EXPECT_TRUE(takes(Call::tls_cert, "0a05312e342e30" "12016b" "a20601ff" "980601"  "a106" "0000000000000000")) << "unknown fields";
  EXPECT_FALSE(takes(Call::tls_cert, "12016b")) << "no version";
  EXPECT_TRUE(takes(Call::tls_create, "1200")) << "CMC's client sends none with TLSCreate";
  EXPECT_FALSE(takes(Call::tls_create, "0a05312e332e30"));
  for (const char* bad : {"0a05312e342e30" "1202" "6b",                       // shorter than it says
                          "0a05312e342e30" "12ffffffffffffffffff01" "6b",     // a length beyond 64 bits' worth
                          "0a05312e342e30" "12ffffffffffffffffffff01",        // a number without end
                          "0a05312e342e30" "1001",                            // a number where a text is due
                          "0a05312e342e30" "13", "0a05312e342e30" "1600",     // groups, and no wire type at all
                          "0a05312e342e30" "02016b", "0a05312e342e30" "80"})  // field 0; half a tag
    EXPECT_FALSE(takes(Call::tls_cert, bad)) << bad;
  Bytes many = hex("0a05312e342e30");
  for (int i = 0; i < 1025; i++) many.insert(many.end(), {0x1a, 0x01, 'a'});
  EXPECT_FALSE(decode_proto_request(Call::attest, many)) << "1025 digests";
  EXPECT_FALSE(takes(Call::measure, "0a05312e342e30" "1207" "4a05" "1a03" "7b7d7d")) << "a container's specification that is none";
}

TEST(CmcProto, IndexZeroIsAnIndexThough) {
  auto left_out = decode_proto_request(Call::measure, hex("0a05312e342e30" "1203" "120161"));
  ASSERT_TRUE(left_out);
  ASSERT_NE(left_out->event.property("cmc.index"), nullptr) << "proto3 does not write a 0";
  EXPECT_EQ(*left_out->event.property("cmc.index"), "0");
}

TEST(CmcProto, EmptyPoliciesAreAbsent) {
  auto empty = decode_proto_request(Call::verify, hex("0a05312e342e30" "4a00"));
  ASSERT_TRUE(empty);
  EXPECT_FALSE(empty->policies);
}

}  // namespace
}  // namespace attest::cmc
