// report_maker.h: this machine's reports in CMC's form.
#pragma once
#include "cmcd-lite/server/cmc/fleet.h"
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
  // make quotes each driver once, or twice when its logs grew. unsupported without a driver that CMC's reports have a
  // form for; denied for an attestation key without certificate; errors of the drivers as they are.
  Result<Bytes> make(const ReportWish& wish, std::span<const OpenedDriver> drivers, const Fleet& fleet);

 private:
  // Known is what explained a driver's last quote.
  struct Known {
    Digest pcr_digest;  // empty: nothing yet
    cmc::Collateral collateral;
  };
  Status refresh(const OpenedDriver& opened, const Anchor& quoted, Known& known);
  Result<bool> quote_all(std::span<const OpenedDriver*> drivers, const Digest& nonce, cmc::Report& report);
  std::vector<Known> known_;
};

}  // namespace attest
