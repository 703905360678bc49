#include "test/support/tpm_machine.h"

#include <gtest/gtest.h>

#include "evidence/metadata/manifest.h"

namespace attest::test {

TpmMachine::TpmMachine(const Authority& authority, const std::string& boot, std::size_t ima_entries)
    : tpm(Swtpm::start()), daemon(authority) {
  if (!tpm) return;
  measured = MeasuredMachine::replay(*tpm, boot, ima_entries);
  if (!measured) return;
  daemon.members = "\"tpm\": {\"tcti\": \"" + tpm->tcti() + "\", \"event_log\": \"" + measured->event_log() +
                   "\", \"ima_list\": \"" + measured->ima_list() + "\"},";
}

void TpmMachine::describe(const Authority& authority, const std::string& name) {
  std::string components = member_raw(daemon.control(R"({"op":"reference"})"), "components");
  auto references = parse_components(as_view(components));
  ASSERT_TRUE(references) << references.error().what;
  Metadata manifest = make_manifest(name, {name}, std::move(*references));
  manifest.manifest.log_ordered = true;
  items = {authority.sign(manifest), authority.sign(make_image("image-of-" + name, {name}))};
  hold(items, name);
}

void TpmMachine::hold(const std::vector<std::string>& signed_items, const std::string& name) {
  daemon.put_items(name, signed_items);
  EXPECT_TRUE(daemon.control(R"({"op":"reload"})").starts_with("{\"ok\""));
}

bool start_both(TpmMachine& prover, MachineDaemon& verifier) {
  bool both = prover.good() && prover.daemon.start() && verifier.start() && prover.daemon.ready();
  EXPECT_TRUE(both) << prover.daemon.log();
  return both;
}

std::string TpmMachine::ak_name() const {
  return member_text(member_raw(daemon.control(R"({"op":"status"})"), "tpm"), "ak_name");
}

}  // namespace attest::test
