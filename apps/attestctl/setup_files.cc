#include "apps/attestctl/setup_files.h"

#include "apps/attestctl/template_text.h"
#include "apps/attestctl/templates.h"

namespace attest::ctl {
namespace {

// pair writes "key": "value" as it stands in the templates.
std::string pair(std::string_view key, std::string_view value) {
  return json_quoted(key) + ": " + json_quoted(value);
}

// caller writes one entry of "callers".
std::string caller(const std::string& who, const char* roles, const char* keys, const std::string& rights) {
  return "    {" + who + ", \"roles\": [" + roles + "], \"keys\": [" + keys + "],\n     \"rights\": [" +
         rights + "]}";
}

std::string callers(const SetupPlan& plan) {
  constexpr const char* kBoth = R"("server", "client")";
  constexpr const char* kAnyKey = R"("any", "machine")";
  const std::string rights = R"("attest", "judge", "sign")";
  std::string root_rights = rights + (plan.allow_raw ? R"(, "raw")" : "") + R"(, "control")";
  std::string out =
      "\"callers\": [\n" + caller(R"("name": "root", "uid": 0)", kBoth, kAnyKey, root_rights) + ",\n";
  for (const Service& service : plan.services)
    out += caller(pair("name", service.label) + ", " + pair("uid", service.user), kBoth, kAnyKey, rights) +
           ",\n";
  return out + caller(R"("name": "user", "uid": "any")", R"("client")", R"("machine")", rights) + "\n  ],";
}

Result<std::string> daemon_config(const SetupPlan& plan) {
  const SetupPlan standard;
  TemplateText text(kCmcdJson);
  text.replace(pair("state_dir", standard.state), pair("state_dir", plan.state))
      .replace("{" + pair("path", standard.socket) + ", \"mode\": \"0666\"}\n",
               "{" + pair("path", plan.socket) + ", \"mode\": \"0666\"}\n")
      .replace_block("\"callers\": [\n", "\n  ],", callers(plan))
      .replace(pair("tcti", standard.tcti), pair("tcti", plan.tcti))
      .replace(pair("ak_handle", standard.ak_handle), pair("ak_handle", plan.ak_handle))
      .replace(pair("ak_algorithm", standard.ak_algorithm), pair("ak_algorithm", plan.ak_algorithm))
      .replace(pair("event_log", standard.event_log), pair("event_log", plan.event_log))
      .replace(pair("ima_list", standard.ima_list), pair("ima_list", plan.ima_list))
      .replace(pair("ima_entries", standard.ima_entries), pair("ima_entries", plan.ima_entries))
      .replace("\"/etc/attest/roots/metadata.pem\"", json_quoted(plan.etc + "/roots/metadata.pem"))
      .replace(pair("image", standard.image), pair("image", plan.image))
      .replace("\"policies\": \"/etc/attest/policies\"", pair("policies", plan.etc + "/policies"));
  if (plan.ima_list.empty()) text.replace("8, 9, 10, 14]", "8, 9, 14]");
  return std::move(text).finish();
}

Result<std::string> openssl_config(const SetupPlan& plan) {
  TemplateText text(kOpensslCnf);
  text.set("attest-socket", plan.socket)
      .set("attest-server", plan.server_demands)
      .set("attest-client", plan.client_demands);
  if (plan.daemon_uid) text.set("attest-daemon-uid", std::to_string(*plan.daemon_uid));
  if (!plan.module.empty()) text.set("module", plan.module);
  return std::move(text).finish();
}

Result<std::string> default_policy(const SetupPlan& plan) {
  std::string images = plan.peer_images.empty() ? json_quoted(plan.image) : "";
  for (const std::string& image : plan.peer_images)
    images += (images.empty() ? "" : ", ") + json_quoted(image);
  TemplateText text(kDefaultPolicy);
  text.replace("{\"name\": \"*\", \"image_descriptions\": [\"web-server\"]}",
               "{\"name\": \"*\", \"image_descriptions\": [" + images + "]}");
  return std::move(text).finish();
}

}  // namespace

Result<std::vector<PlannedFile>> plan_files(const SetupPlan& plan, const std::string& metadata_root,
                                            const std::string& ak_root) {
  TRY(std::string daemon, daemon_config(plan));
  TRY(std::string openssl, openssl_config(plan));
  TRY(std::string policy, default_policy(plan));
  return std::vector<PlannedFile>{{plan.etc + "/roots/metadata.pem", metadata_root},
                                  {plan.etc + "/roots/ak.pem", ak_root},
                                  {plan.etc + "/policies/default.json", std::move(policy)},
                                  {plan.etc + "/cmcd.json", std::move(daemon)},
                                  {plan.etc + "/openssl.cnf", std::move(openssl)}};
}

}  // namespace attest::ctl
