#include "evidence/container/event.h"
#include "evidence/json/canonical.h"

// A configuration is normalised, or an event checked; what comes out has a canonical form, and normalising it again under the
// same names changes nothing more.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attest;
  auto value = read_strict_json({data, size});
  if (!value) return 0;
  container::Naming naming{"web1", [](const std::string&) { return std::string("/usr/bin/dockerd"); }, container::Environment::clear};
  auto normal = container::normalise_config(*value, naming);
  if (normal) {
    auto again = container::normalise_config(*normal, naming);
    if (!again || *again != *normal) __builtin_trap();
    container::redact_environment(*again);
    container::restore_environment(*again, container::variables_of(*normal));
  }
  cmc::JsonSource in(as_text(View(data, size)));
  cmc::Component event;
  cmc::read_component(in, event);
  if (in.done("event")) (void)container::check_event(event, 0);
  return 0;
}
