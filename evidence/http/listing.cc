#include "evidence/http/listing.h"

#include <algorithm>

#include "evidence/http/message.h"

namespace attest::http {
namespace {

// find_tag finds a tag whatever its case; npos if it is not there.
std::size_t find_tag(std::string_view text, std::string_view tag, std::size_t from) {
  auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b; };
  auto at = std::search(text.begin() + static_cast<long>(std::min(from, text.size())), text.end(), tag.begin(), tag.end(), same);
  return at == text.end() ? text.npos : static_cast<std::size_t>(at - text.begin());
}

std::string unescaped(std::string_view text) {
  std::string out(text);
  for (std::size_t at = out.find("&amp;"); at != std::string::npos; at = out.find("&amp;", at + 1)) out.erase(at + 1, 4);
  return out;
}

// href_of is the target of an anchor whose attributes these are.
std::string_view href_of(std::string_view attributes) {
  std::size_t at = find_tag(attributes, "href=\"", 0);
  if (at == attributes.npos) return {};
  std::string_view rest = attributes.substr(at + 6);
  return rest.substr(0, std::min(rest.find('"'), rest.size()));
}

}  // namespace

Result<std::vector<std::string>> listed_names(std::string_view html) {
  std::size_t from = find_tag(html, "<pre>", 0);
  std::size_t end = from == html.npos ? html.npos : find_tag(html, "</pre>", from);
  if (end == html.npos) return Error{Errc::malformed, "listing: no names between <pre> and </pre>"};
  std::string_view list = html.substr(from + 5, end - from - 5);
  Url anywhere{true, "x", "443", "/"};
  std::vector<std::string> out;
  for (std::size_t at = find_tag(list, "<a ", 0); at != list.npos; at = find_tag(list, "<a ", at + 3)) {
    std::size_t close = list.find('>', at);
    if (close == list.npos) return Error{Errc::malformed, "listing: an anchor without an end"};
    std::string name = unescaped(href_of(list.substr(at, close - at)));
    if (name.starts_with("./")) name.erase(0, 2);
    if (!join(anywhere, name)) continue;
    if (out.size() == kMaxListed) return Error{Errc::malformed, "listing: more than 4096 names"};
    out.push_back(std::move(name));
  }
  return out;
}

}  // namespace attest::http
