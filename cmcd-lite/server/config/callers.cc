#include "cmcd-lite/server/config/callers.h"

#include <grp.h>
#include <pwd.h>

#include <set>

#include "evidence/core/hex.h"
#include "evidence/native/context.h"

namespace attest {
namespace {

constexpr std::int64_t kMaxId = 0xfffffffe;  // (uid_t)-1 means "no change" to the kernel

std::optional<uid_t> uid_of(const std::string& name) {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(16384);
  if (getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return std::nullopt;
  return entry.pw_uid;
}

std::optional<gid_t> gid_of(const std::string& name) {
  group entry{};
  group* found = nullptr;
  std::vector<char> buffer(65536);
  if (getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return std::nullopt;
  return entry.gr_gid;
}

void read_uid(const Object& entry, CallerRule& rule) {
  if (!entry.has("uid")) return;
  if (!entry.is_string("uid")) {
    rule.uid = static_cast<uid_t>(entry.integer("uid", 0, kMaxId));
    return;
  }
  std::string name = entry.string("uid");
  rule.any_uid = name == "any";
  if (rule.any_uid) return;
  rule.uid = uid_of(name);
  if (!rule.uid) entry.fail("uid", "names no user of this machine: " + name);
}

void read_gid(const Object& entry, CallerRule& rule) {
  if (!entry.has("gid")) return;
  if (!entry.is_string("gid")) {
    rule.gid = static_cast<gid_t>(entry.integer("gid", 0, kMaxId));
    return;
  }
  std::string name = entry.string("gid");
  rule.gid = gid_of(name);
  if (!rule.gid) entry.fail("gid", "names no group of this machine: " + name);
}

void read_rights(const Object& entry, CallerRule& rule) {
  for (const std::string& name : entry.strings("rights")) {
    auto right = std::ranges::find(kAllRights, name, right_name);
    if (right == std::end(kAllRights))
      entry.fail("rights", "must be a list of attest, judge, sign, raw, control; found \"" + name + "\"");
    else
      rule.rights |= static_cast<unsigned>(*right);
  }
  if (rule.rights == 0) entry.fail("rights", "must name at least one of attest, judge, sign, raw, control");
  if (rule.any_uid && (rule.has(Right::raw) || rule.has(Right::control)))
    entry.fail("rights", "must not give raw or control to every user of the machine");
}

void read_roles(const Object& entry, CallerRule& rule) {
  for (const std::string& name : entry.strings("roles")) {
    if (name == "server")
      rule.roles.push_back(Role::server);
    else if (name == "client")
      rule.roles.push_back(Role::client);
    else
      entry.fail("roles", "must be a list of server, client; found \"" + name + "\"");
  }
}

std::optional<KeyRule> key_rule(const std::string& text) {
  using Kind = KeyRule::Kind;
  if (text == "any") return KeyRule{Kind::any, "", {}, {}};
  if (text == "machine") return KeyRule{Kind::machine, "", {}, {}};
  if (text.starts_with("cert:/")) return KeyRule{Kind::certificate, text.substr(5), {}, {}};
  if (text.starts_with("key:") && text.size() > 4) return KeyRule{Kind::name, text.substr(4), {}, {}};
  if (!text.starts_with("spki:")) return std::nullopt;
  auto spki = from_hex(std::string_view(text).substr(5), 32);
  if (!spki || spki->size() != 32) return std::nullopt;
  return KeyRule{Kind::spki, "", Digest::of(*spki), {}};
}

void read_keys(const Object& entry, CallerRule& rule) {
  for (const std::string& text : entry.strings("keys")) {
    auto key = key_rule(text);
    if (!key) {
      entry.fail("keys",
                 "must be a list of \"cert:/PATH\", \"key:NAME\", \"spki:SHA-256 in hex\", \"machine\", "
                 "\"any\"; found \"" +
                     text + "\"");
      return;
    }
    key->where = entry.where("keys");
    rule.keys.push_back(std::move(*key));
  }
}

CallerRule read_caller(const Object& entry) {
  CallerRule rule;
  rule.name = entry.string("name");
  rule.service = entry.string("service", rule.name);
  if (rule.name.empty()) entry.fail("name", "must not be empty");
  if (rule.service.empty() || rule.service.size() > ReportContext::kMaxLabel)
    entry.fail("service", "must be 1 to " + std::to_string(ReportContext::kMaxLabel) + " bytes");
  read_uid(entry, rule);
  read_gid(entry, rule);
  if (!rule.any_uid && !rule.uid && !rule.gid)
    entry.fail("name", "must be followed by a \"uid\" or a \"gid\": an entry is for somebody");
  read_rights(entry, rule);
  read_roles(entry, rule);
  read_keys(entry, rule);
  bool proves = rule.has(Right::attest) || rule.has(Right::sign);
  if (proves && rule.roles.empty()) entry.fail("roles", "must be given with the right to attest or sign");
  if (proves && rule.keys.empty()) entry.fail("keys", "must be given with the right to attest or sign");
  return rule;
}

}  // namespace

std::vector<CallerRule> read_callers(const Object& root) {
  std::vector<CallerRule> rules;
  std::set<std::string> names;
  for (const Object& entry : root.objects("callers")) {
    rules.push_back(read_caller(entry));
    if (!names.insert(rules.back().name).second) entry.fail("name", "stands twice in \"callers\"");
  }
  return rules;
}

}  // namespace attest
