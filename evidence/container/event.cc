#include "evidence/container/event.h"

#include <cmath>

#include "evidence/core/hex.h"
#include "evidence/core/printable.h"

namespace attest::container {

cmc::Component make_reference(const Measurement& measurement, const Json& spec) {
  cmc::Component out = make_event(measurement, spec);
  if (measurement.anchor == "SW") out.hashes = {{"SHA-256", to_bytes(measurement.rootfs.view())}};
  return out;
}

cmc::Component make_event(const Measurement& measurement, const Json& spec) {
  cmc::Component out;
  out.type = "application";
  out.name = measurement.name;
  Digest whole = template_digest(measurement.config.view(), measurement.rootfs.view());
  out.hashes.push_back({"SHA-256", to_bytes(whole.view())});
  out.properties = {{"cmc.ta", measurement.anchor}, {"cmc.index", std::to_string(measurement.index)}};
  out.ctr.emplace();
  out.ctr->config_sha256 = to_bytes(measurement.config.view());
  out.ctr->rootfs_sha256 = to_bytes(measurement.rootfs.view());
  if (spec.is_object()) out.ctr->oci_spec = spec;
  return out;
}

namespace {

// whole_numbers: some runtimes know numbers with a fraction alone and send 5 as 5.0, which others do not take for a number
// of devices. The canonical form is the same.
void whole_numbers(Json& value) {
  constexpr double kExact = 9007199254740992;  // 2^53
  if (value.is_structured()) {
    for (Json& part : value) whole_numbers(part);
  } else if (value.is_number_float()) {
    auto number = value.get<double>();
    if (number >= -kExact && number <= kExact && std::trunc(number) == number) value = static_cast<std::int64_t>(number);
  }
}

}  // namespace

Status check_event(cmc::Component& event, std::int64_t index) {
  const std::string* named = event.property("cmc.index");
  if (named == nullptr || *named != std::to_string(index))
    return Error{Errc::mismatch, "container event: cmc.index is " + (named == nullptr ? "missing" : printable(*named, 20)) +
                                     ", this machine's containers have " + std::to_string(index)};
  if (event.name.empty() || event.name.size() > 256) return Error{Errc::malformed, "container event: no name, or one of more than 256 bytes"};
  if (!event.ctr || event.ctr->config_sha256.size() != 32 || event.ctr->rootfs_sha256.size() != 32)
    return Error{Errc::malformed, "container event: configuration and root file system have no SHA-256"};
  const Bytes* digest = event.hash(HashAlg::sha256);
  if (event.hashes.size() != 1 || digest == nullptr ||
      !equal(*digest, template_digest(event.ctr->config_sha256, event.ctr->rootfs_sha256).view()))
    return Error{Errc::mismatch, "container event: its hash is not that of its configuration and root file system"};
  event.event_data.reset();  // a container has none, and values could hide there
  event.intel.reset();
  if (!event.ctr->oci_spec) return ok();
  CHECK_OK(check_environment(*event.ctr->oci_spec));
  if (!has_digest(*event.ctr->oci_spec, event.ctr->config_sha256)) {
    TRY(Digest config, config_digest(*event.ctr->oci_spec));
    return Error{Errc::mismatch, "container event: the configuration that came along has another digest (" + short_hex(config.view()) + ")"};
  }
  whole_numbers(*event.ctr->oci_spec);
  redact_environment(*event.ctr->oci_spec);
  return ok();
}

}  // namespace attest::container
