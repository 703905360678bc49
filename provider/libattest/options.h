// options.h: the settings of attested TLS by name, as programs, examples and attestctl give them.
#pragma once
#include <memory>

#include "provider/libattest/connection.h"
#include "provider/libattest/daemon_agent.h"

namespace attest::atls {

struct Options {
  Settings settings;
  CmcClientOptions daemon;
  std::optional<Bytes> policies;
};

// set_option sets one of the names libattest.h lists. malformed for an unknown name or a bad value, io for a policy file
// that cannot be read; the text names the value.
Status set_option(Options& options, std::string_view name, std::string_view value);
// make_agent speaks to the daemon the options name, within their time.
std::shared_ptr<Agent> make_agent(const Options& options);

}  // namespace attest::atls
