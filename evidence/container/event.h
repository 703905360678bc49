// event.h: a measured container as CMC's events and reference values describe it.
#pragma once
#include "evidence/cmc/component.h"
#include "evidence/container/config.h"

namespace attest::container {

struct Measurement {
  std::string name;
  std::int64_t index = 0;      // cmc.index
  std::string anchor = "SW";   // cmc.ta
  Digest config, rootfs;
};

// make_event is the component of a measurement; spec is the normalised configuration, or null.
cmc::Component make_event(const Measurement& measurement, const Json& spec);

// make_reference is its reference value. CMC's verifiers find that of a software anchor by its root file system, so
// that its SHA-256 is that digest alone, and compute the digest of the configuration from spec.
cmc::Component make_reference(const Measurement& measurement, const Json& spec);

// check_event takes an event as it comes from a container runtime's hook: cmc.index must be `index`, both digests must be
// there, the event's SHA-256 must be that of the two, and a configuration that comes along must have the digest it claims.
// The configuration is redacted then: values of environment variables are not kept. mismatch or malformed otherwise.
Status check_event(cmc::Component& event, std::int64_t index);

}  // namespace attest::container
