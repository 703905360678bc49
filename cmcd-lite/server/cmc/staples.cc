#include "cmcd-lite/server/cmc/staples.h"

#include <algorithm>

#include "cmcd-lite/http/client.h"
#include "evidence/cmc/item.h"
#include "evidence/cmc/report.h"
#include "evidence/core/file.h"
#include "evidence/core/hex.h"
#include "evidence/core/printable.h"

namespace attest {
namespace {

namespace fs = std::filesystem;
using cmc::OmspStatus;

constexpr std::size_t kMaxAnswer = 1 << 20;
constexpr UnixTime kSkew = 60;             // by which a server's clock may be ahead of ours, and ours of a verifier's
constexpr UnixTime kLongest = 48 * 3600;   // after which CMC's agent asks again
constexpr UnixTime kSoonest = 300;         // however short an answer's life is
constexpr UnixTime kBeforeEnd = 3600;      // of the signer's chain
constexpr cmc::Field kArVersion{"arVersion", 0}, kRequests{"requests", 1};

std::string quoted(const std::string& text) { return "\"" + printable(text, 80) + "\""; }

// may_ask: an answer is signed, but who is asked learns what this machine runs, and a listener could hold answers back.
Status may_ask(const http::Url& url, const CmcStaple& config) {
  if (!url.tls && !url.local()) return Error{Errc::denied, "http leads to another machine; it must be https"};
  if (url.tls && config.roots.empty())
    return Error{Errc::denied, "no \"roots\" of \"staple\" of \"cmc\" in cmcd.json certify it"};
  return ok();
}

// Opened is what an item says, and whether its signatures are good.
struct Opened {
  cmc::Metadata metadata;
  Status signatures = ok();
  UnixTime good_before = 0;
};

Result<Opened> open_item(View bytes, const TrustStore& signers, UnixTime now) {
  TRY(Examined examined, cmc::examine_item(bytes, signers, now));
  TRY(cmc::Encoding outside, cmc::encoding_of(bytes));
  TRY(cmc::Encoding inside, cmc::encoding_of(examined.payload));
  if (inside != outside) return Error{Errc::malformed, "payload and signature are of different serialisations"};
  Opened out;
  TRY(out.metadata, cmc::parse_metadata(examined.payload));
  if (!examined.trusted()) out.signatures = Error{Errc::untrusted, "no signature"};
  for (const SignatureOutcome& one : examined.signatures) {
    if (one.signature_error) out.signatures = Error{Errc::untrusted, one.signature_error->what};
    if (one.chain_error) out.signatures = Error{Errc::untrusted, one.chain_error->what};
    out.good_before = out.good_before == 0 ? one.not_after : std::min(out.good_before, one.not_after);
  }
  return out;
}

// note_time works out when another answer is due: in the middle between thisUpdate and nextUpdate, from both of which an
// administrator sees how soon a revocation has to be known. False if nobody can read these times.
bool note_time(const OmspStatus& status, Staple& out) {
  auto from = parse_rfc3339(status.this_update);
  if (!from) return false;
  if (status.next_update.empty()) return true;
  auto until = parse_rfc3339(status.next_update);
  if (!until) return false;
  UnixTime middle = *from + std::max<UnixTime>(*until - *from, 0) / 2;
  out.renewal = std::min(out.renewal, std::max(middle, out.produced + kSoonest));
  out.until = out.until ? std::min(*out.until, *until) : *until;
  return true;
}

// note_status: what is not good today may be so tomorrow, so that another answer is due at once.
void note_status(const OmspStatus& status, const std::string& manifest, Staple& out) {
  bool readable = note_time(status, out);
  std::string concern = status.status != "good" ? printable(status.status, 20) : !readable ? "good at times that cannot be read" : "";
  if (concern.empty()) return;
  out.renewal = out.produced;
  out.concerns.push_back("manifest " + quoted(manifest) + " is " + concern);
}

void note_statuses(const std::vector<OmspStatus>& responses, const StapleQuestion& question, Staple& out) {
  out.renewal = out.produced + kLongest;
  std::map<std::string, const std::string*> left;
  for (const auto& [digest, name] : question.manifests) left.emplace(digest, &name);
  for (const OmspStatus& status : responses) {
    auto about = question.manifests.find(status.manifest_hash);
    if (about == question.manifests.end()) continue;
    left.erase(about->first);
    note_status(status, about->second, out);
  }
  for (const auto& [digest, name] : left) out.missing.push_back(quoted(*name));
}

// fits: a verifier whose clock is ours does not refuse the whole report for it.
bool fits(const Staple& staple, UnixTime now) { return staple.produced <= now && now < staple.good_before; }

bool all_good(const Staple& staple, UnixTime now) {
  return fits(staple, now) && staple.missing.empty() && staple.concerns.empty() && (!staple.until || now <= *staple.until);
}

// gives_way: as long as nothing is lost, a new answer waits until it is not to come by the clock of any verifier either.
bool gives_way(const Staple& former, const Staple& fresh, UnixTime now) {
  if (!fits(fresh, now)) return false;
  return fresh.produced + kSkew <= now || !all_good(former, now) || !all_good(fresh, now);
}

Error refused(const StapleQuestion& question, Errc code, const std::string& why) {
  return {code, "revocation answer of " + printable(question.server, 200) + ": " + why};
}

Result<http::Url> url_of(const std::string& server, const CmcStaple& config) {
  TRY(http::Url url, http::read_url(server));
  CHECK_OK(may_ask(url, config));
  return url;
}

}  // namespace

Bytes encode_question(const StapleQuestion& question, cmc::Encoding encoding) {
  auto out = cmc::make_sink(encoding);
  std::vector<std::string> digests;
  for (const auto& [digest, name] : question.manifests) digests.push_back(digest);
  out->object();
  cmc::write_text(*out, kArVersion, cmc::kReportVersion);
  cmc::write_texts(*out, kRequests, digests);
  out->end_object();
  return out->finish();
}

Result<Staple> judge_staple(View answer, const StapleQuestion& question, const TrustStore& signers, HashAlg hash, UnixTime now) {
  if (answer.size() > kMaxAnswer) return refused(question, Errc::malformed, "more than 1 MiB");
  auto opened = open_item(answer, signers, now);
  if (!opened) return refused(question, opened.error().code, opened.error().what);
  if (!opened->signatures) return refused(question, Errc::untrusted, "not signed by \"signer_roots\": " + opened->signatures.error().what);
  const cmc::Metadata& m = opened->metadata;
  if (m.type != cmc::kOmspResponse) return refused(question, Errc::malformed, "it is of type " + quoted(m.type) + ", an OMSP Response is due");
  if (m.server != question.server) return refused(question, Errc::mismatch, "it is the answer of " + quoted(m.server));
  auto produced = parse_rfc3339(m.produced_at);
  if (!produced) return refused(question, Errc::malformed, "producedAt: " + produced.error().what);
  if (*produced > now + kSkew)
    return refused(question, Errc::stale, "produced at " + format_rfc3339(*produced) + ", which is to come: see the clocks of both");
  Staple out;
  out.item = {to_hex(hash_of(hash, {answer}).view()), to_bytes(answer)};
  out.produced = *produced;
  out.good_before = opened->good_before;
  note_statuses(m.responses, question, out);
  out.renewal = std::min(out.renewal, std::max(out.good_before - kBeforeEnd, out.produced + kSoonest));
  return out;
}

Result<Bytes> fetch_staple(const StapleQuestion& question, const CmcStaple& config, std::chrono::milliseconds patience) {
  auto failed = [&question](const Error& error) {
    return Error{error.code, "revocation server " + printable(question.server, 200) + ": " + error.what};
  };
  auto url = url_of(question.server, config);
  if (!url) return failed(url.error());
  HttpOptions options;
  for (const fs::path& file : config.roots) options.roots.push_back(file.string());
  options.deadline = patience;
  options.max_body = kMaxAnswer;
  auto client = HttpClient::make(std::move(options));
  if (!client) return failed(client.error());
  http::Request request;
  request.method = "POST";
  request.content_type = config.format == cmc::Encoding::json ? "application/json" : "application/cbor";
  request.body = as_text(encode_question(question, config.format));
  auto answer = client->call(*url, request);
  if (!answer) return failed(answer.error());
  if (answer->status != 200)
    return failed({Errc::denied, "it answered " + std::to_string(answer->status) + ": " + printable(answer->body, 200)});
  return to_bytes(as_view(answer->body));
}

// ask_about adds a manifest to what its server is asked.
void Staples::ask_about(const SignedItem& item, const cmc::Metadata& manifest, bool trusted, std::vector<std::string>& warnings) {
  auto skip = [&](const std::string& why) {
    warnings.push_back("cmc.staple: " + quoted(manifest.omsp_server) + ", which manifest " + quoted(manifest.name) + " names, is not asked: " + why);
  };
  if (!trusted) return skip("the manifest is not signed by \"signer_roots\"");
  if (auto url = url_of(manifest.omsp_server, config_); !url) return skip(url.error().what);
  auto at = std::ranges::find(questions_, manifest.omsp_server, &StapleQuestion::server);
  if (at == questions_.end() && questions_.size() == kMaxServers) return skip("there are more than " + std::to_string(kMaxServers) + " servers");
  if (at == questions_.end()) at = questions_.insert(at, {manifest.omsp_server, {}});
  at->manifests.emplace(item.digest, manifest.name);
}

std::shared_ptr<Staples> Staples::load(const CmcConfig& config, TrustStore signers, std::vector<SignedItem>& items, UnixTime now,
                                       std::vector<std::string>& warnings) {
  std::shared_ptr<Staples> out(new Staples(config, std::move(signers)));
  std::map<std::string, std::string> answers;  // servers by digests of answers
  for (const SignedItem& item : items) {
    auto opened = open_item(item.bytes, out->signers_, now);
    if (!opened) continue;  // every verifier says so
    const cmc::Metadata& m = opened->metadata;
    if (m.type == cmc::kManifest && !m.omsp_server.empty()) out->ask_about(item, m, bool(opened->signatures), warnings);
    if (m.type == cmc::kOmspResponse) answers.emplace(item.digest, m.server);
  }
  for (const StapleQuestion& question : out->questions_) {
    out->read_kept(question, now, warnings);
    std::erase_if(items, [&](const SignedItem& item) {
      auto answer = answers.find(item.digest);
      if (answer == answers.end() || answer->second != question.server) return false;
      auto staple = judge_staple(item.bytes, question, out->signers_, out->hash_, now);
      if (!staple || !staple->missing.empty()) return false;  // beside another one it says what it says
      static_cast<void>(out->hold(question.server, *std::move(staple)));  // an older one gives way
      return true;
    });
  }
  out->settle(now);
  return out;
}

void Staples::read_kept(const StapleQuestion& question, UnixTime now, std::vector<std::string>& warnings) {
  fs::path file = file_of(question.server);
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return;
  auto bytes = read_file(file, kMaxAnswer);
  auto staple = bytes ? judge_staple(*bytes, question, signers_, hash_, now) : Result<Staple>(bytes.error());
  if (!staple)
    warnings.push_back("cmc.staple: the answer kept in " + file.string() + " is not used: " + staple.error().what);
  else
    static_cast<void>(hold(question.server, *std::move(staple)));
}

fs::path Staples::file_of(const std::string& server) const {
  return config_.folder / (to_hex(sha256(as_view(server)).view()) + ".answer");
}

Status Staples::hold(const std::string& server, Staple fresh) {
  std::lock_guard lock(mutex_);
  auto& held = held_[server];
  if (!held.empty() && fresh.produced < held.back()->produced)
    return Error{Errc::stale, "produced at " + format_rfc3339(fresh.produced) + ", before the one that is held, of " + format_rfc3339(held.back()->produced)};
  if (held.size() == 2) held.pop_back();  // it never was in force
  held.push_back(std::make_shared<const Staple>(std::move(fresh)));
  return ok();
}

Status Staples::take(View answer, const StapleQuestion& question, UnixTime now) {
  TRY(Staple fresh, judge_staple(answer, question, signers_, hash_, now));
  if (!fresh.missing.empty()) {
    std::string more = fresh.missing.size() == 1 ? "" : " and " + std::to_string(fresh.missing.size() - 1) + " more";
    return refused(question, Errc::mismatch, "it says nothing of manifest " + fresh.missing.front() + more);
  }
  if (auto held = hold(question.server, std::move(fresh)); !held) return refused(question, held.error().code, held.error().what);
  settle(now);
  std::error_code error;
  fs::create_directories(config_.folder, error);
  return write_file_atomic(file_of(question.server).string(), answer, 0600);
}

std::shared_ptr<const Staple> Staples::newest(const std::string& server) const {
  std::lock_guard lock(mutex_);
  auto at = held_.find(server);
  return at == held_.end() || at->second.empty() ? nullptr : at->second.back();
}

void Staples::settle(UnixTime now) {
  std::lock_guard lock(mutex_);
  std::vector<const SignedItem*> fit;
  for (auto& [server, held] : held_) {
    if (held.size() == 2 && gives_way(*held.front(), *held.back(), now)) held.erase(held.begin());
    if (fits(*held.front(), now)) fit.push_back(&held.front()->item);
  }
  if (std::ranges::equal(fit, *carried_, {}, &SignedItem::digest, &SignedItem::digest)) return;
  auto items = std::make_shared<std::vector<SignedItem>>();
  for (const SignedItem* item : fit) items->push_back(*item);
  carried_ = std::move(items);
}

std::shared_ptr<const std::vector<SignedItem>> Staples::items() const {
  std::lock_guard lock(mutex_);
  return carried_;
}

}  // namespace attest
