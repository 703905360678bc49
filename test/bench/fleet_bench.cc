// fleet_bench: what a member of a CMC fleet does all day. Prints one JSON line.
//   fleet_bench judge ENTRIES ROUNDS     a report with so many IMA entries is judged, in JSON and in CBOR, its metadata
//                                        signed in the same encoding, by a verifier that never met its items and by one
//                                        that judged them before; the floor is one pass of a validating parser and one
//                                        SHA-256 over it: nlohmann's for JSON, for CBOR a strict pass of our own that
//                                        keeps nothing, and libcbor's parser beside it. A fourth word, json or cbor,
//                                        judges in that encoding alone
//   fleet_bench connection ROUNDS        attested TLS inside the stream at 28 events, beside plain TLS: the server alone
//                                        proves itself, then both
//   fleet_bench cache CALLS              PeerCache calls, one after the other, on the Unix socket
//   fleet_bench policy ROUNDS            a policy over the result of a report with 28 events
#include <cbor.h>
#include <malloc.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <future>
#include <nlohmann/json.hpp>

#include "cmcd-lite/server/process/process.h"
#include "evidence/cmc/report.h"
#include "evidence/json/utf8.h"
#include "provider/libattest/options.h"
#include "test/bench/measure.h"
#include "test/support/atls_pair.h"
#include "test/support/cmc_machine.h"
#include "verifier/cmc/judge.h"
#include "verifier/script/run_policy.h"

