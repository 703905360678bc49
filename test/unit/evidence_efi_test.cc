// What firmware measures, decoded: variables, signature lists, device paths, partitions, tags.
#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "evidence/logs/efi/describe.h"
#include "evidence/logs/efi/guid.h"
#include "evidence/logs/efi/image.h"
#include "evidence/logs/efi/tagged.h"
#include "evidence/logs/efi/text.h"
#include "evidence/logs/efi/variable.h"
#include "evidence/logs/tcg_event_log.h"
#include "test/support/recording.h"

namespace attest {
namespace {
using namespace attest::test;

Bytes hex(std::string_view text) { return must(from_hex(text)); }

std::string described(std::uint32_t type, View data) {
  JsonWriter out;
  out.object();
  efi::describe_event(type, data, out);
  out.end_object();
  return std::move(out).finish();
}

TEST(Efi, GuidsAreShownAsTheirSpecificationWritesThem) {
  Bytes guid = hex("61dfe48bca93d211aa0d00e098032b8c");
  EXPECT_EQ(efi::guid_text(guid), efi::kGlobalVariable);
  EXPECT_EQ(efi::guid_name(efi::guid_text(guid)), "EFI_GLOBAL_VARIABLE");
  EXPECT_EQ(efi::guid_text(truncated(guid)), "");
}

TEST(Efi, TextsAreToldApart) {
  EXPECT_EQ(efi::from_any(Bytes{'a', 0, 'b', 0, 0, 0}), "ab");
  EXPECT_EQ(efi::from_any(as_view("ab")), "ab");
  EXPECT_EQ(efi::from_utf16(Bytes{0xe9, 0, 0x3d, 0xd8, 0x00, 0xde}), "\xc3\xa9\xf0\x9f\x98\x80");
  EXPECT_EQ(efi::from_utf16(Bytes{0x3d, 0xd8, 'x', 0}), "?x");  // half a character
}

TEST(Efi, DevicePathsOfDisksAreReadWhole) {
  // PciRoot(0)/Pci(1,0)/NVMe, a GPT partition, a file, the end
  Bytes path = hex(
      "02010c00d041030a00000000"
      "010106000001"
      "0317100001000000"
      "0000000000000000"
      "04012a000f00000000280000000000000050030000000000b6e824fc8c5e9643aadd2c6a9d9dcb470202"
      "04040c005c0061002e000000"
      "7fff0400");
  auto parsed = must(efi::parse_device_path(path));
  EXPECT_EQ(parsed.text,
            "PciRoot(0x0)/Pci(0x1,0x0)/NVMe(0x1,0000000000000000)/"
            "HD(15,GPT,fc24e8b6-5e8c-4396-aadd-2c6a9d9dcb47,0x2800,0x35000)/\\a.");
  EXPECT_EQ(parsed.file, "\\a.");
  EXPECT_FALSE(efi::parse_device_path(View(path).first(20)));
  EXPECT_FALSE(efi::parse_device_path(hex("01010300")));  // shorter than its head
}

TEST(Efi, UnknownNodesAreShownAsTheyAre) {
  EXPECT_EQ(must(efi::parse_device_path(hex("09090600aabb7fff0400"))).text, "Path(9,9,aabb)");
}

TEST(Efi, SignatureListsMustBeWhole) {
  Writer w;
  w.put(hex("2616c4c14c509240aca941f936934328"));  // EFI_CERT_SHA256
  w.u32le(28 + 2 * 48);
  w.u32le(0);
  w.u32le(48);
  w.put(Bytes(96, 7));
  Bytes list = must(std::move(w).finish("list"));
  auto parsed = must(efi::parse_signature_lists(list));
  ASSERT_EQ(parsed.size(), 1U);
  EXPECT_EQ(parsed[0].entries.size(), 2U);
  EXPECT_FALSE(efi::parse_signature_lists(truncated(list)));
  EXPECT_FALSE(efi::parse_signature_lists(trailed(list)));
  list[24] = 47;  // entries that do not fill the list
  EXPECT_FALSE(efi::parse_signature_lists(list));
}

TEST(Efi, VariablesSayWhatIsLeftOver) {
  Writer w;
  w.put(hex("61dfe48bca93d211aa0d00e098032b8c"));
  w.u64le(2);
  w.u64le(3);
  w.put(Bytes{'d', 0, 'b', 0, 1, 2, 3, 9});
  Bytes event = must(std::move(w).finish("variable"));
  auto v = must(efi::parse_uefi_variable(event));
  EXPECT_EQ(v.name, "db");
  EXPECT_EQ(to_bytes(v.data), (Bytes{1, 2, 3}));
  EXPECT_EQ(to_bytes(v.surplus), Bytes{9});
  EXPECT_FALSE(efi::parse_uefi_variable(View(event).first(event.size() - 2)));
  event[24] = 0xff;
  EXPECT_FALSE(efi::parse_uefi_variable(event));
}

TEST(Efi, EventsOfARealBootAreDecoded) {
  Bytes bytes = recording("secureboot").event_log;
  TcgEventLog log = must(parse_tcg_event_log(bytes));
  std::string all;
  for (const TcgEvent& e : log.events) all += described(e.type, e.data) + "\n";
  for (const char* expected : {R"("record":"SpecID")", R"("name":"SecureBoot")", R"("enabled":true)", R"("type_name":"EFI_CERT_X509")",
                               R"("subject":)", R"("name":"BootOrder")", R"("device_path":")", "grubx64.efi", R"("owner":)",
                               R"("meaning":"end of the firmware's measurements")"})
    EXPECT_NE(all.find(expected), all.npos) << expected;
}

TEST(Efi, NoActionRecords) {
  EXPECT_NE(described(3, hex("537461727475704c6f63616c6974790003")).find(R"("startup_locality":3)"), std::string::npos);
  Writer w;
  w.put(as_view("SP800-155 Event2"));
  w.u32le(11129);
  w.put(hex("61dfe48bca93d211aa0d00e098032b8c"));
  for (const char* part : {"ACME", "Model", "1"}) {
    w.u8(static_cast<std::uint8_t>(std::strlen(part)));
    w.put(as_view(part));
  }
  w.u8(2);
  w.put(as_view("FW"));
  w.u32le(9);
  w.u8(3);
  w.put(as_view("2.0"));
  Bytes event = must(std::move(w).finish("event"));
  EXPECT_NE(described(3, event).find(R"("platform_manufacturer":"ACME")"), std::string::npos);
  EXPECT_EQ(described(3, truncated(event)).find("platform_manufacturer"), std::string::npos);
}

TEST(Efi, TagsAreNamedAndNested) {
  Bytes event = hex("01000140" "09000000" "02000500" "01000000" "01");  // Windows: an aggregate of one tag
  std::string text = described(6, event);
  EXPECT_NE(text.find("TrustBoundary"), std::string::npos);
  EXPECT_NE(text.find("CodeIntegrity"), std::string::npos);
  EXPECT_NE(described(6, truncated(event)).find("hex"), std::string::npos);
}

TEST(Efi, SpdmRecordsOfBothVersionsAreRead) {
  Writer w;
  w.put(as_view("SPDM Device Sec2"));
  w.u16le(2);
  w.u8(0);
  w.u8(0);
  Writer body;
  body.u32le(1);
  body.u32le(0);
  body.u32le(2);
  body.u64le(5);
  body.u64le(4);
  body.put(hex("7fff0400"));
  body.put(hex("beef"));
  body.put(hex("00000000868080000000000000000000"));
  Bytes inner = must(std::move(body).finish("body"));
  w.u32le(static_cast<std::uint32_t>(inner.size()));
  w.put(inner);
  Bytes event = must(std::move(w).finish("spdm"));
  EXPECT_NE(described(0x800000e1, event).find(R"("pci_vendor":32902)"), std::string::npos);
  EXPECT_NE(described(0x800000e1, truncated(event)).find("\"hex\""), std::string::npos);
}

TEST(Efi, WhatCannotBeDecodedIsShownAsBytes) {
  for (std::uint32_t type : {0x80000001U, 0x80000003U, 0x80000006U, 0x80000009U, 0x8000000aU, 0x12345678U})
    EXPECT_NE(described(type, Bytes{1, 2, 3}).find(R"("hex":"010203")"), std::string::npos) << type;
}

TEST(Efi, APaddedAreaIsALogOnlyWhereOneIsAsked) {
  Bytes bytes = recording("tis").event_log, padded = bytes;
  padded.resize(bytes.size() + 4096, 0xff);
  EXPECT_FALSE(parse_tcg_event_log(padded));
  TcgEventLog log = must(parse_tcg_event_log(padded, TcgLogEnd::padded));
  EXPECT_EQ(log.padding_bytes, 4096U);
  EXPECT_EQ(log.events.size(), must(parse_tcg_event_log(bytes)).events.size());
  padded.back() = 1;
  EXPECT_FALSE(parse_tcg_event_log(padded, TcgLogEnd::padded));
  EXPECT_FALSE(parse_tcg_event_log(trailed(bytes), TcgLogEnd::padded));
}

}  // namespace
}  // namespace attest
