#include "evidence/dcap/ccel.h"
#include "evidence/dcap/dstack.h"

// Event logs of TDX guests in both forms: replaying twice gives the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  attest::View bytes(data, size);
  if (auto ccel = attest::parse_ccel(bytes)) {
    for (const auto& event : *ccel)
      if (event.rtmr > 3 || event.digest.size() != 48 || event.data.size() > size) __builtin_trap();
    auto first = attest::replay_ccel(*ccel), second = attest::replay_ccel(*ccel);
    if (!first || !second || *first != *second) __builtin_trap();
  }
  auto log = attest::parse_dstack_log(attest::as_text(bytes));
  if (!log) {
    auto report = attest::parse_dstack_report(attest::as_text(bytes));
    if (!report) return 0;
    log = std::move(report->events);
  }
  auto first = attest::replay_rtmrs(*log), second = attest::replay_rtmrs(*log);
  if (static_cast<bool>(first) != static_cast<bool>(second)) __builtin_trap();
  if (first && *first != *second) __builtin_trap();
  return 0;
}