namespace {

using namespace attest;
using namespace attest::bench;
using namespace attest::test;
using cmc::Encoding;

constexpr std::size_t kFewFiles = 3;  // behind the 25 events of the recorded boot's firmware

double wall_ms() {
  auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::milli>(now).count();
}
double cpu_ms() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

// Item is one head of CBOR and where its content is.
struct Item {
  enum Kind { number, bytes, text, array, map, simple, refused } kind = refused;
  std::uint64_t value = 0;
  View content;
};

template <Item::Kind kind, class T>
void on_head(void* out, T value) {
  *static_cast<Item*>(out) = {kind, static_cast<std::uint64_t>(value), {}};
}
template <Item::Kind kind, class Size>
void on_string(void* out, cbor_data data, Size size) {
  *static_cast<Item*>(out) = {kind, size, View(data, size)};
}

cbor_callbacks validating() {
  cbor_callbacks c = cbor_empty_callbacks;
  c.uint8 = on_head<Item::number>;
  c.uint16 = on_head<Item::number>;
  c.uint32 = on_head<Item::number>;
  c.uint64 = on_head<Item::number>;
  c.negint8 = on_head<Item::number>;
  c.negint16 = on_head<Item::number>;
  c.negint32 = on_head<Item::number>;
  c.negint64 = on_head<Item::number>;
  c.byte_string = on_string<Item::bytes>;
  c.string = on_string<Item::text>;
  c.array_start = on_head<Item::array>;
  c.map_start = on_head<Item::map>;
  c.boolean = on_head<Item::simple>;
  c.null = [](void* out) { *static_cast<Item*>(out) = {Item::simple, 0, {}}; };
  return c;
}

// validates: one pass over canonical CBOR, keeping nothing: shortest heads, no indefinite length, tag or float, texts in
// UTF-8, keys in ascending order (so none twice), at most 32 levels, nothing behind it.
bool validates(View in) {
  static const cbor_callbacks callbacks = validating();
  struct Level {
    std::uint64_t left;
    bool map;
    View key;
  };
  std::vector<Level> open;
  while (!in.empty()) {
    Item item;
    cbor_decoder_result step = cbor_stream_decode(in.data(), in.size(), &callbacks, &item);
    std::size_t head = step.read - item.content.size();
    if (step.status != CBOR_DECODER_FINISHED || item.kind == Item::refused) return false;
    if (item.kind != Item::simple && head != cbor::head_size(item.value)) return false;
    if (item.kind == Item::text && !valid_utf8(as_text(item.content))) return false;
    if (!open.empty() && open.back().map && open.back().left % 2 == 0) {
      View key = in.first(step.read);
      if (item.kind > Item::text || !std::ranges::lexicographical_compare(open.back().key, key)) return false;
      open.back().key = key;
    }
    in = in.subspan(step.read);
    if ((item.kind == Item::array || item.kind == Item::map) && item.value > 0) {
      if (open.size() == 32 || item.value > in.size()) return false;
      open.push_back({item.kind == Item::map ? 2 * item.value : item.value, item.kind == Item::map, {}});
      continue;
    }
    while (!open.empty() && --open.back().left == 0) open.pop_back();
    if (open.empty()) return in.empty();
  }
  return false;
}

// floor_of reads the report once, keeping nothing, and hashes it.
bool floor_of(const Bytes& report, Encoding encoding) {
  bool read = encoding == Encoding::json ? nlohmann::json::accept(report.begin(), report.end()) : validates(report);
  return read && !sha256(report).empty();
}

// library_of reads the report as the encoding's own library does, JSON as above and CBOR with libcbor's parser, and hashes it.
bool library_of(const Bytes& report, Encoding encoding) {
  if (encoding == Encoding::json) return floor_of(report, encoding);
  cbor_load_result result{};
  cbor_item_t* item = cbor_load(report.data(), report.size(), &result);
  if (item == nullptr) return false;
  cbor_decref(&item);
  return result.read == report.size() && !sha256(report).empty();
}

struct Judged {
  std::vector<double> first, again, floor, library;
  double size_mib = 0, memory_mib = 0;
};

// Verifier trusts the test's authority in both roles. It has met nothing yet.
struct Verifier {
  explicit Verifier(const Authority& authority)
      : root(authority.root().der()), memory(*TrustStore::make({root}), *TrustStore::make({root})) {}
  Bytes root;
  cmc::Memory memory;
  bool accepts(const Bytes& report, const Bytes& nonce) {
    cmc::Question question;
    question.report = report;
    question.nonce = nonce;
    question.now = wall_clock_now();
    question.signers = &memory.signers();
    question.attestation_keys = &memory.attestation_keys();
    question.roots = {&root, 1};
    question.one_root = true;
    question.memory = &memory;
    return cmc::judge(question).trusted;
  }
};

bool judge_in(Encoding encoding, CmcMachine& machine, const Authority& authority, int rounds, Judged& out) {
  Bytes nonce(32, 7);
  auto report = machine.attest(encoding, nonce);
  if (!report) return false;
  out.size_mib = static_cast<double>(report->size()) / (1 << 20);
  if (!Verifier(authority).accepts(*report, nonce)) return false;  // the program itself is in memory before that is counted
  for (int i = 0; i < rounds; i++) {  // in turn, so that a machine that slows down slows all
    Verifier verifier(authority);
    malloc_trim(0);  // what was freed before must not be there to be used again
    forget_peak();
    double before = peak_mib(), start = cpu_ms();
    if (!verifier.accepts(*report, nonce)) return false;
    out.first.push_back(cpu_ms() - start);
    if (i == 0) out.memory_mib = out.size_mib + std::max(0.0, peak_mib() - before);
    start = cpu_ms();
    if (!verifier.accepts(*report, nonce)) return false;
    out.again.push_back(cpu_ms() - start);
    start = cpu_ms();
    if (!floor_of(*report, encoding)) return false;
    out.floor.push_back(cpu_ms() - start);
    start = cpu_ms();
    if (!library_of(*report, encoding)) return false;
    out.library.push_back(cpu_ms() - start);
  }
  return true;
}

int bench_judge(int entries, int rounds, std::string_view only) {
  spare_memory();  // as the daemon does
  Authority authority;
  CmcMachine machine(authority, "tis", 0);
  if (!machine.good()) return 1;
  for (int i = 0; i < entries; i++)
    if (!machine.machine.measured->measure_file("/usr/lib/x86_64-linux-gnu/example/module-" + std::to_string(i) + ".so")) return 1;
  if (!machine.start()) return 1;
  const char* separator = "{";
  for (Encoding encoding : {Encoding::json, Encoding::cbor}) {
    std::string_view name = encoding == Encoding::json ? "json" : "cbor";
    if (!only.empty() && name != only) continue;
    machine.signs = encoding;  // a fleet that speaks CBOR signs its metadata in COSE
    if (!machine.describe()) return 1;
    Judged done;
    if (!judge_in(encoding, machine, authority, rounds, done)) return 1;
    std::printf("%s\"%.*s\": {\"report_mib\": %.3f, \"memory_mib\": %.3f, \"first_ms\": %.3f, \"again_ms\": %.3f, \"floor_ms\": %.3f, "
                "\"library_ms\": %.3f}",
                std::exchange(separator, ", "), static_cast<int>(name.size()), name.data(), done.size_mib, done.memory_mib,
                median(done.first), median(done.again), median(done.floor),
                median(done.library));
  }
  std::printf("}\n");
  return 0;
}

// met is how long both ends take until the stream is ready; negative if they did not agree.
double met(AtlsPair& pair, atls::Settings settings, atls::Agent* server, atls::Agent* client) {
  double start = wall_ms();
  pair.connect();
  if (server == nullptr) {
    pair.shake();
    return wall_ms() - start;
  }
  auto theirs = std::async(std::launch::async, [&] { return atls::attest_connection(settings, pair.server(), *server); });
  bool ours = !atls::attest_connection(settings, pair.client(), *client).failure;
  return !theirs.get().failure && ours ? wall_ms() - start : -1;
}

int bench_connection(int rounds) {
  Authority authority;
  CmcMachine server(authority, "tis", kFewFiles), client(authority, "tis", kFewFiles);
  if (!server.good() || !client.good() || !server.start() || !client.start()) return 1;
  auto agent = [](const CmcMachine& machine) {
    atls::Options options;
    options.daemon = machine.client(Encoding::cbor);
    return make_agent(options);
  };
  auto one = agent(server), two = agent(client);
  AtlsPair pair;
  atls::Settings settings;
  std::vector<double> plain, single, mutual;
  for (int i = 0; i < rounds; i++) {
    plain.push_back(met(pair, settings, nullptr, nullptr));
    settings.mode = atls::AttestMode::server;
    single.push_back(met(pair, settings, one.get(), two.get()));
    settings.mode = atls::AttestMode::mutual;
    mutual.push_back(met(pair, settings, one.get(), two.get()));
    if (single.back() < 0 || mutual.back() < 0) return 1;
  }
  std::printf("{\"plain_ms\": %.3f, \"server_ms\": %.3f, \"mutual_ms\": %.3f}\n", median(plain), median(single), median(mutual));
  return 0;
}

int bench_cache(int calls) {
  Authority authority;
  CmcMachine machine(authority, "tis", kFewFiles);
  if (!machine.good() || !machine.start()) return 1;
  std::string peer(64, 'a');
  auto report = machine.attest(Encoding::cbor, {1});
  if (!report || !machine.verify(Encoding::cbor, {1}, *report, peer)) return 1;
  cmc::ApiRequest request;
  request.call = cmc::Call::peer_cache;
  request.peer = peer;
  double start = wall_ms();
  for (int i = 0; i < calls; i++) {
    auto answer = cmc_call(machine.client(Encoding::cbor), request);
    if (!answer || answer->cache.empty()) return 1;
  }
  std::printf("{\"calls_per_second\": %.0f}\n", 1000.0 * calls / (wall_ms() - start));
  return 0;
}

int bench_policy(int rounds) {
  Authority authority;
  CmcMachine machine(authority, "tis", kFewFiles);
  if (!machine.good() || !machine.start()) return 1;
  auto report = machine.attest(Encoding::json, {1});
  auto result = report ? machine.verify(Encoding::json, {1}, *report, "") : Result<std::string>(report.error());
  auto child = find_policy_child();
  if (!result || !child) return 1;
  std::string_view script = "var r = JSON.parse(json); r.summary.status === 'success' && r.measurements.length > 0";
  std::vector<double> times;
  PolicyRunner runner(*child);
  for (int i = 0; i < rounds; i++) {
    double start = wall_ms();
    auto answer = runner.run(as_view(*result), as_view(script), std::chrono::seconds(5));
    times.push_back(wall_ms() - start);
    if (!answer || !answer->pass) return 1;
  }
  std::printf("{\"result_kib\": %.1f, \"policy_ms\": %.3f}\n", static_cast<double>(result->size()) / 1024, median(times));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::string_view what = argc > 1 ? argv[1] : "";
  auto number = [&](int i) { return std::max(1, std::atoi(argv[i])); };
  if (what == "judge" && (argc == 4 || argc == 5)) return bench_judge(number(2), number(3), argc == 5 ? argv[4] : "");
  if (what == "connection" && argc == 3) return bench_connection(number(2));
  if (what == "cache" && argc == 3) return bench_cache(number(2));
  if (what == "policy" && argc == 3) return bench_policy(number(2));
  std::fprintf(stderr, "usage: %s judge ENTRIES ROUNDS [json|cbor] | connection ROUNDS | cache CALLS | policy ROUNDS\n", argv[0]);
  return 2;
}
