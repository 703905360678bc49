// attestctl reference tdx: MRTD of a firmware image, MRSEAM of a TDX module, RTMRs of a log.
#include "apps/attestctl/files.h"
#include "apps/attestctl/reference.h"
#include "evidence/core/hex.h"
#include "evidence/dcap/td_firmware.h"
#include "evidence/logs/log_references.h"

namespace attest::ctl {
namespace {

constexpr std::uint32_t kMrTd = 0, kMrSeam = 5;  // cmc.index; 1 to 4 are RTMR 0 to 3

struct Options {
  std::string firmware, order = "page", mrtd, module, mrseam, event_log, out;
};

ReferenceValue value_of(std::uint32_t index, const char* name, const Digest& digest) {
  ReferenceValue value;
  value.anchor = AnchorKind::tdx;
  value.reg = index;
  value.name = name;
  value.hashes = {{HashAlg::sha384, digest}};
  return value;
}

Result<Digest> given(const std::string& hex, const char* what) {
  TRY(Bytes bytes, from_hex(hex, 48));
  if (bytes.size() == 48) return Digest::of(bytes);
  return Error{Errc::malformed, std::string(what) + ": 96 hexadecimal digits are needed"};
}

Result<Digest> measured(const Options& options) {
  TRY(Bytes image, read_input(options.firmware, kMaxTdFirmware));
  return td_measurement(image, options.order == "section" ? TdOrder::section : TdOrder::page);
}

Result<Digest> of_module(const std::string& path) {
  TRY(Bytes module, read_input(path));
  return hash_of(HashAlg::sha384, {module});
}

Result<Exit> run(const Session& session, const Options& options) {
  if (!options.firmware.empty() && !options.mrtd.empty())
    return usage(session, "reference tdx: give either --firmware or --mrtd");
  if (!options.module.empty() && !options.mrseam.empty())
    return usage(session, "reference tdx: give either --tdx-module or --mrseam");
  std::vector<ReferenceValue> values;
  if (!options.firmware.empty() || !options.mrtd.empty()) {
    TRY(Digest digest, options.mrtd.empty() ? measured(options) : given(options.mrtd, "--mrtd"));
    values.push_back(value_of(kMrTd, "MRTD: firmware", digest));
  }
  if (!options.event_log.empty()) {
    TRY(Bytes bytes, read_input(options.event_log));
    TRY(TcgEventLog log, parse_tcg_event_log(bytes, TcgLogEnd::padded));
    std::ranges::move(cc_references(log), std::back_inserter(values));
  }
  if (!options.module.empty() || !options.mrseam.empty()) {
    TRY(Digest digest, options.mrseam.empty() ? of_module(options.module) : given(options.mrseam, "--mrseam"));
    values.push_back(value_of(kMrSeam, "MRSEAM: TDX module", digest));
  }
  return write_references(values, options.out);
}

}  // namespace

void add_reference_tdx(CLI::App& reference, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* app = command(reference, session, "tdx", "MRTD of a firmware image, RTMR events of a log, MRSEAM",
                          [options](Session& s) { return run(s, *options); });
  app->add_option("--firmware", options->firmware, "OVMF image with TDX metadata (TDVF): MRTD is computed from it");
  app->add_option("--order", options->order,
                  "how the monitor measures: page (QEMU 9 and later, Linux 6.16), section (older ones)")
      ->capture_default_str()
      ->check(CLI::IsMember({"page", "section"}));
  app->add_option("--mrtd", options->mrtd, "MRTD as it is known");
  app->add_option("--eventlog", options->event_log, "CCEL of a guest: events of RTMR 0 to 3");
  app->add_option("--tdx-module", options->module, "file of the TDX module: MRSEAM is its SHA-384");
  app->add_option("--mrseam", options->mrseam, "MRSEAM as it is known");
  app->add_option("-o,--out", options->out, "file to write (default: stdout)");
}

}  // namespace attest::ctl
