// reports.h: a CMC report made for somebody who waits for it.
#pragma once
#include "cmcd-lite/server/cmc/report_maker.h"
#include "cmcd-lite/server/engine/engine.h"

namespace attest {

// make_report has a report made on the TPM's thread and calls done exactly once, on that thread or another. What others than the
// devices have to be asked for is fetched on engine.fetches; the TPM serves whoever else waits meanwhile. unsupported where this
// daemon makes no reports.
void make_report(Engine& engine, uid_t source, ReportWish wish, std::shared_ptr<const State> state, std::function<void(Result<Bytes>)> done);

// report_now is make_report for a thread that may wait: never the TPM's, the loop's or one of engine.fetches.
Result<Bytes> report_now(Engine& engine, uid_t source, ReportWish wish, std::shared_ptr<const State> state);

}  // namespace attest
