#include "cmcd-lite/server/engine/reports.h"

#include <future>

namespace attest {
namespace {

struct Order {
  Order(Engine& of, uid_t who, ReportWish wish, std::shared_ptr<const State> in_force, std::function<void(Result<Bytes>)> then)
      : engine(of), source(who), draft(std::move(wish)), state(std::move(in_force)), done(std::move(then)) {}
  Engine& engine;
  uid_t source;
  ReportDraft draft;
  std::shared_ptr<const State> state;
  std::function<void(Result<Bytes>)> done;
};
using OrderPtr = std::shared_ptr<Order>;

void go_on(const OrderPtr& order);

void fetch(const OrderPtr& order) {
  order->engine.fetches->post(order->source, [order](const Status& go) {
    Status fetched = go ? order->draft.fetch() : go;
    if (!fetched) return order->done(fetched.error());
    go_on(order);
  });
}

void go_on(const OrderPtr& order) {
  order->engine.tpm.run(order->source, [order](Result<TpmThread::Devices*> devices) {
    if (!devices) return order->done(devices.error());
    auto report = order->engine.reports->step(order->draft, **devices, *order->state->fleet);
    if (!report) return order->done(report.error());
    if (*report) return order->done(**std::move(report));
    fetch(order);
  });
}

}  // namespace

void make_report(Engine& engine, uid_t source, ReportWish wish, std::shared_ptr<const State> state, std::function<void(Result<Bytes>)> done) {
  if (engine.reports == nullptr || engine.fetches == nullptr) return done(Error{Errc::unsupported, "cmc report: this daemon makes none"});
  go_on(std::make_shared<Order>(engine, source, std::move(wish), std::move(state), std::move(done)));
}

Result<Bytes> report_now(Engine& engine, uid_t source, ReportWish wish, std::shared_ptr<const State> state) {
  auto promised = std::make_shared<std::promise<Result<Bytes>>>();
  auto report = promised->get_future();
  make_report(engine, source, std::move(wish), std::move(state), [promised](Result<Bytes> made) { promised->set_value(std::move(made)); });
  return report.get();
}

}  // namespace attest
