#include "apps/attestctl/setup_files.h"

#include <gtest/gtest.h>

#include "apps/attestctl/template_text.h"
#include "evidence/json/config.h"

namespace attest::ctl {
namespace {

std::vector<PlannedFile> files_of(const SetupPlan& plan) {
  auto files = plan_files(plan, "metadata root\n", "ak root\n");
  EXPECT_TRUE(files) << files.error().what;
  return files ? *files : std::vector<PlannedFile>{};
}

std::string text_of(const std::vector<PlannedFile>& files, const std::string& path) {
  for (const PlannedFile& file : files)
    if (file.path == path) return file.text;
  ADD_FAILURE() << "no " << path;
  return {};
}

SetupPlan other_plan() {
  SetupPlan plan;
  plan.etc = "/tmp/etc";
  plan.state = "/tmp/state";
  plan.socket = "/tmp/run/a.sock";
  plan.tcti = "swtpm:path=/tmp/t";
  plan.ak_handle = "0x81010200";
  plan.ak_algorithm = "rsa-2048";
  plan.event_log = "/tmp/boot";
  plan.ima_list = "";
  plan.image = "a \"quoted\" image";
  plan.peer_images = {"one", "two"};
  plan.module = "/tmp/attest.so";
  plan.server_demands = "off";
  plan.client_demands = "prefer";
  plan.daemon_uid = 42;
  plan.services = {{"web", "www-data"}};
  return plan;
}

TEST(SetupFiles, TheDefaultPlanIsTheFilesOfConf) {
  auto files = files_of({});
  std::string openssl = text_of(files, "/etc/attest/openssl.cnf");
  EXPECT_NE(openssl.find("\nattest-server = require\n"), std::string::npos);
  EXPECT_NE(openssl.find("\n# module = "), std::string::npos);
  EXPECT_NE(openssl.find("\ndefault_properties = ?provider!=attest\n"), std::string::npos);
  EXPECT_EQ(text_of(files, "/etc/attest/roots/ak.pem"), "ak root\n");
  EXPECT_EQ(text_of(files, "/etc/attest/roots/metadata.pem"), "metadata root\n");
}

TEST(SetupFiles, EveryPartOfThePlanReachesTheDaemonsConfiguration) {
  auto file = parse_config(text_of(files_of(other_plan()), "/tmp/etc/cmcd.json"), "cmcd.json");
  ASSERT_TRUE(file) << file.error().what;
  Object root = file->root();
  EXPECT_EQ(root.string("state_dir"), "/tmp/state");
  EXPECT_EQ(root.string("policies"), "/tmp/etc/policies");
  EXPECT_EQ(root.objects("sockets").at(0).string("path"), "/tmp/run/a.sock");
  auto callers = root.objects("callers");
  ASSERT_EQ(callers.size(), 3U);
  EXPECT_EQ(callers[0].strings("rights"), (std::vector<std::string>{"attest", "judge", "sign", "control"}));
  EXPECT_EQ(callers[1].string("uid"), "www-data");
  EXPECT_EQ(callers[2].string("uid"), "any");
  auto tpm = root.object("tpm");
  ASSERT_TRUE(tpm);
  EXPECT_EQ(tpm->string("tcti"), "swtpm:path=/tmp/t");
  EXPECT_EQ(tpm->string("ak_handle"), "0x81010200");
  EXPECT_EQ(tpm->string("ak_algorithm"), "rsa-2048");
  EXPECT_EQ(tpm->string("event_log"), "/tmp/boot");
  EXPECT_EQ(root.object("metadata")->string("image"), "a \"quoted\" image");
}

TEST(SetupFiles, WithoutImaPcr10IsNotQuoted) {
  SetupPlan plan;
  auto with = parse_config(text_of(files_of(plan), "/etc/attest/cmcd.json"), "with");
  plan.ima_list.clear();
  auto without = parse_config(text_of(files_of(plan), "/etc/attest/cmcd.json"), "without");
  ASSERT_TRUE(with && without);
  auto has_10 = [](const ConfigFile& file) {
    auto pcrs = file.root().object("tpm")->integers("pcrs", 0, 23);
    return std::ranges::find(pcrs, 10) != pcrs.end();
  };
  EXPECT_TRUE(has_10(*with));
  EXPECT_FALSE(has_10(*without));
}

TEST(SetupFiles, RawNoncesNeedASwitch) {
  SetupPlan plan;
  plan.allow_raw = true;
  EXPECT_NE(text_of(files_of(plan), "/etc/attest/cmcd.json").find("\"sign\", \"raw\", \"control\""),
            std::string::npos);
}

TEST(SetupFiles, OpensslCnfTakesModesUidAndModule) {
  std::string text = text_of(files_of(other_plan()), "/tmp/etc/openssl.cnf");
  for (const char* line :
       {"\nattest-socket = /tmp/run/a.sock\n", "\nattest-server = off\n", "\nattest-client = prefer\n",
        "\nattest-daemon-uid = 42\n", "\nmodule = /tmp/attest.so\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line;
}

TEST(SetupFiles, ThePolicyNamesTheImagesPeersMayBe) {
  auto file = parse_config(text_of(files_of(other_plan()), "/tmp/etc/policies/default.json"), "default.json");
  ASSERT_TRUE(file) << file.error().what;
  EXPECT_EQ(file->root().objects("peers").at(0).strings("image_descriptions"),
            (std::vector<std::string>{"one", "two"}));
}

TEST(TemplateText, APartThatIsMissingOrStandsTwiceIsAnError) {
  EXPECT_FALSE(std::move(TemplateText("abc").replace("x", "y")).finish());
  EXPECT_FALSE(std::move(TemplateText("aba").replace("a", "y")).finish());
  EXPECT_FALSE(std::move(TemplateText("\nkey = 1\n").set("other", "y")).finish());
  EXPECT_FALSE(std::move(TemplateText("[1").replace_block("[", "]", "y")).finish());
  auto good = std::move(TemplateText("a [1] c").replace("a", "b").replace_block("[", "]", "2")).finish();
  ASSERT_TRUE(good);
  EXPECT_EQ(*good, "b 2 c");
}

}  // namespace
}  // namespace attest::ctl
