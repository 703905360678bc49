// Logs of the operating system in every encoding; made here from the published layouts: they are synthetic.
#include "verifier/logs/cel.h"

#include <gtest/gtest.h>

#include "evidence/cbor/cbor.h"
#include "evidence/core/hex.h"
#include "test/support/recording.h"

namespace attest {
namespace {
using namespace attest::test;
using cel::Encoding;

std::string sha(HashAlg alg, std::string_view text) { return to_hex(hash_of(alg, {as_view(text)}).view()); }

// As systemd writes them: a separator, a JSON text, a line end.
std::string phase(std::string_view word, std::string_view measured) {
  return "\x1e{\"pcr\":11,\"digests\":[{\"hashAlg\":\"sha1\",\"digest\":\"" + sha(HashAlg::sha1, measured) +
         "\"},{\"hashAlg\":\"sha256\",\"digest\":\"" + sha(HashAlg::sha256, measured) +
         "\"}],\"content_type\":\"systemd\",\"content\":{\"string\":\"" + std::string(word) +
         "\",\"bootId\":\"5b2d\",\"timestamp\":12345,\"eventType\":\"phase\"}}\n";
}
std::string phases() { return phase("enter-initrd", "enter-initrd") + phase("leave-initrd", "leave-initrd"); }

cel::CelLog parsed(std::string_view text) { return must(cel::parse_cel(as_view(text))); }
std::string failed(const CelJudgement& judgement) {
  std::string ids;
  for (const Finding& check : judgement.checks.checks)
    if (check.outcome == Outcome::fail) ids += (ids.empty() ? "" : " ") + check.id;
  return ids;
}
Digest extended(const std::vector<std::string>& words, Digest value = Digest::filled(HashAlg::sha256, 0)) {
  for (const std::string& word : words) value = sha256({value.view(), sha256(as_view(word)).view()});
  return value;
}

TEST(Cel, SystemdsLogReplaysBehindTheFirmware) {
  cel::CelLog log = parsed(phases());
  EXPECT_EQ(log.encoding, Encoding::json_sequence);
  ASSERT_EQ(log.records.size(), 2U);
  EXPECT_EQ(log.records[0].text, "enter-initrd");
  CelOptions options;
  options.pcrs[11][11] = to_bytes(extended({"enter-initrd", "leave-initrd"}).view());
  EXPECT_EQ(failed(must(judge_cel(log, options))), "");
  Digest stub = Digest::filled(HashAlg::sha256, 9);  // what the kernel image's stub left in PCR 11
  options.firmware = {{11, "sha256", {{11, stub}}}};
  EXPECT_EQ(failed(must(judge_cel(log, options))), "cel.pcrs");
  options.pcrs[11][11] = to_bytes(extended({"enter-initrd", "leave-initrd"}, stub).view());
  EXPECT_EQ(failed(must(judge_cel(log, options))), "");
}

TEST(Cel, ATextThatWasNotMeasuredIsRefused) {
  EXPECT_EQ(failed(must(judge_cel(parsed(phase("enter-initrd", "ready")), {}))), "cel.content");
}

TEST(Cel, ACutSequenceIsMalformed) {
  std::string whole = phases();
  EXPECT_FALSE(cel::parse_cel(as_view(std::string_view(whole).substr(0, whole.size() - 10))));
  EXPECT_FALSE(cel::parse_cel(as_view(whole + "\x1e{}")));
}

std::string json_record(int number, std::string_view reg, std::string_view more = "") {
  return "{\"recnum\":" + std::to_string(number) + "," + std::string(reg) + ",\"digests\":[{\"hashAlg\":\"sha256\",\"digest\":\"" +
         sha(HashAlg::sha256, "\x01") + "\"}],\"content_type\":\"pcclient_std\",\"content\":{\"event_type\":\"ev_compact_hash\",\"event_data\":\"01\"}" +
         std::string(more) + "}";
}

TEST(Cel, JsonArrays) {
  std::string text = "[" + json_record(0, "\"pcr\":4") + "," + json_record(1, "\"nv_index\":25165826") + "]";
  cel::CelLog log = parsed(text);
  EXPECT_EQ(log.encoding, Encoding::json);
  EXPECT_EQ(log.records[0].event_type, 0x0cU);
  EXPECT_EQ(log.records[1].kind, cel::Register::nv_index);
  CelJudgement judged = must(judge_cel(log, {}));
  EXPECT_EQ(failed(judged), "");
  EXPECT_EQ(judged.bindings[0], Binding::bound);
  EXPECT_EQ(judged.banks[0].values.size(), 1U);  // the NV index is no register
}

TEST(Cel, RecordsMustFollowEachOther) {
  EXPECT_EQ(failed(must(judge_cel(parsed("[" + json_record(0, "\"pcr\":4") + "," + json_record(2, "\"pcr\":4") + "]"), {}))),
            "cel.record-numbers");
  EXPECT_EQ(failed(must(judge_cel(parsed("[" + json_record(0, "\"pcr\":4") + "," + json_record(0, "\"pcr\":5") + "]"), {}))), "");
}

TEST(Cel, HostileRecordsAreRefused) {
  for (const std::string& bad : {json_record(0, "\"pcr\":32"), json_record(0, "\"pcr\":1,\"rtmr\":1"), json_record(0, "\"x\":1"),
                                 json_record(0, "\"pcr\":-1"), json_record(0, "\"pcr\":1", ",\"digests\":[]"),
                                 std::string("{\"pcr\":1,\"digests\":[{\"hashAlg\":\"sha256\",\"digest\":\"00\"}]}"),
                                 std::string("{\"pcr\":1,\"digests\":[{\"hashAlg\":\"md5\",\"digest\":\"00\"}]}"),
                                 std::string("{\"pcr\":1,\"digests\":[]}")})
    EXPECT_FALSE(cel::parse_cel(as_view("[" + bad + "]"))) << bad;
}

void tlv(Writer& out, std::uint8_t type, View value) {
  out.u8(type);
  out.u32be(static_cast<std::uint32_t>(value.size()));
  out.put(value);
}
Bytes tlv(std::uint8_t type, View value) {
  Writer out;
  tlv(out, type, value);
  return must(std::move(out).finish("tlv"));
}

TEST(Cel, TlvLogsOfContainers) {
  Bytes content = tlv(80, tlv(1, as_view("sha256:abc")));
  Writer out;
  tlv(out, 0, Bytes(8, 0));
  tlv(out, 1, Bytes{13});
  tlv(out, 3, tlv(11, sha256(content).view()));
  out.put(content);
  Bytes log = must(std::move(out).finish("log"));
  auto made = must(cel::parse_cel(log));
  EXPECT_EQ(made.encoding, Encoding::tlv);
  EXPECT_EQ(made.records[0].name, "image digest");
  EXPECT_EQ(must(judge_cel(made, {})).bindings[0], Binding::bound);
  EXPECT_FALSE(cel::parse_cel(truncated(log)));
  EXPECT_FALSE(cel::parse_cel(trailed(log)));
  log.back() ^= 1;
  EXPECT_EQ(failed(must(judge_cel(must(cel::parse_cel(log)), {}))), "cel.content");
}

TEST(Cel, CborLogs) {
  for (bool array : {false, true}) {
    cbor::Writer out;
    if (array) out.array(1);
    out.map(4);
    out.uint(0);
    out.uint(0);
    out.uint(1);
    out.uint(10);
    out.uint(3);
    out.map(1);
    out.uint(11);
    Bytes data{1, 2, 3};
    out.bytes(sha256(data).view());
    out.uint(7);
    out.map(2);
    out.uint(0);
    out.text("ima-ng");
    out.uint(1);
    out.bytes(data);
    Bytes log = std::move(out).finish();
    auto made = must(cel::parse_cel(log));
    EXPECT_EQ(made.encoding, Encoding::cbor);
    EXPECT_EQ(made.records[0].name, "ima-ng");
    EXPECT_EQ(must(judge_cel(made, {})).bindings[0], Binding::bound);
    EXPECT_FALSE(cel::parse_cel(truncated(log)));
    EXPECT_FALSE(cel::parse_cel(trailed(log)));
  }
}

}  // namespace
}  // namespace attest
