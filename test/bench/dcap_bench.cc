// dcap_bench: a TDX quote with its collateral against the bare signature checks it needs, and the same with
// collateral that was checked before. Prints one JSON line.
//   dcap_bench QUOTES ROUNDS
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "test/bench/measure.h"
#include "test/support/dcap_maker.h"
#include "verifier/dcap/quote.h"
#include "verifier/tdx/body.h"

namespace {

using namespace attest;
using namespace attest::bench;
using namespace attest::test;

// per_item is the processor's time of one of `count` runs in microseconds; negative if one failed.
template <class F>
double per_item(int count, F&& work) {
  std::clock_t start = std::clock();
  for (int i = 0; i < count; i++)
    if (!work()) return -1;
  return 1e6 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC / count;
}

struct Files {
  Bytes quote;
  std::vector<Bytes> collateral;
  Issuers roots;
};

bool judge(const Quote& quote, const CheckedCollateral& checked, const Issuers& issuers) {
  NamedChecks checks("tdx");
  QuoteJudgement judgement;
  if (!judge_signatures(quote, issuers, {}, DcapWorld::kNow, judgement, checks)) return false;
  judge_platform(checked, {}, DcapWorld::kNow, judgement, checks);
  judge_td(*quote.td(), {}, std::nullopt, checks);
  return std::ranges::all_of(checks.list(), [](const Finding& f) { return f.outcome == Outcome::pass; });
}

Result<CheckedCollateral> check_collateral(const Files& files) {
  DcapCollateral collateral;
  for (const Bytes& file : files.collateral) CHECK_OK(add_collateral(file, collateral));
  return CheckedCollateral::make(std::move(collateral), files.roots);
}

// known is what is left to do where the collateral was checked before: its CA is the one in the quote's chain.
bool known(const Files& files, const CheckedCollateral& checked) {
  auto quote = parse_quote(files.quote);
  return quote && judge(*quote, checked, checked.issuers);
}

// whole is everything, from bytes: parsing, collateral, quote.
bool whole(const Files& files) {
  auto checked = check_collateral(files);
  return checked && known(files, *checked);
}

struct Signed {
  Bytes point, message, signature;
};

// bare is the signatures alone: each key made and asked once, over its message.
bool bare(const std::vector<Signed>& all) {
  return std::ranges::all_of(all, [](const Signed& s) {
    auto key = P256PublicKey::make(s.point);
    return key && key->verify_raw(s.message, s.signature, "bench");
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s QUOTES ROUNDS\n", argv[0]);
    return 2;
  }
  int count = std::max(1, std::atoi(argv[1])), rounds = std::max(1, std::atoi(argv[2]));
  DcapWorld world;
  auto roots = Issuers::make({world.root_der()});
  if (!roots) return 1;
  Files files{world.quote(), {}, *roots};
  auto quote = parse_quote(files.quote);
  auto chain = quote ? certificates_of(*quote) : quote.error();
  if (!chain || chain->size() < 2) return 1;
  Bytes ca = (*chain)[1].der;  // made anew it would have another signature
  files.collateral = {to_bytes(as_view(world.tcb_info())), to_bytes(as_view(world.identity())),
                      world.crl("Intel SGX Root CA", world.root), world.crl("Intel SGX PCK Platform CA", world.ca),
                      world.tcb_der(), ca, world.root_der()};
  // Nine signatures: PCK CA, TCB signing certificate, PCK, two CRLs, TCB info, identity, QE report, quote.
  std::vector<Signed> signatures;
  auto add = [&](const DcapKey& key, View message) {
    signatures.push_back({key.point(), to_bytes(message), key.sign(message)});
  };
  for (const Bytes& der : {ca, files.collateral[4]}) add(world.root, parse_dcap_certificate(der)->tbs);
  add(world.ca, chain->front().tbs);
  add(world.root, files.collateral[2]);
  add(world.ca, files.collateral[3]);
  add(world.tcb, files.collateral[0]);
  add(world.tcb, files.collateral[1]);
  add(world.pck, quote->qe_report_bytes);
  add(world.attestation, quote->signed_part);
  auto checked = check_collateral(files);
  if (!checked) return 1;
  std::vector<double> floors, wholes, rests;
  for (int i = 0; i < rounds; i++) {  // in turn, so that a machine that slows down slows all of them
    floors.push_back(per_item(count, [&] { return bare(signatures); }));
    wholes.push_back(per_item(count, [&] { return whole(files); }));
    rests.push_back(per_item(count, [&] { return known(files, *checked); }));
    if (floors.back() < 0 || wholes.back() < 0 || rests.back() < 0) return 1;
  }
  std::printf("{\"signatures\": %zu, \"floor_us\": %.1f, \"whole_us\": %.1f, \"known_us\": %.1f}\n",
              signatures.size(), median(floors), median(wholes), median(rests));
  return 0;
}
