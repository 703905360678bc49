#include "evidence/logs/tcg_event_log.h"

#include "evidence/json/reader.h"
#include "evidence/logs/efi/describe.h"
#include "evidence/logs/replay.h"
#include "evidence/logs/tcg_event_text.h"
#include "verifier/logs/event_log.h"

namespace {

// Whatever parses is described as well-formed JSON of a size in proportion, and judged without failing.
void inspect(const attest::TcgEventLog& log, std::size_t size) {
  using namespace attest;
  std::size_t written = 0;
  for (const TcgEvent& e : log.events) {
    JsonWriter out;
    out.object();
    efi::describe_event(e.type, e.data, out);
    out.end_object();
    JsonReader in(out.so_far());
    in.skip();
    if (!in.done("description")) __builtin_trap();
    written += out.so_far().size();
  }
  if (written > 64 * size + 1024) __builtin_trap();
  (void)judge_event_log(log, {});
}

}  // namespace

// What parses can be replayed in its banks and shown; no record costs more memory than its bytes account for.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attest;
  if (auto padded = parse_tcg_event_log({data, size}, TcgLogEnd::padded)) inspect(*padded, size);
  auto log = parse_tcg_event_log({data, size});
  if (!log) return 0;
  if (log->events.size() > size / 16 + 1) __builtin_trap();
  for (const TcgEvent& e : log->events)
    for (char c : tcg_event_type_name(e.type) + tcg_event_text(e.type, e.data))
      if (c < 0x20 || c > 0x7e) __builtin_trap();
  for (HashAlg bank : {HashAlg::sha1, HashAlg::sha256, HashAlg::sha384, HashAlg::sha512}) {
    auto events = tcg_measured_events(*log, bank);
    auto replay = PcrReplay::make(bank, 0);
    if (!replay) __builtin_trap();
    if (!events) continue;
    for (const MeasuredEvent& e : *events) replay->extend(e.pcr, e.digest);
    if (replay->value(0).empty()) __builtin_trap();
  }
  return 0;
}
