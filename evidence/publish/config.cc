#include "evidence/publish/config.h"

#include "evidence/http/message.h"

namespace attest::publish {
namespace {

namespace fs = std::filesystem;

fs::path resolved(const fs::path& base, const std::string& text) {
  return text.empty() ? fs::path() : (base / text).lexically_normal();
}

void read_targets(const Object& object, Config& config) {
  bool secret = !config.token.empty();
  for (const char* name : {"results", "ocsf", "network"}) {
    std::string url = object.string(name, "");
    if (url.empty()) continue;
    auto parsed = http::read_url(url);
    if (!parsed)
      object.fail(name, "must be a URL of http or https: " + parsed.error().what);
    else if (secret && !parsed->tls && !parsed->local())
      object.fail(name, "must be https where a token goes along, or a server on this machine");
    else
      config.targets.push_back({name, url});
  }
}

}  // namespace

Config read_publish(const Object& root, const fs::path& state_dir) {
  Config config;
  config.queue = state_dir / "publish";
  auto object = root.object("publish");
  if (!object) return config;
  config.token = resolved(state_dir, object->string("token_file", ""));
  read_targets(*object, config);
  if (std::string file = object->string("file", ""); !file.empty())
    config.targets.push_back({"file", resolved(state_dir, file).string()});
  if (config.targets.empty()) object->fail("results", "or \"ocsf\", \"network\" or \"file\" must say where to publish");
  config.cert = resolved(state_dir, object->string("cert", ""));
  config.key = resolved(state_dir, object->string("key", ""));
  if (config.cert.empty() != config.key.empty()) object->fail("cert", "and \"key\" belong together");
  for (const std::string& root_file : object->strings("roots")) config.roots.push_back(resolved(state_dir, root_file));
  auto size = [&](const char* name, std::int64_t max, std::size_t& value) {
    value = static_cast<std::size_t>(object->integer(name, 1, max, static_cast<std::int64_t>(value)));
  };
  size("queue", 1000000, config.items);
  size("queue_mib", 4096, config.mib);
  config.seconds = object->integer("seconds", 1, 600, config.seconds);
  return config;
}

}  // namespace attest::publish
