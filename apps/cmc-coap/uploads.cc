#include "apps/cmc-coap/uploads.h"

namespace attest {

void Uploads::drop(Uploading::iterator at) {
  held_ -= at->second.body.size();
  uploads_.erase(at);
}

void Uploads::expire(Clock::time_point now) {
  for (auto at = uploads_.begin(); at != uploads_.end();) {
    auto one = at++;
    if (now - one->second.last > kIdle) drop(one);
  }
}

void Uploads::forget(const void* session) {
  for (auto at = uploads_.begin(); at != uploads_.end();) {
    auto one = at++;
    if (one->first.first == session) drop(one);
  }
}

std::variant<Uploads::Goes, Bytes, Uploads::Trouble> Uploads::take(const From& from, const Block& block, Clock::time_point now) {
  expire(now);
  auto at = uploads_.find({from.session, from.resource});
  if (at != uploads_.end() && block.offset == 0) {
    drop(at);  // begun anew
    at = uploads_.end();
  }
  if (at == uploads_.end()) {
    if (block.offset != 0) return Trouble::missing;
    if (uploads_.size() >= kMaxUploads) return Trouble::too_large;
    at = uploads_.emplace(Key{from.session, from.resource}, Upload{from.format, {}, now}).first;
  }
  Upload& upload = at->second;
  bool resent = block.more && block.offset + block.data.size() == upload.body.size();
  if (resent && upload.format == from.format) return Goes{};
  if (block.offset != upload.body.size() || upload.format != from.format || block.data.empty()) {
    drop(at);
    return Trouble::missing;
  }
  std::size_t size = block.offset + block.data.size();
  if (size > kMaxBody || block.announced > kMaxBody || held_ + block.data.size() > kMaxHeld) {
    drop(at);
    return Trouble::too_large;
  }
  upload.body.insert(upload.body.end(), block.data.begin(), block.data.end());
  upload.last = now;
  held_ += block.data.size();
  if (block.more) return Goes{};
  Bytes whole = std::move(upload.body);
  held_ -= whole.size();
  uploads_.erase(at);
  return whole;
}

}  // namespace attest
