// Unified kernel images: what will be measured of a new one. The images and logs of boots are synthetic (test/support/boot_maker), the
// values of PCR 11 are those of an independent tool, and one log is of a real boot.
#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "evidence/firmware/unified_image.h"
#include "test/support/boot_maker.h"
#include "test/support/recording.h"
#include "test/support/testdata.h"
#include "verifier/logs/predict.h"

namespace attest {
namespace {

using test::ImageSection;
using Role = BootFile::Role;
using Names = std::vector<std::string>;
using Sections = std::vector<ImageSection>;

const Names kOf252{".linux", ".osrel", ".cmdline", ".initrd", ".splash", ".dtb", ".pcrpkey"};
const Names kOf257{".linux", ".osrel", ".cmdline", ".initrd", ".ucode", ".splash", ".dtb", ".uname", ".sbat", ".pcrpkey", ".profile", ".hwids"};

Bytes text(std::string_view s) { return to_bytes(as_view(s)); }

Bytes kernel(const std::string& name) {
  return test::read_file(std::string(ATTEST_SOURCE_DIR) + "/test/fuzz/corpus/pe_image/" + name).value_or(Bytes{});
}

// The sections lie in another order than they are measured in.
Sections old_sections() {
  return {test::stub_section("252.39-1~deb12u2"), {".sbat", text("sbat,1"), 0}, {".osrel", text("ID=demo\n"), 0},
          {".cmdline", text("console=ttyS0 quiet"), 0}, {".splash", text("BM splash"), 0}, {".dtb", text("device tree"), 0},
          {".pcrsig", text("{}"), 0}, {".pcrpkey", text("-----BEGIN PUBLIC KEY-----\n"), 0}, {".linux", kernel("plain"), 0},
          {".initrd", text("initrd of the image"), 0}};
}

Sections new_sections() {
  Sections out{test::stub_section("252.40"), {".osrel", text("ID=demo\nVERSION_ID=2\n"), 0}, {".cmdline", text("quiet"), 0},
               {".linux", kernel("pe32_tail"), 0}, {".initrd", text("another initrd"), 0}, {".dtb", text("device tree"), 0},
               {".pcrpkey", text("-----BEGIN PUBLIC KEY-----\n"), 0}};
  return out;
}

TcgEventLog parsed(const Bytes& log) { return test::must(parse_tcg_event_log(log)); }

// values: "sha256:11" and so on.
std::map<std::string, std::string> values(const std::vector<BankValues>& banks) {
  std::map<std::string, std::string> out;
  for (const BankValues& bank : banks)
    for (const auto& [pcr, value] : bank.values) out[bank.name + ":" + std::to_string(pcr)] = to_hex(value.view());
  return out;
}

std::map<std::string, std::string> booted(const Sections& sections, const Names& measured) {
  Bytes bytes = test::boot_log(test::unified_boot(sections, measured));
  return values(test::must(replay_banks(parsed(bytes))));
}

class Unified : public testing::Test {
 protected:
  Result<Prediction> next(const Sections& sections, bool with_old = true) {
    now_ = test::unified_image(sections);
    log_ = parsed(log_bytes_);
    BootFile file{Role::kernel, "", now_, {}};
    if (with_old) file.old = View(old_);
    return predict(log_, {{file}, {}, {}});
  }
  Errc refusal(const Sections& sections, bool with_old = true) {
    auto prediction = next(sections, with_old);
    EXPECT_FALSE(prediction);
    return prediction ? Errc::io : prediction.error().code;
  }
  void boot(const Sections& sections, const Names& measured) {
    old_ = test::unified_image(sections);
    log_bytes_ = test::boot_log(test::unified_boot(sections, measured));
  }
  void SetUp() override { boot(old_sections(), kOf252); }
  Bytes old_, now_, log_bytes_;
  TcgEventLog log_;
};

// `systemd-measure calculate` of systemd 252 (252.39-1~deb12u2), each section in a file of its own.
TEST_F(Unified, SectionsAndPhasesAreThoseOfSystemdMeasure) {
  auto prediction = next(old_sections());
  ASSERT_TRUE(prediction) << prediction.error().what;
  EXPECT_TRUE(prediction->events.empty());
  auto now = values(prediction->after);
  EXPECT_EQ(now["sha1:11"], "f6b21c832e501351dd58d6e093ab12fb97f06fe9");
  EXPECT_EQ(now["sha256:11"], "dc2be4c1d57bfa66111d76a7677f5b937cc825a9504f91abc2758e1872e2dd33");
  EXPECT_EQ(now["sha384:11"], "2515dc441cd0bd90bed3ed8b7a6de3daf26aaf40854bc5770dc0d4323f1e87f1fb5c7c51a087b1fb588ce48a03af2d14");
  ASSERT_EQ(prediction->sections, 11U);
  auto phases = boot_phases(prediction->after, 11, "enter-initrd:leave-initrd:sysinit:ready");
  ASSERT_TRUE(phases);
  ASSERT_EQ(phases->size(), 4U);
  EXPECT_EQ(phases->front().phases, "enter-initrd");
  EXPECT_EQ(to_hex(phases->front().values[1].second.view()), "bac0e3918610178400f8a2a90ca6dda9b0e83f3afbbd4b4efc01e370cd3cbc03");
  EXPECT_EQ(phases->back().phases, "enter-initrd:leave-initrd:sysinit:ready");
  EXPECT_EQ(to_hex(phases->back().values[0].second.view()), "3a133bb4686a1c8baf1eeed253a160811410796e");
  EXPECT_EQ(to_hex(phases->back().values[1].second.view()), "f16e1f3be93cb0d416a1e6267a04014d7ae0191d0bd479e3b3a7878923c6d672");
  EXPECT_EQ(to_hex(phases->back().values[2].second.view()),
            "a8a28309e84b312befcfc01b255bfbc755376e1221eeb9bba9540c381368e37c026a32f77a45b120d1c3be6aceb079c0");
  EXPECT_FALSE(boot_phases(prediction->after, 11, "a::b"));
  EXPECT_FALSE(boot_phases(prediction->after, 11, ""));
}

TEST_F(Unified, TheNextBootMeasuresWhatWasSaid) {
  auto prediction = next(new_sections());
  ASSERT_TRUE(prediction) << prediction.error().what;
  EXPECT_TRUE(prediction->unsaid.empty());
  EXPECT_EQ(values(prediction->before), booted(old_sections(), kOf252));
  EXPECT_EQ(values(prediction->after), booted(new_sections(), kOf252));
}

TEST_F(Unified, SectionsComeAndGoWithTheImageAndItsStub) {
  using Change = PredictedEvent::Change;
  Sections sections = new_sections();
  sections[0] = test::stub_section("257~rc1");
  sections.push_back({".sbat", text("sbat,2"), 0});
  sections.push_back({".uname", text("6.12"), 0});
  sections.push_back({".ucode", text("microcode"), 0});
  auto prediction = next(sections);
  ASSERT_TRUE(prediction) << prediction.error().what;
  EXPECT_EQ(values(prediction->after), booted(sections, kOf257));
  auto count = [&](Change change) { return std::ranges::count(prediction->events, change, &PredictedEvent::change); };
  EXPECT_EQ(count(Change::removed), 2);  // .splash, its name and its content
  EXPECT_EQ(count(Change::added), 6);
  boot(sections, kOf257);  // and back
  prediction = next(old_sections());
  ASSERT_TRUE(prediction) << prediction.error().what;
  EXPECT_EQ(values(prediction->after), booted(old_sections(), kOf252));
}

TEST_F(Unified, ZerosBehindASectionAreMeasured) {
  Sections sections = new_sections();
  sections[3].zeros = 4096;
  auto prediction = next(sections);
  ASSERT_TRUE(prediction) << prediction.error().what;
  EXPECT_EQ(values(prediction->after), booted(sections, kOf252));
  sections[3].zeros = kMaxSectionZeros + 1;
  EXPECT_EQ(refusal(sections), Errc::malformed);
}

TEST_F(Unified, WithoutTheOldImageSomeCannotBeSaid) {
  auto prediction = next(new_sections(), false);
  ASSERT_TRUE(prediction) << prediction.error().what;
  auto now = values(prediction->after), real = booted(new_sections(), kOf252);
  for (const char* reg : {"sha256:4", "sha256:11", "sha1:11"}) EXPECT_EQ(now[reg], real[reg]) << reg;
  EXPECT_TRUE(prediction->unsaid.contains(9));
  EXPECT_EQ(prediction->unsaid.size(), 1U);
}

// The stub packs credentials and PCR signatures behind the initrd; the kernel measures all of it at once.
TEST_F(Unified, AnInitrdThatWasPackedWithMoreCannotBeSaid) {
  auto events = test::unified_boot(old_sections(), kOf252);
  events.back().measured.push_back(7);
  log_bytes_ = test::boot_log(events);
  auto prediction = next(new_sections());
  EXPECT_TRUE(prediction->unsaid.contains(9));
  events.pop_back();
  events.back().measured = test::utf16("of the boot loader");
  log_bytes_ = test::boot_log(events);
  EXPECT_TRUE(next(new_sections())->unsaid.contains(9));
}

TEST_F(Unified, ImagesThatCannotBeSaidAreRefused) {
  Sections sections = new_sections();
  EXPECT_EQ(refusal({sections[0]}), Errc::mismatch);  // no unified image, and one was booted
  for (const char* version : {"251", "", "x"}) {
    sections[0] = test::stub_section(version);
    EXPECT_EQ(refusal(sections), Errc::unsupported) << version;
  }
  sections[0] = {".sdmagic", text("#### LoaderInfo: another-stub 1 ####"), 0};
  EXPECT_EQ(refusal(sections), Errc::unsupported);
  sections = new_sections();
  sections.push_back({".initrd", text("x"), 0});
  EXPECT_EQ(refusal(sections), Errc::malformed);
  sections = new_sections();
  sections[3].content = text("no program");
  EXPECT_EQ(refusal(sections), Errc::mismatch);
  sections[3].content.clear();
  EXPECT_EQ(refusal(sections), Errc::malformed);
  Bytes file = test::unified_image(new_sections());
  ASSERT_TRUE(parse_unified_image(file));
  for (std::size_t n = 0; n < file.size(); n += n < 0x400 ? 1 : 256) EXPECT_FALSE(parse_unified_image(View(file).first(n))) << n;
}

TEST_F(Unified, ALogThatDoesNotProveTheBootIsRefused) {
  old_ = test::unified_image(new_sections());  // not the one that was booted
  EXPECT_EQ(refusal(new_sections()), Errc::mismatch);
  old_ = test::unified_image(old_sections());
  auto events = test::unified_boot(old_sections(), kOf252);
  auto other = events;
  other[1].measured.back() = 'x';  // the name of .linux
  log_bytes_ = test::boot_log(other);
  EXPECT_EQ(refusal(new_sections()), Errc::mismatch);
  other = events;
  other.erase(other.begin() + 2);  // its content
  log_bytes_ = test::boot_log(other);
  EXPECT_EQ(refusal(new_sections(), false), Errc::mismatch);
  other = events;
  other[4].pcr = 12;
  log_bytes_ = test::boot_log(other);
  EXPECT_EQ(refusal(new_sections(), false), Errc::mismatch);
  other = events;
  other.erase(other.begin());  // the image
  log_bytes_ = test::boot_log(other);
  EXPECT_EQ(refusal(new_sections(), false), Errc::mismatch);
  log_bytes_ = test::boot_log({});
  EXPECT_EQ(refusal(new_sections(), false), Errc::mismatch);
}

// A section is no file of a boot loader, whatever its name: an initrd of an image changes with the image alone.
TEST_F(Unified, AnInitrdAloneIsNotASection) {
  log_ = parsed(log_bytes_);
  Bytes initrd = text("initrd"), old = text("initrd of the image");
  EXPECT_FALSE(predict(log_, {{{Role::initrd, "", initrd, {}}}, {}, {}}));
  EXPECT_FALSE(predict(log_, {{{Role::initrd, "", initrd, View(old)}}, {}, {}})) << "PCR 4 would change too";
}

// What lies beside the image stays, or is named by the title under which the stub measures it.
TEST_F(Unified, CredentialsAndExtensionsAreFilesOfTheirOwn) {
  constexpr std::uint32_t kIpl = 0x0000000d;
  auto events = test::unified_boot(old_sections(), kOf252);
  events.push_back({12, kIpl, text("old credentials"), test::utf16("Credentials initrd")});
  events.push_back({13, kIpl, text("old extension"), test::utf16("System extension initrd")});
  log_bytes_ = test::boot_log(events);
  log_ = parsed(log_bytes_);
  Bytes file = text("new");
  for (auto [name, reg] : {std::pair{"Credentials initrd", 12U}, {"System extension initrd", 13U}}) {
    auto prediction = predict(log_, {{{Role::named, name, file, {}}}, {}, {}});
    ASSERT_TRUE(prediction) << prediction.error().what;
    ASSERT_EQ(prediction->events.size(), 1U);
    EXPECT_EQ(log_.events[prediction->events[0].event].pcr, reg);
  }
  auto prediction = next(new_sections());
  ASSERT_TRUE(prediction) << prediction.error().what;
  auto before = values(prediction->before), after = values(prediction->after);
  for (const char* reg : {"sha256:12", "sha256:13"}) EXPECT_EQ(before[reg], after[reg]);
}

// Sections behind the first .profile hold for that profile alone, and take the place of common ones.
Sections with_profiles(const std::string& version) {
  Sections out = new_sections();
  out[0] = test::stub_section(version);
  out.push_back({".hwids", text("ids"), 0});
  out.push_back({".profile", text("ID=main\n"), 0});
  out.push_back({".profile", text("ID=rescue\n"), 0});
  out.push_back({".cmdline", text("rescue"), 0});
  out.push_back({".initrd", text("initrd of rescue"), 0});
  return out;
}
// as_profile: the image as its stub sees it when a profile is booted, for the synthetic boot.
Sections as_profile(const Sections& all, std::size_t profile) {
  Sections common, own;
  std::size_t seen = 0;
  for (const ImageSection& section : all) {
    if (section.name == ".profile") seen++;
    if (seen == 0) common.push_back(section);
    if (seen == profile + 1) own.push_back(section);
  }
  for (const ImageSection& section : own) {
    std::erase_if(common, [&](const ImageSection& one) { return one.name == section.name; });
    common.push_back(section);
  }
  return common;
}

std::vector<test::LoggedEvent> boot_of(const Sections& all, std::size_t profile, const Names& measured = kOf257) {
  auto events = test::unified_boot(as_profile(all, profile), measured);
  events[0].measured = test::must(authenticode_bytes(test::unified_image(all)));
  return events;
}
std::vector<test::LoggedEvent> without_kernel(std::vector<test::LoggedEvent> events) {
  auto kernel = std::find_if(events.begin() + 1, events.end(), [](const auto& event) { return event.pcr == 4; });
  if (kernel != events.end()) events.erase(kernel);
  return events;
}
test::LoggedEvent profile_event(const std::string& number) {
  Bytes text = test::utf16(number + '\0'), data{0xdb, 0xd6, 0xae, 0x13, static_cast<std::uint8_t>(text.size()), 0, 0, 0};
  data.insert(data.end(), text.begin(), text.end());
  return {12, 6, text, data};
}

TEST_F(Unified, TheProfileThatWasBootedStaysTheOne) {
  Sections before = with_profiles("257.1"), after = before;
  after[2].content = text("common line");
  after.back().content = text("another rescue initrd");
  old_ = test::unified_image(before);
  for (std::size_t profile : {0U, 1U}) {
    auto was = boot_of(before, profile), will = boot_of(after, profile);
    if (profile == 1)
      for (auto* events : {&was, &will}) events->insert(events->begin() + 1, profile_event("1"));
    log_bytes_ = test::boot_log(was);
    auto prediction = next(after);
    ASSERT_TRUE(prediction) << prediction.error().what;
    EXPECT_TRUE(prediction->unsaid.empty());
    Bytes real = test::boot_log(will);
    EXPECT_EQ(values(prediction->after), values(test::must(replay_banks(parsed(real))))) << profile;
  }
  EXPECT_EQ(refusal(new_sections()), Errc::mismatch) << "no such profile any more";
  auto unproven = boot_of(before, 1);
  unproven.insert(unproven.begin() + 1, profile_event("1"));
  unproven[1].measured.push_back(0);
  log_bytes_ = test::boot_log(unproven);
  EXPECT_EQ(refusal(after), Errc::mismatch);
}

TEST_F(Unified, WhatTheMachinePicksStaysOnlyWhereNothingOfItChanges) {
  Sections before = new_sections();
  before[0] = test::stub_section("258.2");
  before.push_back({".dtbauto", text("tree of one"), 0});
  before.push_back({".dtbauto", text("tree of another"), 0});
  before.push_back({".hwids", text("ids"), 0});
  before.push_back({".efifw", text("firmware"), 0});
  Names measured = kOf257;
  measured.insert(measured.end() - 1, ".dtbauto");
  measured.push_back(".efifw");
  auto boot_with = [&](Sections all, const std::string& tree) {
    Bytes image = test::must(authenticode_bytes(test::unified_image(all)));
    std::erase_if(all, [&](const ImageSection& one) { return one.name == ".dtbauto" && as_text(one.content) != tree; });
    auto events = test::unified_boot(all, measured);
    events[0].measured = image;
    return test::boot_log(without_kernel(events));
  };
  log_bytes_ = boot_with(before, "tree of another");
  old_ = test::unified_image(before);
  Sections after = before;
  after[2].content = text("another line");
  auto prediction = next(after);
  ASSERT_TRUE(prediction) << prediction.error().what;
  EXPECT_TRUE(prediction->unsaid.empty());
  Bytes real = boot_with(after, "tree of another");
  EXPECT_EQ(values(prediction->after)["sha256:11"], values(test::must(replay_banks(parsed(real))))["sha256:11"]);
  for (const char* name : {".dtbauto", ".hwids"}) {
    after = before;
    std::ranges::find(after, name, &ImageSection::name)->content.push_back('x');
    prediction = next(after);
    ASSERT_TRUE(prediction) << prediction.error().what;
    EXPECT_TRUE(prediction->unsaid.contains(11)) << name;
  }
  EXPECT_TRUE(next(before, false)->unsaid.contains(11)) << "without the old image";
  EXPECT_FALSE(next(new_sections())->unsaid.contains(11)) << "nothing to pick any more";
  old_ = test::unified_image(new_sections());
  EXPECT_EQ(refusal(after), Errc::mismatch) << "not the one that was booted";
}

// From 258 on the stub starts the kernel by itself: without Secure Boot the firmware does not measure it.
TEST_F(Unified, TheKernelInsideIsMeasuredAsTheStubLoadsIt) {
  Sections later = new_sections();
  later[0] = test::stub_section("258.1");
  EXPECT_TRUE(next(later)->unsaid.contains(4)) << "Secure Boot is not known";
  auto events = test::unified_boot(old_sections(), kOf252);
  Bytes guid{0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c};
  Bytes off = guid, name = test::utf16("SecureBoot");
  off.insert(off.end(), {10, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0});
  off.insert(off.end(), name.begin(), name.end());
  off.push_back(0);
  events.insert(events.begin(), {7, 0x80000001, off, off});
  log_bytes_ = test::boot_log(events);
  auto prediction = next(later);
  ASSERT_TRUE(prediction) << prediction.error().what;
  EXPECT_TRUE(prediction->unsaid.empty()) << prediction->unsaid.begin()->second;
  auto real = test::unified_boot(later, kOf257);
  Bytes log = test::boot_log(without_kernel(real));
  EXPECT_EQ(values(prediction->after)["sha256:4"], values(test::must(replay_banks(parsed(log))))["sha256:4"]);
  auto strange = test::unified_boot(old_sections(), kOf252);
  std::ranges::find_if(strange.begin() + 1, strange.end(), [](const auto& e) { return e.pcr == 4; })->measured.push_back(0);
  log_bytes_ = test::boot_log(strange);
  EXPECT_TRUE(next(new_sections())->unsaid.contains(4)) << "another program";
  boot(later, kOf257);  // one that the firmware measured none the less: shim, Secure Boot
  EXPECT_TRUE(next(old_sections())->unsaid.contains(4)) << "and back";
  EXPECT_TRUE(next(later)->unsaid.empty());
  later[0] = test::stub_section("259");
  for (std::uint32_t reg : {4U, 9U, 11U, 12U}) EXPECT_TRUE(next(later)->unsaid.contains(reg)) << reg;
}

// A guest of Google's with a unified image of a later stub; its log has a hash of each section.
TEST_F(Unified, ARealBootOfATrustDomainIsFollowed) {
  auto bytes = test::read_file(test::testdata("public/tdx/trustee-ccel-data-grub-gke/CCEL_data_grub_gke.bin"));
  if (!bytes) GTEST_SKIP() << "../shared/testdata/public is absent: no log of a real boot of a unified image";
  auto log = parse_tcg_event_log(*bytes, TcgLogEnd::padded);
  ASSERT_TRUE(log);
  Bytes image = test::unified_image(new_sections());
  auto prediction = predict(*log, {{{Role::kernel, "", image, {}}}, {}, {}});
  ASSERT_TRUE(prediction) << prediction.error().what;
  EXPECT_EQ(prediction->sections, 3U);
  std::vector<std::size_t> replaced, removed;
  for (const PredictedEvent& event : prediction->events) {
    if (event.change == PredictedEvent::Change::replaced) replaced.push_back(event.event);
    if (event.change == PredictedEvent::Change::removed) removed.push_back(event.event);
  }
  EXPECT_EQ(replaced, (std::vector<std::size_t>{20, 22, 24, 26, 28, 33}));
  EXPECT_EQ(removed, (std::vector<std::size_t>{29, 30, 31, 32}));  // .uname and .sbat, which 252 does not measure
  EXPECT_EQ(prediction->events.size(), 14U);                     // .dtb and .pcrpkey come in
}

}  // namespace
}  // namespace attest
