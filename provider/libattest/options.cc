#include "provider/libattest/options.h"

#include <charconv>

#include "evidence/core/file.h"
#include "evidence/core/printable.h"

namespace attest::atls {
namespace {

constexpr std::size_t kMaxPolicies = 1 << 20;

Error bad(std::string_view name, std::string_view value, std::string_view due) {
  return {Errc::malformed, std::string(name) + ": \"" + printable(value, 40) + "\" is not " + std::string(due)};
}

Result<std::uint32_t> number(std::string_view name, std::string_view value, std::uint32_t min, std::uint32_t max) {
  std::uint32_t out = 0;
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), out);
  if (error == std::errc{} && end == value.data() + value.size() && out >= min && out <= max) return out;
  return bad(name, value, "a number from " + std::to_string(min) + " to " + std::to_string(max));
}

Status set_number(Options& options, std::string_view name, std::string_view value) {
  if (name == "timeout-ms") {
    TRY(std::uint32_t ms, number(name, value, 100, 600000));
    options.settings.timeout = std::chrono::milliseconds(ms);
    return ok();
  }
  if (name == "max-frame") {
    TRY(options.settings.max_frame, number(name, value, 1024, 256U << 20));
    return ok();
  }
  if (name == "reattest-s") {
    TRY(std::uint32_t seconds, number(name, value, 0, 86400));
    options.settings.reattest = std::chrono::seconds(seconds);
    return ok();
  }
  return Error{Errc::malformed, "\"" + printable(name, 40) + "\" is no setting of attested TLS"};
}

}  // namespace

Status set_option(Options& options, std::string_view name, std::string_view value) {
  if (name == "mode") {
    TRY(options.settings.mode, cmc::attest_mode_from_name(value));
    return ok();
  }
  if (name == "serializer") {
    if (value != "json" && value != "cbor") return bad(name, value, "json or cbor");
    options.settings.encoding = options.daemon.encoding = value == "json" ? Encoding::json : Encoding::cbor;
    return ok();
  }
  if (name == "agent") {
    if (value.empty()) return bad(name, value, "an address");
    options.daemon.address = value;
    return ok();
  }
  if (name == "policies") {
    TRY(options.policies, read_file(std::string(value), kMaxPolicies));
    return ok();
  }
  return set_number(options, name, value);
}

std::shared_ptr<Agent> make_agent(const Options& options) {
  CmcClientOptions daemon = options.daemon;
  daemon.timeout = options.settings.timeout;
  return std::make_shared<DaemonAgent>(std::move(daemon), options.policies);
}

}  // namespace attest::atls
