// What a machine will measure after an update, from the logs of real boots; programs of the firmware as Authenticode sees them.
#include "verifier/logs/predict.h"

#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "evidence/firmware/stub_initrd.h"
#include "test/support/boot_maker.h"
#include "test/support/testdata.h"
#include "verifier/logs/event_log.h"

namespace attest {
namespace {

using Role = BootFile::Role;
constexpr std::uint16_t kSha256 = 0x000b;
const std::string kTests = std::string(ATTEST_SOURCE_DIR) + "/test/";

Bytes corpus(const std::string& name) { return test::read_file(kTests + "fuzz/corpus/pe_image/" + name).value_or(Bytes{}); }

// -- programs -----------------------------------------------------------------------------------------------------

std::string authenticode(View file) {
  auto bytes = authenticode_bytes(file);
  return bytes ? to_hex(sha256(*bytes).view()) : bytes.error().what;
}

// The values of pesign 0.112.
TEST(PeImageTest, EqualsTheIndependentTool) {
  EXPECT_EQ(authenticode(corpus("plain")), "df9ac988ed788778ceaa9c8ba120c94ef31787cabd8726f147fd59b5843ba793");
  EXPECT_EQ(authenticode(corpus("signed")), authenticode(corpus("plain")));
  EXPECT_EQ(authenticode(corpus("pe32_tail")), "81c11c528f50e6ddb318a614269a652d91f89c02f1ae1aa6ac70a8e50f871d55");
}

TEST(PeImageTest, EverythingButChecksumAndCertificatesCounts) {
  Bytes file = corpus("signed");
  std::string before = authenticode(file);
  for (std::size_t at : {std::size_t{0x58 + 64}, std::size_t{0x58 + 112 + 33}, file.size() - 1}) {
    Bytes other = file;
    other[at] ^= at == 0x58 + 112 + 33 ? 0 : 1;
    EXPECT_EQ(authenticode(other), before) << at;
  }
  for (std::size_t at : {std::size_t{4}, std::size_t{0x58 + 112}, std::size_t{0x200}, std::size_t{0x3ff}, std::size_t{0x5ff}}) {
    Bytes other = file;
    other[at] ^= 1;
    EXPECT_NE(authenticode(other), before) << at;
  }
}

TEST(PeImageTest, HostileHeadersAreRefused) {
  Bytes file = corpus("signed");
  for (std::size_t n = 0; n < file.size(); n += n < 0x200 ? 1 : 64) EXPECT_FALSE(parse_pe_image(View(file).first(n))) << n;
  Bytes longer = file;
  longer.push_back(0);
  EXPECT_FALSE(parse_pe_image(longer));  // the certificates are not at the end
  for (auto [at, value] : {std::pair<std::size_t, std::uint8_t>{0x3f, 0x7f}, {0x46, 0xff}, {0x58 + 63, 0x7f}, {0x58 + 111, 1}}) {
    Bytes other = file;
    other[at] = value;
    EXPECT_FALSE(parse_pe_image(other)) << at;
  }
}

// -- prediction ---------------------------------------------------------------------------------------------------

class Predict : public testing::Test {
 protected:
  void use(const std::string& boot) {
    auto read = test::read_file(kTests + "fixtures/boots/" + boot + "/binary_bios_measurements");
    ASSERT_TRUE(read);
    bytes = *std::move(read);
    auto parsed = parse_tcg_event_log(bytes);
    ASSERT_TRUE(parsed);
    log = *std::move(parsed);
  }
  void SetUp() override { use("secureboot"); }
  // changed: the registers of the sha256 bank that get another value.
  std::vector<std::uint32_t> changed(const BootChanges& changes) {
    auto prediction = predict(log, changes);
    EXPECT_TRUE(prediction) << prediction.error().what;
    std::vector<std::uint32_t> out;
    if (!prediction) return out;
    last = *std::move(prediction);
    for (std::size_t i = 0; i < last.after.size(); i++)
      if (last.after[i].alg == kSha256)
        for (const auto& [pcr, value] : last.after[i].values)
          if (!(value == last.before[i].values.at(pcr))) out.push_back(pcr);
    return out;
  }
  std::string digest(std::size_t i) {
    for (const auto& [alg, value] : last.events.at(i).digests)
      if (alg == kSha256) return to_hex(value.view());
    return "";
  }
  Errc refusal(const BootChanges& changes) {
    auto prediction = predict(log, changes);
    EXPECT_FALSE(prediction);
    return prediction ? Errc::io : prediction.error().code;
  }
  static std::string hash(std::string_view text) { return to_hex(sha256(as_view(text)).view()); }
  Bytes bytes, kernel = corpus("signed");
  TcgEventLog log;
  Prediction last;
};

using Registers = std::vector<std::uint32_t>;

TEST_F(Predict, AKernelIsMeasuredAsAProgramAndAsAFile) {
  EXPECT_EQ(changed({{{Role::kernel, "", kernel, {}}}, {}, {}}), (Registers{4, 9}));
  ASSERT_EQ(last.events.size(), 3U);  // GRUB reads it, shim measures it twice
  EXPECT_EQ(digest(0), to_hex(sha256(View(kernel)).view()));
  EXPECT_EQ(digest(1), authenticode(kernel));
  EXPECT_EQ(digest(2), authenticode(kernel));
}

TEST_F(Predict, AnInitrdAndANamedFileAreFiles) {
  Bytes initrd{1, 2, 3};
  EXPECT_EQ(changed({{{Role::initrd, "", initrd, {}}}, {}, {}}), Registers{9});
  ASSERT_EQ(last.events.size(), 1U);
  std::size_t of_initrd = last.events[0].event;
  EXPECT_EQ(changed({{{Role::named, "grub.cfg", initrd, {}}}, {}, {}}), Registers{9});
  EXPECT_NE(last.events.at(0).event, of_initrd);
}

TEST_F(Predict, ABootLoaderIsFoundByItsName) {
  EXPECT_EQ(changed({{{Role::boot_loader, "/boot/efi/EFI/debian/grubx64.efi", kernel, {}}}, {}, {}}), Registers{4});
  ASSERT_EQ(last.events.size(), 1U);
  EXPECT_EQ(digest(0), authenticode(kernel));
  EXPECT_EQ(refusal({{{Role::boot_loader, "fwupdx64.efi", kernel, {}}}, {}, {}}), Errc::mismatch);
}

TEST_F(Predict, ACommandLineIsReplacedWhereverItIsMeasured) {
  EXPECT_EQ(changed({{}, {{"", "console=tty0", true}}, {}}), Registers{8});
  ASSERT_EQ(last.events.size(), 2U);
  EXPECT_EQ(digest(0), hash("linux /vmlinuz console=tty0"));
  EXPECT_EQ(digest(1), hash("/vmlinuz console=tty0"));
  EXPECT_EQ(changed({{}, {{"/vmlinuz", "/vmlinuz-2", false}, {"", "quiet", true}}, {}}), Registers{8});
  EXPECT_EQ(digest(1), hash("/vmlinuz-2 quiet"));
  EXPECT_EQ(refusal({{}, {{"/vmlinu", "/x", false}}, {}}), Errc::mismatch);  // the beginning of a longer name
}

// The kernel logs that it was told something, and measures what.
TEST_F(Predict, ACommandLineOfWhichTheLogHasAHashMustBeGiven) {
  use("crb");
  const std::string line =
      "console=ttyS0 ima_policy=tcb ima_hash=sha256 random.trust_cpu=on panic=-1 quiet loglevel=4 initrd=initrd";
  EXPECT_EQ(refusal({{}, {{"", "quiet", true}}, {}}), Errc::mismatch);
  EXPECT_EQ(refusal({{}, {{"console=ttyS1", "quiet", true}}, {}}), Errc::mismatch);
  EXPECT_EQ(changed({{}, {{line, "quiet", true}}, {}}), Registers{9});
  ASSERT_EQ(last.events.size(), 1U);
  Bytes utf16{'q', 0, 'u', 0, 'i', 0, 'e', 0, 't', 0, 0, 0};
  EXPECT_EQ(digest(0), to_hex(sha256(utf16).view()));
  EXPECT_EQ(changed({{{Role::initrd, "", kernel, {}}, {Role::kernel, "", kernel, {}}}, {}, {}}), (Registers{4, 9}));
  EXPECT_EQ(last.events.size(), 2U);
}

View content_of(const TcgEventLog& log, const std::string& name) {
  auto judged = judge_event_log(log, {});
  return judged && judged->secure_boot.database(name) != nullptr ? judged->secure_boot.database(name)->content : View{};
}

TEST_F(Predict, AVariableIsReplacedOrAddedTo) {
  Bytes db = to_bytes(content_of(log, "db")), dbx = to_bytes(content_of(log, "dbx"));
  ASSERT_FALSE(db.empty());
  EXPECT_EQ(changed({{}, {}, {{"db", dbx, false}}}), Registers{7});
  EXPECT_EQ(changed({{}, {}, {{"db", db, false}}}), Registers{});
  EXPECT_EQ(changed({{}, {}, {{"db", db, true}}}), Registers{});  // it has all of it already
  EXPECT_EQ(changed({{}, {}, {{"db", dbx, true}}}), Registers{7});
  EXPECT_EQ(refusal({{}, {}, {{"dbt", db, false}}}), Errc::mismatch);
}

TEST_F(Predict, UpdatesComeInThreeForms) {
  Bytes db = to_bytes(content_of(log, "db"));
  Bytes efivarfs{0x27, 0, 0, 0};
  efivarfs.insert(efivarfs.end(), db.begin(), db.end());
  Bytes signed_update(16, 0);
  for (std::uint8_t b : std::initializer_list<std::uint8_t>{28, 0, 0, 0, 0, 2, 0xf1, 0x0e}) signed_update.push_back(b);
  signed_update.resize(16 + 28, 0x30);
  signed_update.insert(signed_update.end(), db.begin(), db.end());
  for (const Bytes& file : {db, efivarfs, signed_update}) {
    auto update = signature_update(file);
    ASSERT_TRUE(update);
    EXPECT_EQ(to_hex(*update), to_hex(db));
  }
  EXPECT_FALSE(signature_update(View(db).first(db.size() - 1)));
  EXPECT_FALSE(signature_update({}));
}

TEST_F(Predict, TheOldFileFindsItsEvents) {
  Bytes other = corpus("plain"), old{9, 9};
  EXPECT_EQ(refusal({{{Role::kernel, "", kernel, View(other)}}, {}, {}}), Errc::mismatch);
  EXPECT_EQ(refusal({{{Role::initrd, "", kernel, View(old)}}, {}, {}}), Errc::mismatch);
}

TEST_F(Predict, WhatCannotBeSaidIsRefused) {
  Bytes text{'#', '!'}, unified = corpus("unified");
  EXPECT_EQ(refusal({{{Role::kernel, "", text, {}}}, {}, {}}), Errc::mismatch);
  EXPECT_EQ(refusal({{{Role::kernel, "", unified, {}}}, {}, {}}), Errc::mismatch);  // no unified image was booted
  EXPECT_EQ(refusal({{{Role::named, "fstab", text, {}}}, {}, {}}), Errc::mismatch);
}

// -- initrds ------------------------------------------------------------------------------------------------------

std::string handed_over(const std::vector<test::ImageSection>& sections) {
  Bytes image = test::unified_image(sections);
  auto parsed = parse_unified_image(image);
  return parsed ? to_hex(sha256(stub_initrd(*parsed)).view()) : parsed.error().what;
}

// What a kernel measured of it in QEMU (test/fixtures/unified/README.md): the initrd with two archives of the stub's behind it, or alone.
TEST(StubInitrd, IsWhatAKernelMeasured) {
  auto text = [](std::string_view s) { return to_bytes(as_view(s)); };
  std::vector<test::ImageSection> sections{test::stub_section("252.39-1~deb12u2"), {".linux", corpus("plain"), 0},
                                           {".initrd", test::read_file(kTests + "fixtures/unified/initrd").value_or(Bytes{}), 0}};
  sections.push_back({".pcrpkey", text("-----BEGIN PUBLIC KEY-----\nabc\n"), 0});
  sections.push_back({".pcrsig", text("{\"sha256\":[]}"), 0});
  EXPECT_EQ(handed_over(sections), "f4ff95bdc47dda928bdbd12a5f49ae21b7723bac5214d3a2e4caf16719c00c78");
  sections.resize(3);
  EXPECT_EQ(handed_over(sections), to_hex(sha256(sections[2].content).view())) << "alone it is not filled up";
  sections.push_back({".osrel", text("ID=demo\n"), 0});
  sections.push_back({".ucode", text("microcode"), 0});
  EXPECT_EQ(handed_over(sections), to_hex(sha256(sections[2].content).view())) << "252 knows nothing of these";
  sections[0] = test::stub_section("257");
  // By the archives of a second program, in Python, which gives the first digest of this test as well.
  EXPECT_EQ(handed_over(sections), "260df480da0f9a21a3f5751ae64d2fc7a1780dad5df67e2ffde802a08874300d");
}

}  // namespace
}  // namespace attest
