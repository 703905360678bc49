#include "cmcd-lite/server/devices/reference.h"

#include "evidence/logs/log_references.h"

namespace attest {
namespace {

Status add_firmware(Driver& driver, std::vector<ReferenceValue>& out) {
  TRY(Bytes bytes, driver.raw_log(LogKind::tcg));
  TRY(TcgEventLog log, parse_tcg_event_log(bytes));
  out = tcg_references(log);
  return ok();
}

Status add_ima(Driver& driver, std::vector<ReferenceValue>& out) {
  TRY(Bytes bytes, driver.raw_log(LogKind::ima));
  TRY(ImaList list, parse_ima_list(bytes, Stray::report));
  TRY(std::vector<ReferenceValue> values, ima_references(list));
  std::ranges::move(values, std::back_inserter(out));
  return ok();
}

}  // namespace

Result<std::vector<ReferenceValue>> machine_reference(Driver& driver) {
  std::vector<ReferenceValue> out;
  auto selection = driver.pcrs();
  CHECK_OK(add_firmware(driver, out));
  bool ima = selection && std::ranges::find(selection->pcrs, 10) != selection->pcrs.end();
  if (ima) CHECK_OK(add_ima(driver, out));
  // A PCR that is never quoted would be a reference nothing can meet.
  std::erase_if(out, [&](const ReferenceValue& value) {
    return selection &&
           std::ranges::find(selection->pcrs, static_cast<std::uint8_t>(value.reg)) == selection->pcrs.end();
  });
  return out;
}

}  // namespace attest
