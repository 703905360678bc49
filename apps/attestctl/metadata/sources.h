// sources.h: where signed metadata comes from: file://, https:// and http:// folders, blob://.
#pragma once
#include "cmcd-lite/http/client.h"

namespace attest::ctl {

// Fetched is what sources yielded: items that nobody has judged yet.
struct Fetched {
  std::vector<Bytes> items;
  std::vector<std::string> problems;  // one for each source, or part of one, that yielded nothing
  std::size_t good_sources = 0;
};

struct FetchLimits {
  std::size_t items = 1024;
  std::size_t bytes = 256 << 20;  // of all items together
  std::size_t depth = 8;          // of folders below a listing
  std::chrono::seconds deadline{60};  // for everything that comes over a network
};

// fetch reads every source; one that fails is a problem and does not stop the others.
//   file://PATH   an item, or a folder of them
//   https://HOST/FOLDER/   a listing; names in it are items, or folders where the answer is text/html (http:// alike: items are
//                 signed, a network can only hold them back)
//   blob://PATH   a file or block device with one item after the other
Fetched fetch(const std::vector<std::string>& sources, const HttpClient& client, const FetchLimits& limits = {});

}  // namespace attest::ctl
