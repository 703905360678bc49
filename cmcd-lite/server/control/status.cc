// status and metadata.list.
#include <unistd.h>

#include "cmcd-lite/server/control/ops.h"
#include "cmcd-lite/server/verdicts/publisher.h"
#include "evidence/core/hex.h"
#include "evidence/core/printable.h"

namespace attest {
namespace {

constexpr UnixTime kDay = 86400;
constexpr UnixTime kWarnDays = 14;

const char* type_name(MetadataType type) {
  switch (type) {
    case MetadataType::manifest:
      return "manifest";
    case MetadataType::image_description:
      return "image-description";
    case MetadataType::company_description:
      return "company-description";
    case MetadataType::omsp_response:
      return "omsp-response";
  }
  return "unknown";
}

// write_set_list: null where versions decide what is current; then a rollback of everything at once is not noticed.
void write_set_list(JsonWriter& out, const State& state) {
  const SetList* list = state.active->list();
  out.key("set_list");
  if (list == nullptr && state.config.metadata.set_list.empty()) return void(out.null());
  out.object().field("name", state.config.metadata.set_list).field("in_force", list != nullptr);
  if (list != nullptr)
    out.field("sequence", list->sequence)
        .field("version", list->version)
        .field("signer", list->signer)
        .field("not_after", format_rfc3339(list->not_after));
  out.end_object();
}

void write_metadata(JsonWriter& out, const State& state) {
  write_set_list(out, state);
  out.key("metadata").array();
  for (const auto& [key, item] : state.active->items()) {
    const Metadata& metadata = *item->metadata;
    bool own = std::ranges::find(state.own.items, item) != state.own.items.end();
    out.object()
        .field("type", type_name(metadata.type))
        .field("name", metadata.name)
        .field("version", metadata.version);
    out.field("signer", metadata.signer).field("not_after", format_rfc3339(metadata.not_after));
    out.field("digest", to_hex(item->digest.view())).field("own", own).end_object();
  }
  out.end_array().key("problems").array();
  for (const std::string& problem : state.active->problems()) out.text(problem);
  out.end_array();
}

void write_tpm(JsonWriter& out, const TpmStatus& tpm, const Keyring& keyring, bool whole) {
  out.key("tpm").object().field("state", tpm.state).field("driver", tpm.drivers);
  if (whole) {
    out.field("problem", tpm.problem)
        .field("ak_name", to_hex(tpm.identity))
        .field("ak_algorithm", tpm.algorithm);
    out.key("ak_certified_until");
    tpm.certified_until ? out.text(format_rfc3339(*tpm.certified_until)) : out.null();
    out.field("quotes", tpm.quotes)
        .field("handshakes", tpm.handshakes)
        .field("signatures", tpm.signatures)
        .field("opened", tpm.opened);
    out.key("batches").array();
    for (std::uint64_t count : tpm.batches) out.number(count);
    out.end_array();
    out.field("keys", keyring.size()).field("answered_by_key", keyring.answered());
    out.field("p50_us", static_cast<std::uint64_t>(tpm.latency.p50_ms * 1000));
    out.field("p99_us", static_cast<std::uint64_t>(tpm.latency.p99_ms * 1000));
  }
  out.end_object();
}

// write_epochs shows the newest Epoch ID of every distributor that was seen.
void write_epochs(JsonWriter& out, const Engine& engine, const State& state, UnixTime now) {
  out.key("epochs").array();
  for (const EpochSeen& seen : engine.epochs.seen()) {
    bool quoted = std::ranges::any_of(
        state.epochs, [&](const EpochSource& s) { return s.distributor.name == seen.distributor; });
    out.object()
        .field("distributor", to_hex(seen.distributor.view()))
        .field("time", format_rfc3339(seen.time));
    out.field("age_s", now - seen.time).field("sequence", seen.sequence).field("source", quoted).end_object();
  }
  out.end_array();
}

// write_moment: null where there is none.
void write_moment(JsonWriter& out, std::string_view name, const std::optional<UnixTime>& when) {
  out.key(name);
  when ? out.text(format_rfc3339(*when)) : out.null();
}

void write_attempt(JsonWriter& out, const FleetAttempt& attempt) {
  write_moment(out, "tried", attempt.tried);
  out.field("problem", attempt.problem).field("remedy", attempt.remedy);
  write_moment(out, "next", attempt.next);
}

// write_fleet shows certificates that servers of a CMC fleet issue for keys of this machine.
void write_fleet(JsonWriter& out, const Engine& engine) {
  out.key("fleet").array();
  for (const FleetCertificate& entry : engine.fleet_board.all()) {
    out.object().field("key", entry.key).field("server", entry.server).field("automatic", entry.automatic);
    out.field("subject", entry.subject);
    write_moment(out, "not_after", entry.not_after);
    write_moment(out, "renewal", entry.renewal);
    write_attempt(out, entry);
    out.end_object();
  }
  out.end_array();
}

// write_answers shows what servers of a CMC fleet said of the revocation of this machine's manifests.
void write_answers(JsonWriter& out, const Engine& engine) {
  out.key("revocation").array();
  for (const FleetAnswer& entry : engine.fleet_board.answers()) {
    out.object().field("server", entry.server);
    write_moment(out, "produced", entry.produced);
    write_moment(out, "until", entry.until);
    write_moment(out, "renewal", entry.renewal);
    out.key("concerns").array();
    for (const std::string& concern : entry.concerns) out.text(concern);
    out.end_array();
    write_attempt(out, entry);
    out.end_object();
  }
  out.end_array();
}

void write_policies(JsonWriter& out, const State& state) {
  out.key("policies").array();
  for (const auto& [name, policy] : state.policies)
    out.object()
        .field("name", name)
        .field("hash", to_hex(policy->hash.view()))
        .field("observe", policy->observe || state.config.observe)
        .end_object();
  out.end_array();
}

void write_callers(JsonWriter& out, const State& state) {
  out.key("callers").array();
  for (const CallerRule& rule : state.access.rules()) {
    out.object().field("name", rule.name).field("service", rule.service);
    if (rule.any_uid) out.field("uid", "any");
    if (rule.uid) out.field("uid", *rule.uid);
    if (rule.gid) out.field("gid", *rule.gid);
    out.key("rights").array();
    for (Right right : kAllRights)
      if (rule.has(right)) out.text(right_name(right));
    out.end_array().key("roles").array();
    for (Role role : rule.roles) out.text(role_name(role));
    out.end_array().end_object();
  }
  out.end_array().key("sockets").array();
  for (const SocketConfig& socket : state.config.sockets) {
    out.object().field("path", socket.path).key("callers").array();
    for (const std::string& caller : socket.callers) out.text(caller);
    out.end_array().end_object();
  }
  out.end_array();
}

std::string days(UnixTime left) {
  return left < 0 ? "has expired" : "ends in " + std::to_string(left / kDay) + " days";
}

Publisher::Health published(const Engine& engine) {
  return engine.publisher != nullptr ? engine.publisher->health() : Publisher::Health{};
}

// afterwards is what a warning says of a failed attempt behind its problem.
std::string afterwards(const FleetAttempt& attempt) {
  std::string again = attempt.next ? "; tried again at " + format_rfc3339(*attempt.next) : "";
  return again + " (" + attempt.remedy + ")";
}

// enrolment_warnings: a certificate that nobody issues is missed when the present one ends, or already.
void enrolment_warnings(const Engine& engine, std::vector<std::string>& out) {
  constexpr std::size_t kShown = 8;
  std::size_t failed = 0, ending = 0;
  for (const FleetCertificate& entry : engine.fleet_board.all()) {
    bool ends = entry.not_after && *entry.not_after - engine.clock() < kWarnDays * kDay;
    if (ends && !entry.automatic && entry.key != kAttestationKey && ending++ < kShown)
      out.push_back("enrolment: the certificate of TLS key " + entry.key + " " + days(*entry.not_after - engine.clock()) +
                    " and is not renewed (\"enroll\" of \"cmc\" in cmcd.json)");
    if (entry.problem.empty() || ++failed > kShown) continue;
    std::string key = entry.key == kAttestationKey ? "the attestation key" : "TLS key " + entry.key;
    out.push_back("enrolment: " + entry.server + " did not certify " + key + ": " + entry.problem + afterwards(entry));
  }
  if (failed > kShown) out.push_back("enrolment: " + std::to_string(failed - kShown) + " further keys were not certified (attestctl status --json)");
}

// revocation_warnings: without an answer of now, or over what it says, verifiers that ask for answers refuse this machine.
void revocation_warnings(const Engine& engine, std::vector<std::string>& out) {
  constexpr std::size_t kShown = 8;
  for (const FleetAnswer& entry : engine.fleet_board.answers()) {
    for (std::size_t i = 0; i < std::min(entry.concerns.size(), kShown); i++)
      out.push_back("revocation: " + printable(entry.server, 200) + " says: " + entry.concerns[i]);
    if (entry.concerns.size() > kShown) out.push_back("revocation: " + std::to_string(entry.concerns.size() - kShown) + " further manifests (attestctl status --json)");
    if (entry.until && *entry.until < engine.clock())
      out.push_back("revocation: the answer of " + printable(entry.server, 200) + " ended at " + format_rfc3339(*entry.until) + "; verifiers that ask for one refuse this machine");
    if (entry.problem.empty()) continue;
    out.push_back((entry.produced ? entry.problem : entry.problem + "; there is no answer to carry") + afterwards(entry));
  }
}

// warnings gathers what an administrator should know without asking.
std::vector<std::string> warnings(const Engine& engine, const State& state, const TpmStatus& tpm,
                                  UnixTime now) {
  std::vector<std::string> out = state.warnings;
  for (const auto& [key, item] : state.active->items()) {
    const Metadata& metadata = *item->metadata;
    if (metadata.not_after - now < kWarnDays * kDay)
      out.push_back("metadata.expired: " + std::string(type_name(metadata.type)) + " \"" + metadata.name +
                    "\" " + days(metadata.not_after - now));
  }
  if (const SetList* list = state.active->list()) {
    if (list->not_after - now < kWarnDays * kDay) out.push_back("set-list.expired: " + describe(*list) + " " + days(list->not_after - now));
    for (const SetEntry& entry : list->entries)
      if (entry.until && *entry.until >= now && *entry.until - now < kWarnDays * kDay)
        out.push_back("set-list.expired: the update window of " + std::string(type_name(entry.type)) + " \"" + entry.name + "\" " +
                      days(*entry.until - now));
  }
  if (tpm.certified_until && *tpm.certified_until - now < kWarnDays * kDay)
    out.push_back("ak.untrusted: the certificate of the attestation key " + days(*tpm.certified_until - now) +
                  " (attestctl enroll request)");
  enrolment_warnings(engine, out);
  revocation_warnings(engine, out);
  if (!tpm.notice.empty()) out.push_back(tpm.notice);
  if (!tpm.problem.empty())
    out.push_back((tpm.state == "ready" ? "tpm.self-test: " : "tpm.unavailable: ") + tpm.problem);
  if (Audit::Health health = engine.audit.health(); health.lost > 0)
    out.push_back("audit.lost: " + std::to_string(health.lost) + " verdicts could not be written" +
                  (health.problem.empty() ? "" : ": " + health.problem));
  if (Publisher::Health health = published(engine); health.lost > 0)
    out.push_back("publishing: " + std::to_string(health.lost) + " verdicts were not queued, or fell out of a full queue" +
                  (health.problem.empty() ? "" : ": " + health.problem));
  for (const CallerRule& rule : state.access.rules())
    if (rule.has(Right::raw))
      out.push_back("caller.raw: caller \"" + rule.name +
                    "\" may have any nonce attested and so speak for any channel");
  for (const std::string& problem : engine.epochs.problems()) out.push_back("epoch.source: " + problem);
  if (state.config.drivers.sw)
    out.push_back("sw.no-hardware: the software driver is on; it proves nothing about hardware");
  return out;
}

void write_counters(JsonWriter& out, const Engine& engine, const TpmStatus& tpm) {
  Verdicts::Totals totals = engine.verdicts.totals();
  Audit::Health health = engine.audit.health();
  out.field("queue", tpm.queue + engine.workers.waiting()).field("connections", engine.quota.connections());
  out.key("verdicts")
      .object()
      .field("accepted", totals.accepted)
      .field("refused", totals.refused)
      .field("observed", totals.observed)
      .key("untrusted_by")
      .object();
  for (const auto& [name, count] : totals.untrusted_by) out.field(name.empty() ? "unnamed" : name, count);
  out.end_object().end_object();
  out.key("audit").object().field("lost", health.lost).field("problem", health.problem).end_object();
}

Bytes status(const Engine& engine, const ControlCall& call) {
  const State& state = *call.state;
  TpmStatus tpm = engine.tpm.status();
  JsonWriter out = accepted();
  out.field("version", ATTEST_VERSION).field("pid", getpid());
  out.field("uptime_s",
            elapsed_ms(engine.started, {clock_ms(CLOCK_BOOTTIME), engine.started.wall_ms}) / 1000);
  out.field("image", state.own.image).field("observe", state.config.observe);
  write_tpm(out, tpm, engine.keyring, call.controls);
  write_policies(out, state);
  if (call.controls) {
    write_metadata(out, state);
    write_callers(out, state);
    write_counters(out, engine, tpm);
    write_epochs(out, engine, state, wall_clock_now());
    write_fleet(out, engine);
    write_answers(out, engine);
    out.key("warnings").array();
    for (const std::string& warning : warnings(engine, state, tpm, wall_clock_now())) out.text(warning);
    out.end_array();
  }
  return finish_json(std::move(out));
}

// entitled: the caller has some entry, so that its user is known here.
Status entitled(const ControlCall& call) {
  if (call.controls || call.state->access.welcome(call.asker())) return call.checked();
  return Error{Errc::denied, "daemon.denied: no entry of \"callers\" in cmcd.json is for uid " +
                                 std::to_string(call.peer.uid)};
}

}  // namespace

void op_status(Engine& engine, const ControlPtr& call, const Reply& reply) {
  if (auto may = entitled(*call); !may) return reply.send(may.error());
  reply.send(status(engine, *call));
}

void op_metadata_list(Engine&, const ControlPtr& call, const Reply& reply) {
  if (auto may = entitled(*call); !may) return reply.send(may.error());
  JsonWriter out = accepted();
  write_metadata(out, *call->state);
  reply.send(finish_json(std::move(out)));
}

}  // namespace attest
