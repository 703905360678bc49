// log_bench: logs that are judged by themselves. Prints one JSON line.
//   log_bench ima ENTRIES ROUNDS      a list is read and judged; the floor is one template hash and one extend an
//                                     entry and bank (sha1, sha256), with prefetched EVP
//   log_bench eventlog FILE BYTES ROUNDS   a firmware log, its records repeated up to BYTES, is read and judged
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "evidence/core/file.h"
#include "test/bench/measure.h"
#include "verifier/logs/event_log.h"
#include "verifier/logs/ima.h"

namespace {

using namespace attest;
using namespace attest::bench;

// Processor time: nothing here waits, and other programs must not count.
struct Clock {
  static double now() {
    timespec t{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
  }
};
double milliseconds(double start) { return Clock::now() - start; }

// An ima-ng entry of a file that never existed, in the kernel's binary form.
void add_entry(std::uint32_t number, Bytes& list) {
  Writer data, entry;
  std::string path = "/usr/lib/x86_64-linux-gnu/example/module-" + std::to_string(number) + ".so";
  data.u32le(8 + 32);
  data.put(as_view(std::string_view("sha256:\0", 8)));
  data.put(sha256(as_view(path)).view());
  data.u32le(static_cast<std::uint32_t>(path.size() + 1));
  data.put(as_view(path));
  data.u8(0);
  Bytes body = *std::move(data).finish("entry");
  entry.u32le(10);
  entry.put(hash_of(HashAlg::sha1, {body}).view());
  entry.u32le(6);
  entry.put(as_view("ima-ng"));
  entry.u32le(static_cast<std::uint32_t>(body.size()));
  entry.put(body);
  Bytes whole = *std::move(entry).finish("entry");
  list.insert(list.end(), whole.begin(), whole.end());
}

double floor_of(const ImaList& list) {
  auto start = Clock::now();
  for (HashAlg bank : {HashAlg::sha1, HashAlg::sha256}) {
    auto hasher = Hasher::make(bank);
    Digest pcr = Digest::filled(bank, 0);
    for (const ImaEntry& entry : list.entries) pcr = hasher->extend(pcr, hasher->of({entry.data}).view());
    if (pcr.empty()) return -1;
  }
  return milliseconds(start);
}

int bench_ima(std::uint32_t entries, int rounds) {
  Bytes list;
  list.reserve(std::size_t{entries} * 160);
  for (std::uint32_t i = 0; i < entries; i++) add_entry(i, list);
  std::vector<double> floors, judged;
  double grown = 0;
  for (int i = 0; i < rounds; i++) {  // in turn, so that a machine that slows down slows both
    forget_peak();
    double before = peak_mib();
    auto start = Clock::now();
    auto parsed = parse_ima_list(list);
    auto judgement = parsed ? judge_ima(*parsed, 20, {}) : Result<ImaJudgement>(parsed.error());
    judged.push_back(milliseconds(start));
    if (!judgement || !judgement->wrong_hashes.empty()) return 1;
    if (i == 0) grown = std::max(0.0, peak_mib() - before);
    floors.push_back(floor_of(*parsed));
  }
  double size = static_cast<double>(list.size()) / (1 << 20);
  std::printf("{\"list_mib\": %.3f, \"memory_mib\": %.3f, \"floor_ms\": %.3f, \"judge_ms\": %.3f}\n", size,
              size + grown, median(floors), median(judged));
  return 0;
}

int bench_eventlog(const char* path, std::size_t size, int rounds) {
  auto file = read_file(path, kMaxTcgLog);
  auto recorded = file ? parse_tcg_event_log(*file) : Result<TcgEventLog>(Error{Errc::io, path});
  if (!recorded || recorded->events.size() < 2) return 1;
  Bytes log = *file;
  View records = View(*file).subspan(recorded->events[1].offset);
  while (log.size() < size) log.insert(log.end(), records.begin(), records.end());
  std::vector<double> judged;
  for (int i = 0; i < rounds; i++) {
    auto start = Clock::now();
    auto parsed = parse_tcg_event_log(log, TcgLogEnd::padded);
    auto judgement = parsed ? judge_event_log(*parsed, {}) : Result<EventLogJudgement>(parsed.error());
    judged.push_back(milliseconds(start));
    if (!judgement) return 1;
  }
  double scale = static_cast<double>(size) / static_cast<double>(log.size());
  std::printf("{\"bytes\": %zu, \"judge_ms\": %.3f}\n", log.size(), median(judged) * scale);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "ima" && argc == 4) return bench_ima(static_cast<std::uint32_t>(std::atoi(argv[2])), std::max(1, std::atoi(argv[3])));
  if (what == "eventlog" && argc == 5)
    return bench_eventlog(argv[2], static_cast<std::size_t>(std::atoi(argv[3])), std::max(1, std::atoi(argv[4])));
  std::fprintf(stderr, "usage: %s ima ENTRIES ROUNDS | eventlog FILE BYTES ROUNDS\n", argv[0]);
  return 2;
}
