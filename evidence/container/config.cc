#include "evidence/container/config.h"

#include <algorithm>

#include "evidence/core/hex.h"
#include "evidence/json/canonical.h"

namespace attest::container {
namespace {

constexpr std::string_view kId = "<container-id>", kVolume = "<docker-volume>", kKata = "<kata-mount-hash>",
                           kController = "<docker-network-controller-id>";
constexpr std::string_view kVolumes = "/var/lib/docker/volumes/";
constexpr std::size_t kShortId = 12;  // digits of an id that docker shows

bool hexadecimal(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool certain(std::string_view id) { return id.size() == 64 && hexadecimal(id); }

// at: a member's value; nullptr where there is none, or none of the kind.
Json* at(Json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}
Json* list_at(Json& object, const char* name) {
  Json* found = at(object, name);
  return found != nullptr && found->is_array() ? found : nullptr;
}
std::string* text_at(Json& object, const char* name) {
  Json* found = at(object, name);
  return found != nullptr && found->is_string() ? found->get_ptr<std::string*>() : nullptr;
}
std::string text_of(const Json& object, const char* name) {
  if (!object.is_object()) return "";
  auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

bool ends_part(char c) { return c == '/' || c == ':'; }

void replace_each(std::string& text, std::string_view what, bool whole_parts) {
  for (std::size_t from = text.find(what); from != std::string::npos; from = text.find(what, from)) {
    std::size_t end = from + what.size();
    bool part = (from == 0 || ends_part(text[from - 1])) && (end == text.size() || ends_part(text[end]));
    if (whole_parts && !part) {
      from++;
      continue;
    }
    text.replace(from, what.size(), kId);
    from += kId.size();
  }
}

// replace_id: an id that cannot be anything else everywhere, another one only as a whole part.
void replace_id(std::string& text, const std::string& id) {
  if (id.empty()) return;
  replace_each(text, id, !certain(id));
  if (certain(id)) replace_each(text, std::string_view(id).substr(0, kShortId), false);
}

// replace_kata: kata shares files as <container-id>-<16 hexadecimal digits>-NAME.
void replace_kata(std::string& source) {
  constexpr std::size_t kDigits = 16;
  std::size_t from = source.find(std::string(kId) + "-");
  if (from == std::string::npos) return;
  from += kId.size() + 1;
  if (from + kDigits >= source.size() || source[from + kDigits] != '-') return;
  if (hexadecimal(std::string_view(source).substr(from, kDigits))) source.replace(from, kDigits, kKata);
}

// replace_volume: what docker keeps in a folder of its own each; a path with ".", ".." or nothing between slashes may be none.
void replace_volume(std::string& source) {
  if (!source.starts_with(kVolumes) || source.size() == kVolumes.size()) return;
  std::string below = source.substr(kVolumes.size() - 1) + "/";
  for (const char* part : {"/../", "/./", "//"})
    if (below.find(part) != std::string::npos) return;
  source = kVolume;
}

// replace_hostname: HOSTNAME=ID or, as docker has it, the first 12 digits.
void replace_hostname(Json& environment, const std::string& id) {
  if (id.empty()) return;
  for (Json& entry : environment) {
    if (!entry.is_string()) continue;
    auto& text = entry.get_ref<std::string&>();
    bool digits = certain(id) && text == "HOSTNAME=" + id.substr(0, kShortId);
    if (digits || text == "HOSTNAME=" + id) text = "HOSTNAME=" + std::string(kId);
  }
}

void replace_in_hook(Json& hook, const Naming& naming) {
  if (std::string* path = text_at(hook, "path")) replace_id(*path, naming.id);
  Json* args = list_at(hook, "args");
  if (args == nullptr) return;
  for (Json& arg : *args)
    if (arg.is_string()) replace_id(arg.get_ref<std::string&>(), naming.id);
}

// replace_prestart: a path leads to the same program by a link of any name; docker's hook is told, as its third argument
// behind its name, the first digits of its network controller's id, which is drawn at each start of docker.
void replace_prestart(Json& hook, const Naming& naming) {
  std::string* path = text_at(hook, "path");
  if (path != nullptr && naming.resolve) *path = naming.resolve(*path);
  Json* args = list_at(hook, "args");
  constexpr std::size_t kControllerArg = 3;
  if (args == nullptr || args->size() <= kControllerArg || (*args)[0] != "libnetwork-setkey") return;
  Json& id = (*args)[kControllerArg];
  if (id.is_string() && id.get_ref<std::string&>().size() == kShortId && hexadecimal(id.get_ref<std::string&>())) id = kController;
}

template <class F>
void each_hook(Json& config, F&& visit) {
  Json* hooks = at(config, "hooks");
  if (hooks == nullptr || !hooks->is_object()) return;
  for (auto& [moment, list] : hooks->items())
    if (list.is_array())
      for (Json& hook : list) visit(hook);
}

void replace_names(Json& config, const Naming& naming) {
  if (Json* mounts = list_at(config, "mounts")) {
    for (Json& mount : *mounts) {
      std::string* source = text_at(mount, "source");
      if (source == nullptr) continue;
      replace_id(*source, naming.id);
      replace_volume(*source);
      replace_kata(*source);
    }
  }
  if (Json* linux_part = at(config, "linux")) {
    if (std::string* path = text_at(*linux_part, "cgroupsPath")) replace_id(*path, naming.id);
    if (Json* namespaces = list_at(*linux_part, "namespaces"))
      for (Json& one : *namespaces)
        if (std::string* path = text_at(one, "path")) replace_id(*path, naming.id);
  }
  if (Json* hooks = at(config, "hooks"))
    if (Json* prestart = list_at(*hooks, "prestart"))
      for (Json& hook : *prestart) replace_prestart(hook, naming);
  each_hook(config, [&](Json& hook) { replace_in_hook(hook, naming); });
  if (Json* environment = list_at(config["process"], "env")) replace_hostname(*environment, naming.id);
}

void clear(Json& config) {
  config.erase("hostname");
  config.erase("root");
  config["process"].erase("terminal");
  config["process"].erase("consoleSize");
  Json* annotations = at(config, "annotations");
  if (annotations == nullptr) return;
  Json kept = Json::object();
  if (annotations->is_object())
    for (const auto& [name, value] : annotations->items())
      if (name.starts_with("io.katacontainers.")) kept[name] = value;
  if (kept.empty())
    config.erase("annotations");
  else
    *annotations = std::move(kept);
}

// each_environment visits process.env and the env of every hook.
template <class F>
void each_environment(Json& config, F&& visit) {
  if (Json* process = at(config, "process"))
    if (Json* environment = list_at(*process, "env")) visit(*environment);
  each_hook(config, [&](Json& hook) {
    if (Json* environment = list_at(hook, "env")) visit(*environment);
  });
}

// each_variable visits NAME and value of every "NAME=value"; the value is replaced by what comes back. Entries without '='
// have no value, entries that are no texts are emptied.
template <class F>
void each_variable(Json& environment, F&& value_of) {
  for (Json& entry : environment) {
    if (!entry.is_string()) entry = "";
    auto& text = entry.get_ref<std::string&>();
    std::size_t sign = text.find('=');
    if (sign != std::string::npos) text = text.substr(0, sign + 1) + value_of(text.substr(0, sign), text.substr(sign + 1));
  }
}

// before orders texts by their bytes; anything else, which no configuration should have there, stands behind them.
bool before(const Json& a, const Json& b) {
  if (a.is_string() && b.is_string()) return a.get_ref<const std::string&>() < b.get_ref<const std::string&>();
  return a.is_string() != b.is_string() ? a.is_string() : a.dump() < b.dump();
}

void sort_list(Json* list) {
  if (list != nullptr) std::stable_sort(list->begin(), list->end(), before);
}

void sort_by(Json* list, std::initializer_list<const char*> names) {
  if (list == nullptr) return;
  std::stable_sort(list->begin(), list->end(), [&](const Json& a, const Json& b) {
    for (const char* name : names)
      if (std::string x = text_of(a, name), y = text_of(b, name); x != y) return x < y;
    return false;
  });
}

std::int64_t number_of(const Json& object, const char* name) {
  auto found = object.is_object() ? object.find(name) : object.end();
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : -1;
}

template <class Key>
void sort_with(Json* list, Key&& key) {
  if (list == nullptr) return;
  std::vector<std::pair<decltype(key(*list)), Json>> keyed;
  for (Json& one : *list) keyed.emplace_back(key(one), std::move(one));
  std::ranges::stable_sort(keyed, {}, [](const auto& one) -> const auto& { return one.first; });
  for (std::size_t i = 0; i < keyed.size(); i++) (*list)[i] = std::move(keyed[i].second);
}

// names_in_one: the names of a group of system calls as CMC compares them.
std::string names_in_one(const Json& call) {
  std::string out;
  if (!call.is_object() || !call.contains("names") || !call["names"].is_array()) return out;
  for (const Json& name : call["names"]) out += (out.empty() ? "" : ",") + (name.is_string() ? name.get<std::string>() : name.dump());
  return out;
}

void sort_seccomp(Json& seccomp) {
  sort_list(list_at(seccomp, "architectures"));
  sort_list(list_at(seccomp, "flags"));
  Json* calls = list_at(seccomp, "syscalls");
  if (calls == nullptr) return;
  for (Json& call : *calls) sort_list(list_at(call, "names"));
  sort_with(calls, [](const Json& call) { return std::pair(names_in_one(call), text_of(call, "action")); });
}

}  // namespace

void sort_config(Json& config) {
  if (Json* process = at(config, "process")) {
    sort_list(list_at(*process, "env"));
    if (Json* capabilities = at(*process, "capabilities"))
      for (const char* set : {"bounding", "effective", "inheritable", "permitted", "ambient"})
        sort_list(list_at(*capabilities, set));
  }
  sort_by(list_at(config, "mounts"), {"source", "destination"});
  Json* linux_part = at(config, "linux");
  if (linux_part == nullptr) return;
  sort_list(list_at(*linux_part, "maskedPaths"));
  sort_list(list_at(*linux_part, "readonlyPaths"));
  sort_by(list_at(*linux_part, "namespaces"), {"type"});
  if (Json* resources = at(*linux_part, "resources"))
    sort_with(list_at(*resources, "devices"), [](const Json& rule) {
      return std::tuple(text_of(rule, "type"), number_of(rule, "major"), number_of(rule, "minor"));
    });
  if (Json* seccomp = at(*linux_part, "seccomp")) sort_seccomp(*seccomp);
}

Status check_environment(const Json& config) {
  Error bad{Errc::malformed, "container: environment variables in a form that is no OCI configuration's"};
  auto texts = [](const Json& object) {
    auto list = object.find("env");
    if (list == object.end() || list->is_null()) return true;
    return list->is_array() && std::ranges::all_of(*list, [](const Json& one) { return one.is_string(); });
  };
  auto absent = [](const Json& object, const char* name) { return !object.contains(name) || object.at(name).is_null(); };
  if (!config.is_object()) return bad;
  if (!absent(config, "process") && (!config.at("process").is_object() || !texts(config.at("process")))) return bad;
  if (absent(config, "hooks")) return ok();
  if (!config.at("hooks").is_object()) return bad;
  for (const auto& [moment, list] : config.at("hooks").items()) {
    if (!list.is_null() && !list.is_array()) return bad;
    if (!std::ranges::all_of(list, [&](const Json& hook) { return hook.is_object() && texts(hook); })) return bad;
  }
  return ok();
}

Result<Json> normalise_config(Json config, const Naming& naming) {
  if (!config.is_object() || at(config, "process") == nullptr || !config["process"].is_object())
    return Error{Errc::malformed, "container: no OCI configuration with a process"};
  CHECK_OK(check_environment(config));
  if (naming.id.size() > 256) return Error{Errc::malformed, "container: an id of more than 256 bytes"};
  clear(config);
  replace_names(config, naming);
  if (naming.environment == Environment::digests)
    each_environment(config, [](Json& environment) {
      each_variable(environment, [](const std::string&, const std::string& value) {
        return "sha256:" + to_hex(sha256(as_view(value)).view());
      });
    });
  sort_config(config);
  return config;
}

Result<Digest> config_digest(const Json& config) {
  TRY(std::string text, canonical_json(config));
  Digest digest = sha256(as_view(text));
  if (digest.empty()) return Error{Errc::io, "container: cannot hash"};
  return digest;
}

std::vector<Digest> digests_of(const Json& config) {
  std::vector<Digest> out;
  if (auto digest = config_digest(config)) out.push_back(*digest);
  Json sorted = config;
  sort_config(sorted);
  if (auto digest = config_digest(sorted)) out.push_back(*digest);
  return out;
}

bool has_digest(const Json& config, View sha256) {
  auto is = [&](const Json& form) {
    auto digest = config_digest(form);
    return digest && equal(digest->view(), sha256);
  };
  if (is(config)) return true;
  Json sorted = config;
  sort_config(sorted);
  return is(sorted);
}

void redact_environment(Json& config) {
  bool digests = true;
  each_environment(config, [&](Json& environment) {
    each_variable(environment, [&](const std::string&, const std::string& value) {
      digests = digests && value.starts_with("sha256:") && value.size() == 71 && hexadecimal(value.substr(7));
      return value;
    });
  });
  if (digests) return;
  each_environment(config, [](Json& environment) {
    each_variable(environment, [](const std::string&, const std::string&) { return std::string(kRedacted); });
  });
}

Variables variables_of(Json config) {
  Variables out;
  each_environment(config, [&](Json& environment) {
    each_variable(environment, [&](const std::string& name, const std::string& value) {
      if (value != kRedacted) out.emplace(name, value);
      return value;
    });
  });
  return out;
}

void restore_environment(Json& config, const Variables& known) {
  each_environment(config, [&](Json& environment) {
    each_variable(environment, [&](const std::string& name, const std::string& value) {
      auto held = known.find(name);
      return value == kRedacted && held != known.end() ? held->second : value;
    });
  });
}

bool redacted(const Json& config) {
  bool any = false;
  Json copy = config;
  each_environment(copy, [&](Json& environment) {
    each_variable(environment, [&](const std::string&, const std::string& value) {
      any = any || value == kRedacted;
      return value;
    });
  });
  return any;
}

Digest template_digest(View config_sha256, View rootfs_sha256) { return sha256({config_sha256, rootfs_sha256}); }

}  // namespace attest::container
