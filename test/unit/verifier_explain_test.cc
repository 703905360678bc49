#include "verifier/explain/explain.h"

#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "evidence/json/reader.h"
#include "verifier/checks.h"

namespace attest {
namespace {

Mismatch grub() {
  Mismatch m;
  m.check = check::kPcrUnexpected;
  m.anchor = "tpm";
  m.reg = 4;
  m.event = 31;
  m.event_type = "EV_EFI_BOOT_SERVICES_APPLICATION";
  m.measured_name = "grubx64.efi";
  m.measured_digest = std::string(52, '9') + "0123456789ab";
  m.expected_name = "grubx64.efi";
  m.expected_digest = std::string(64, '4');
  m.manifest = "os";
  m.manifest_version = "2026-11-02";
  m.entry = 17;
  return m;
}

Mismatch file(int i, bool known) {
  Mismatch m;
  m.check = check::kImaUnexpected;
  m.anchor = "tpm";
  m.reg = 10;
  m.event = 100 + static_cast<std::uint64_t>(i);
  m.event_type = "IMA";
  m.measured_name = "/usr/bin/tool" + std::to_string(i);
  m.measured_digest = std::string(64, 'a');
  if (known) m.expected_name = m.measured_name, m.expected_digest = std::string(64, 'b'), m.manifest = "os";
  return m;
}

Refusal refusal(std::vector<Mismatch> mismatches) {
  Refusal r;
  r.id = 8841;
  r.when = *parse_rfc3339("2026-11-21T14:03:22Z");
  r.peer = "host-a";
  r.caller = "curl";
  r.uid = 1000;
  r.policy = "default";
  r.outcome = "refused";
  r.appraisal.peer = "host-a";
  r.appraisal.image = "web-server 2026-11-20";
  r.appraisal.manifests = {"os 2026-11-02"};
  r.appraisal.anchors = {{AnchorKind::tpm, Bytes(34, 7)}};
  r.appraisal.events = 40;
  r.appraisal.verdict.pass(check::kQuoteSignature);
  for (Mismatch& m : mismatches) {
    if (r.name != m.check) r.appraisal.verdict.fail(m.check, "why", "remedy");
    r.name = m.check;
    r.appraisal.verdict.mismatch(std::move(m));
  }
  return r;
}

std::string record(const Refusal& r) {
  return R"({"id":8841,"when":"2026-11-21T14:03:22Z","peer":"host-a","role":"client","caller":{"uid":1000,"pid":3,"service":"curl"},)"
         R"("policy":"default","outcome":"refused","trusted":false,"name":"pcr.unexpected-event","why":"w","remedy":"r","appraisal":)" +
         appraisal_json(r.appraisal) + "}";
}

TEST(Explain, BootLoaderRefusalReadsAsDocumented) {
  EXPECT_EQ(explain_text(refusal({grub()})),
            "refused   host-a as server for curl (uid 1000), 2026-11-21T14:03:22Z, pcr.unexpected-event\n"
            "because   boot event 31 in PCR 4 \"EFI boot loader\" is not in the signed references\n"
            "          measured  grubx64.efi   999999999999\n"
            "          expected  grubx64.efi   444444444444   (manifest os 2026-11-02, entry 17)\n"
            "          everything before it matches (events 0-30)\n"
            "likely    the boot loader was updated without new references\n"
            "to allow  attestctl metadata allow --manifest os --from-refusal 8841 --until 2026-12-01   (then sign and publish)\n"
            "more      docs/refusals/pcr.unexpected-event.md\n");
}

TEST(Explain, WholeShowsDigestsInFull) {
  std::string text = explain_text(refusal({grub()}), {.whole = true});
  EXPECT_NE(text.find("0123456789ab"), std::string::npos);
}

TEST(Explain, ManyFilesAreCounted) {
  std::vector<Mismatch> files;
  for (int i = 0; i < 30; i++) files.push_back(file(i, false));
  Refusal r = refusal(files);
  r.appraisal.mismatches_omitted = 5;
  std::string text = explain_text(r);
  EXPECT_NE(text.find("34 later disagreements"), std::string::npos) << text;
  EXPECT_NE(text.find("27 more like these (-v shows them)"), std::string::npos) << text;
  EXPECT_NE(text.find("software was installed"), std::string::npos) << text;
  EXPECT_NE(explain_text(r, {.whole = true}).find("5 more like these\n"), std::string::npos);
}

TEST(Explain, LikelyCauses) {
  auto cause = [](Mismatch m) { return likely_cause(refusal({std::move(m)}).appraisal); };
  EXPECT_EQ(cause(file(1, true)), "/usr/bin/tool1 was updated without new references");
  Mismatch m = grub();
  m.reg = 7, m.event_type = "EV_EFI_VARIABLE_DRIVER_CONFIG", m.measured_name = "dbx";
  EXPECT_NE(cause(m).find("dbx"), std::string::npos);
  m.reg = 0;
  EXPECT_NE(cause(m).find("firmware"), std::string::npos);
  m.check = check::kPcrMissing, m.reg = 7;
  EXPECT_NE(cause(m).find("Secure Boot was switched off"), std::string::npos);
  EXPECT_EQ(likely_cause(Appraisal{}), "");
}

TEST(Explain, NoMetadataChangeIsOfferedForABadSignature) {
  Refusal r = refusal({grub()});
  EXPECT_NE(allow_command(r), "");
  r.appraisal.verdict.fail(check::kAkUntrusted, "not pinned");
  EXPECT_EQ(allow_command(r), "");
  EXPECT_EQ(allow_command(refusal({})), "");
}

TEST(Explain, NamesAreQuotedForTheShell) {
  Mismatch m = grub();
  m.manifest = "os; rm -rf 'x'";
  EXPECT_NE(allow_command(refusal({m})).find("--manifest 'os; rm -rf '\\''x'\\''' "), std::string::npos);
}

TEST(Explain, RefusalWithoutMismatchSaysWhyAndRemedy) {
  Refusal r = refusal({});
  r.name = check::kPeerSilent;
  r.why = "host-a gave no evidence";
  r.remedy = "start cmcd-lite there";
  r.appraisal.verdict.fail(check::kPeerSilent, r.why, r.remedy);
  r.appraisal.verdict.warn(check::kSwNoHardware, "nothing about hardware");
  std::string text = explain_text(r);
  EXPECT_NE(text.find("because   host-a gave no evidence\n"), std::string::npos) << text;
  EXPECT_NE(text.find("warning   sw.no-hardware: nothing about hardware\n"), std::string::npos) << text;
  EXPECT_NE(text.find("remedy    start cmcd-lite there\n"), std::string::npos) << text;
  EXPECT_NE(text.find("more      docs/refusals/peer.silent.md\n"), std::string::npos) << text;
}

TEST(Explain, AppraisalSurvivesJson) {
  Refusal r = refusal({grub(), file(1, true)});
  r.appraisal.mismatches_omitted = 3;
  std::string json = appraisal_json(r.appraisal);
  EXPECT_EQ(json.find('\n'), std::string::npos);
  auto back = parse_appraisal(json);
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_EQ(appraisal_json(*back), json);
  EXPECT_EQ(back->verdict.mismatches().at(0).measured_digest, grub().measured_digest);
  EXPECT_EQ(back->anchors, r.appraisal.anchors);
  std::string one = appraisal_json(r.appraisal, 1);
  EXPECT_EQ(parse_appraisal(one)->verdict.mismatches().size(), 1U);
  EXPECT_EQ(parse_appraisal(one)->mismatches_omitted, 4U);
  for (std::size_t n = 0; n < json.size(); n++) EXPECT_FALSE(parse_appraisal(json.substr(0, n))) << n;
  EXPECT_FALSE(parse_appraisal(json + "x"));
}

TEST(Explain, RecordIsReadAndShownAsJson) {
  Refusal r = refusal({grub()});
  auto back = parse_refusal(record(r));
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_EQ(back->id, 8841U);
  EXPECT_EQ(back->role, Role::client);
  EXPECT_EQ(back->caller, "curl");
  EXPECT_EQ(back->uid, 1000);
  EXPECT_EQ(back->when, r.when);
  EXPECT_EQ(back->appraisal.verdict.mismatches().size(), 1U);
  std::string json = explain_json(*back);
  JsonReader reader(json);
  reader.skip();
  EXPECT_TRUE(reader.done("explain json")) << json;
  EXPECT_NE(json.find("\"allow\":\"attestctl metadata allow --manifest os"), std::string::npos) << json;
  EXPECT_FALSE(parse_refusal(R"({"role":"neither"})"));
  EXPECT_FALSE(parse_refusal(R"({"when":"yesterday"})"));
}

}  // namespace
}  // namespace attest
