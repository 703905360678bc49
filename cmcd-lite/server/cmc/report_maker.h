// report_maker.h: this machine's reports in CMC's form.
#pragma once
#include "cmcd-lite/server/cmc/fleet.h"
#include "drivers/container/sw_containers.h"
#include "drivers/table.h"
#include "evidence/cmc/report.h"

namespace attest {

// ReportWish is what a caller asked for.
struct ReportWish {
  Bytes nonce;
  std::vector<std::string> cached;  // digests of items that need not travel
  cmc::Encoding encoding = cmc::Encoding::json;
};

// ReportMaker lives on the thread that owns the drivers. The context, logs included, is bound into the quote, so the logs
// have to be known before it: it quotes over those it read last and, where something was measured meanwhile, reads them
// anew and quotes once more.
class ReportMaker {
 public:
  // vouch_for has software's statement about containers in every report from now on; nullptr: none.
  void vouch_for(const SwContainers* containers) { containers_ = containers; }
  // make quotes each driver once, or twice when its logs grew. unsupported without a driver that CMC's reports have a
  // form for and without containers to vouch for; denied for an attestation key without certificate; errors of the drivers as they are.
  Result<Bytes> make(const ReportWish& wish, std::span<const OpenedDriver> drivers, const Fleet& fleet);

 private:
  // Known is what explained a driver's last quote.
  struct Known {
    Digest pcr_digest;  // empty: nothing yet
    cmc::Collateral collateral;
  };
  Result<bool> refresh_tpm(const OpenedDriver& opened, const Anchor& quoted, Known& known);
  Result<bool> refresh(const OpenedDriver& opened, const Anchor& quoted, const Fleet& fleet, Known& known);
  Result<bool> quote_all(std::span<const OpenedDriver*> drivers, const Digest& nonce, const Fleet& fleet, cmc::Report& report);
  Status make_evidence(std::span<const OpenedDriver*> drivers, const Fleet& fleet, cmc::Report& report, Bytes& context);
  std::vector<Known> known_;
  const SwContainers* containers_ = nullptr;
};

}  // namespace attest
