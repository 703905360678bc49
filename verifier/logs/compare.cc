#include "verifier/logs/compare.h"

#include <algorithm>
#include <map>
#include <set>

namespace attest {
namespace {

using Events = std::vector<const LoggedEvent*>;

std::map<std::uint32_t, Events> by_register(const std::vector<LoggedEvent>& events) {
  std::map<std::uint32_t, Events> out;
  for (const LoggedEvent& event : events) out[event.reg].push_back(&event);
  return out;
}

bool same(const LoggedEvent* a, const LoggedEvent* b) { return a->digest == b->digest; }

// An event that is one log's alone: what follows it there is what stands in its place in the other.
LogDifference::Kind kind_of(const Events& a, const Events& b, std::size_t at) {
  if (at >= b.size()) return LogDifference::Kind::only_first;
  if (at >= a.size()) return LogDifference::Kind::only_second;
  if (at + 1 < a.size() && same(a[at + 1], b[at])) return LogDifference::Kind::only_first;
  if (at + 1 < b.size() && same(a[at], b[at + 1])) return LogDifference::Kind::only_second;
  return LogDifference::Kind::changed;
}

std::size_t position(const LogDifference& difference) {
  std::size_t at = ~std::size_t{0};
  if (difference.first) at = std::min(at, difference.first->record);
  if (difference.second) at = std::min(at, difference.second->record);
  return at;
}

}  // namespace

LogComparison compare_logs(const std::vector<LoggedEvent>& first, const std::vector<LoggedEvent>& second) {
  LogComparison out;
  auto a = by_register(first), b = by_register(second);
  std::set<std::uint32_t> registers;
  for (const auto& [reg, events] : a) registers.insert(reg);
  for (const auto& [reg, events] : b) registers.insert(reg);
  bool a_longer = false, b_longer = false, parted = false;
  for (std::uint32_t reg : registers) {
    const Events &one = a[reg], &two = b[reg];
    std::size_t at = 0;
    while (at < one.size() && at < two.size() && same(one[at], two[at])) at++;
    if (at == one.size() && at == two.size()) {
      out.same.push_back(reg);
      continue;
    }
    LogDifference difference{kind_of(one, two, at), reg, {}, {}, at};
    if (at < one.size() && difference.kind != LogDifference::Kind::only_second) difference.first = *one[at];
    if (at < two.size() && difference.kind != LogDifference::Kind::only_first) difference.second = *two[at];
    (at == two.size() ? a_longer : at == one.size() ? b_longer : parted) = true;
    out.differences.push_back(std::move(difference));
  }
  out.continued = !parted && a_longer != b_longer;
  std::ranges::stable_sort(out.differences, {}, position);
  return out;
}

std::string_view register_meaning(std::uint32_t pcr) {
  constexpr std::string_view kMeanings[] = {"firmware code",
                                            "firmware settings and boot order",
                                            "drivers and option ROMs",
                                            "settings of drivers and option ROMs",
                                            "boot loaders",
                                            "partition table and boot loader settings",
                                            "the maker's own",
                                            "Secure Boot state, keys and authorities",
                                            "commands of the boot loader, kernel command line",
                                            "files the boot loader read: kernel, initrd",
                                            "files measured by IMA",
                                            "unified kernel image and boot phases",
                                            "kernel command line, credentials and overrides",
                                            "system extensions",
                                            "shim's own keys (MOK)",
                                            "system identity: machine, root file system"};
  return pcr < std::size(kMeanings) ? kMeanings[pcr] : std::string_view("applications");
}

}  // namespace attest
