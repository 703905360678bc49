// attestctl reference tpm: what a machine's logs say was measured, in their order.
#include "apps/attestctl/artefacts/ima_facts.h"
#include "apps/attestctl/files.h"
#include "apps/attestctl/reference.h"
#include "evidence/logs/log_references.h"

namespace attest::ctl {
namespace {

struct Options {
  std::string event_log = "/sys/kernel/security/tpm0/binary_bios_measurements", ima, out;
  std::vector<std::uint32_t> pcrs;
};

Result<Exit> run(const Options& options) {
  TRY(Bytes bytes, read_input(options.event_log));
  TRY(TcgEventLog log, parse_tcg_event_log(bytes, TcgLogEnd::padded));
  std::vector<ReferenceValue> values = tcg_references(log);
  if (!options.ima.empty()) {
    TRY(Bytes list, read_input(options.ima, kMaxImaList));
    TRY(ReadImaList read, read_ima(list));
    TRY(std::vector<ReferenceValue> files, ima_references(read.list));
    std::ranges::move(files, std::back_inserter(values));
  }
  keep_registers(values, options.pcrs);
  return write_references(values, options.out);
}

}  // namespace

void add_reference_tpm(CLI::App& reference, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* app = command(reference, session, "tpm", "events of a firmware log, and of an IMA list",
                          [options](Session&) { return run(*options); });
  app->add_option("--eventlog", options->event_log, "the firmware's log")->capture_default_str();
  app->add_option("--ima", options->ima, "an IMA list of the same machine, binary or text");
  app->add_option("--pcrs", options->pcrs, "only these PCRs")->delimiter(',')->check(CLI::Range(0, 23));
  app->add_option("-o,--out", options->out, "file to write (default: stdout)");
  app->footer("For: attestctl metadata create manifest --log-order --components FILE");
}

}  // namespace attest::ctl
