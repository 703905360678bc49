#include <gtest/gtest.h>

#include "cmcd-lite/protocol/messages.h"

namespace attest {
namespace {

BinderInputs inputs() {
  BinderInputs in;
  in.cipher = 0x1301;
  in.group = 29;
  in.client_share = Bytes(32, 1);
  in.server_share = Bytes(32, 2);
  in.request = Bytes(36, 3);
  in.reply = Bytes(2, 1);
  in.leaf_der = Bytes(400, 4);
  in.secret_tag.fill(5);
  return in;
}

// Each message survives a round trip; every truncation and a trailing byte are refused.
template <class T>
void round_trip(const T& message, Result<Bytes> (*encode)(const T&), Result<T> (*decode)(View)) {
  auto bytes = encode(message);
  ASSERT_TRUE(bytes);
  auto back = decode(*bytes);
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_EQ(*encode(*back), *bytes);
  for (std::size_t n = 0; n < bytes->size(); n++) EXPECT_FALSE(decode(View(*bytes).first(n))) << n;
  bytes->push_back(0);
  EXPECT_FALSE(decode(*bytes));
}

TEST(Messages, RoundTripsAndTwins) {
  round_trip({Role::client, Mode::require, "web", "db.example", true}, encode_begin_call, decode_begin_call);
  round_trip({77, Bytes(36, 1)}, encode_begin_answer, decode_begin_answer);
  round_trip({inputs(), 65000, 77, Bytes(240, 6), "192.0.2.7"}, encode_attest_call, decode_attest_call);
  round_trip({Bytes(3000, 1)}, encode_attest_answer, decode_attest_answer);
  round_trip({7, inputs(), Bytes(3000, 1), "db.example", true}, encode_judge_call, decode_judge_call);
  round_trip({JudgeOutcome::observed, 9, "pcr.order", "text"}, encode_judge_answer, decode_judge_answer);
  round_trip({"web", 0x0403, Bytes(130, 0x20), Bytes(32, 1), {}}, encode_sign_call, decode_sign_call);
  round_trip({Bytes(70, 1)}, encode_sign_answer, decode_sign_answer);
  round_trip({"web"}, encode_key_call, decode_key_call);
  round_trip({Bytes(91, 1), true}, encode_key_answer, decode_key_answer);
  round_trip({{Bytes(500, 1), Bytes(600, 2)}, "machine"}, encode_machine_cert_answer, decode_machine_cert_answer);
  round_trip({Errc::denied, "daemon.denied", "no"}, encode_error_answer, decode_error_answer);
}

TEST(Messages, AHashOfAKeyHas32Bytes) {
  EXPECT_TRUE(decode_sign_call(*encode_sign_call({"", 0x0403, Bytes(130), {}, Bytes(kMaxKeyFile)})));
  EXPECT_FALSE(decode_sign_call(*encode_sign_call({"", 0x0403, Bytes(130), {}, Bytes(kMaxKeyFile + 1)})));
  EXPECT_FALSE(decode_sign_call(*encode_sign_call({"web", 0x0403, Bytes(130), Bytes(31), {}})));
}

TEST(Messages, UnknownChoicesAreRefused) {
  Bytes begin = *encode_begin_call({});
  begin[0] = 2;
  EXPECT_FALSE(decode_begin_call(begin));
  begin[0] = 0, begin[1] = 3;
  EXPECT_FALSE(decode_begin_call(begin));
  Bytes judge = *encode_judge_answer({JudgeOutcome::accepted, 1, "", ""});
  judge[0] = 3;
  EXPECT_FALSE(decode_judge_answer(judge));
}

TEST(Frames, LengthIsBounded) {
  Bytes frame = *encode_frame(FrameType::begin, Bytes(5));
  auto header = parse_frame_header(View(frame).first(8));
  ASSERT_TRUE(header);
  EXPECT_EQ(header->length, 5U);
  EXPECT_EQ(header->type, static_cast<std::uint32_t>(FrameType::begin));
  EXPECT_FALSE(parse_frame_header(View(frame).first(7)));
  Bytes huge{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1};
  EXPECT_EQ(parse_frame_header(huge).error().code, Errc::denied);
  EXPECT_FALSE(encode_frame(FrameType::begin, Bytes(kMaxFrame + 1)));
}

}  // namespace
}  // namespace attest
