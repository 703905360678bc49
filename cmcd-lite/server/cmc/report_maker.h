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

// ReportDraft is a report under way. Between two steps of its maker it may wait for what is not the devices' to give: the quotes
// of Azure's trust domains, which a service makes.
class ReportDraft {
 public:
  explicit ReportDraft(ReportWish wish) : wish_(std::move(wish)) {}
  // fetch gets what is missing. Of any thread, between two steps; may take seconds.
  Status fetch();

 private:
  friend class ReportMaker;
  struct Missing {
    std::size_t driver = 0;
    Anchor anchor;
    Finisher finish;
  };
  ReportWish wish_;
  cmc::Report report_;
  Bytes context_;
  Digest nonce_;
  std::optional<cmc::Collateral> started_;  // containers that software vouches for
  std::vector<Missing> missing_;
  int tries_ = 0;
};

// ReportMaker lives on the thread that owns the drivers. The context, logs included, is bound into the quote, so the logs
// have to be known before it: it quotes over those it read last and, where something was measured meanwhile, reads them
// anew and quotes once more.
class ReportMaker {
 public:
  // vouch_for has software's statement about containers in every report from now on; nullptr: none.
  void vouch_for(const SwContainers* containers) { containers_ = containers; }
  // step goes on with a report until it is there or has to wait for draft.fetch() (nothing then), after which comes another
  // step. It quotes each driver once, or twice when its logs grew. unsupported without a driver that CMC's reports have a
  // form for and without containers to vouch for; denied for an attestation key without certificate; errors of the drivers as they are.
  Result<std::optional<Bytes>> step(ReportDraft& draft, std::span<const OpenedDriver> drivers, const Fleet& fleet);
  // make is all steps in one, waiting included: where nobody else wants the devices.
  Result<Bytes> make(const ReportWish& wish, std::span<const OpenedDriver> drivers, const Fleet& fleet);

 private:
  using Drivers = std::vector<const OpenedDriver*>;
  // Known is what explained a driver's last quote.
  struct Known {
    Digest pcr_digest;  // empty: nothing yet
    cmc::Collateral collateral;
  };
  Result<bool> refresh_tpm(const OpenedDriver& opened, const Anchor& quoted, Known& known);
  Result<bool> refresh(const OpenedDriver& opened, const Anchor& quoted, const Fleet& fleet, Known& known);
  void begin(ReportDraft& draft, const Fleet& fleet);
  void bind(ReportDraft& draft, const Fleet& fleet);
  Result<bool> quote_all(ReportDraft& draft, const Drivers& drivers, const Fleet& fleet);
  Result<bool> take_fetched(ReportDraft& draft, const Fleet& fleet);
  Result<Bytes> finish(ReportDraft& draft);
  std::vector<Known> known_;
  const SwContainers* containers_ = nullptr;
};

}  // namespace attest
