#include "evidence/dcap/tcb_json.h"

namespace attest {
namespace {

constexpr std::string_view kStatusNames[] = {
    "UpToDate",
    "SWHardeningNeeded",
    "ConfigurationNeeded",
    "ConfigurationAndSWHardeningNeeded",
    "OutOfDate",
    "OutOfDateConfigurationNeeded",
    "Revoked",
    "TDRelaunchAdvised",
    "TDRelaunchAdvisedConfigurationNeeded",
    "NoMatchingLevel",
};

}  // namespace

std::string_view tcb_status_name(TcbStatus status) { return kStatusNames[static_cast<std::size_t>(status)]; }

std::optional<TcbStatus> any_tcb_status(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kStatusNames); i++)
    if (kStatusNames[i] == name) return static_cast<TcbStatus>(i);
  return std::nullopt;
}

std::optional<TcbStatus> parse_tcb_status(std::string_view name) {
  auto status = any_tcb_status(name);
  return status && *status <= TcbStatus::revoked ? status : std::nullopt;
}

namespace tcb_json {

UnixTime date(JsonReader& json) {
  auto when = parse_rfc3339(json.text());
  if (!when) json.fail("must be a time");
  return when ? *when : 0;
}

TcbStatus status(JsonReader& json) {
  auto status = parse_tcb_status(json.text());
  if (!status) json.fail("is not a TCB status");
  return status.value_or(TcbStatus::revoked);
}

std::vector<std::string> advisories(JsonReader& json) {
  constexpr std::size_t kMaxAdvisories = 256, kMaxName = 64;
  std::vector<std::string> out;
  json.array([&] {
    out.emplace_back(json.text());
    if (out.size() > kMaxAdvisories || out.back().size() > kMaxName)
      json.fail("too many or too long advisories");
  });
  return out;
}

std::vector<IsvLevel> isv_levels(JsonReader& json) {
  std::vector<IsvLevel> out;
  json.array([&] {
    IsvLevel level;
    Members members;
    json.object([&](std::string_view key) {
      members.saw(key);
      if (key == "tcb") {
        json.object([&](std::string_view part) {
          if (part != "isvsvn") return json.skip();
          members.saw(part);
          level.isv_svn = static_cast<std::uint16_t>(number(json, 65535));
        });
      } else if (key == "tcbDate") {
        level.date = date(json);
      } else if (key == "tcbStatus") {
        level.status = status(json);
      } else if (key == "advisoryIDs") {
        level.advisories = advisories(json);
      } else {
        json.skip();
      }
    });
    members.demand(json, {"isvsvn", "tcbDate", "tcbStatus"});
    out.push_back(std::move(level));
    if (out.size() > kMaxTcbLevels) json.fail("too many levels");
  });
  if (out.empty()) json.fail("no level");
  return out;
}

Result<std::array<std::uint8_t, 64>> signature_of(std::string_view hex) {
  std::array<std::uint8_t, 64> out{};
  auto bytes = from_hex(hex, out.size());
  if (!bytes || bytes->size() != out.size()) return Error{Errc::malformed, "signature: not 128 hex digits"};
  std::ranges::copy(*bytes, out.begin());
  return out;
}

Result<Envelope> open(std::string_view json_text, std::initializer_list<std::string_view> names) {
  if (json_text.size() > kMaxTcbJson) return Error{Errc::malformed, "collateral: more than 1 MiB"};
  JsonReader json(json_text);
  Envelope out;
  bool is_signed = false;
  json.object([&](std::string_view key) {
    if (auto name = std::ranges::find(names, key); name != names.end() && out.value.empty()) {
      out.name = *name;
      out.value = json.raw();
    } else if (key == "signature") {
      out.signature = hex_block<64>(json);
      is_signed = true;
    } else {
      json.skip();
    }
  });
  CHECK_OK(json.done("collateral"));
  if (out.value.empty())
    return Error{Errc::malformed, "collateral: \"" + std::string(*names.begin()) + "\" is missing"};
  if (!is_signed) return Error{Errc::malformed, "collateral: \"signature\" is missing"};
  return out;
}

}  // namespace tcb_json
}  // namespace attest
