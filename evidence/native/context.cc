#include "evidence/native/context.h"

#include "evidence/cbor/cbor.h"

namespace attest {
namespace {

constexpr std::size_t kMaxIdentity = 66;
constexpr std::size_t kMaxPcrs = 24;
constexpr std::uint64_t kAnchorKinds = 6;

void write_anchor(cbor::Writer& out, const AnchorIdentity& anchor) {
  out.array(2);
  out.uint(static_cast<std::uint64_t>(anchor.kind));
  out.bytes(anchor.id);
}

AnchorIdentity read_anchor(cbor::Reader& in) {
  AnchorIdentity out;
  if (in.array(2) != 2) in.fail("anchor identity is not a pair");
  out.kind = static_cast<AnchorKind>(in.uint(kAnchorKinds - 1));
  out.id = to_bytes(in.bytes(kMaxIdentity, 1));
  return out;
}

PcrSelection read_pcrs(cbor::Reader& in) {
  PcrSelection out;
  if (in.array(2) != 2) in.fail("PCR selection is not a pair");
  auto bank = hash_alg_from_id(static_cast<std::uint16_t>(in.uint(0xffff)));
  if (!bank && in.good()) in.fail("PCR bank of an unknown hash");
  if (bank) out.bank = *bank;
  int previous = -1;
  for (std::size_t n = in.array(kMaxPcrs); n > 0 && in.good(); n--) {
    int pcr = static_cast<int>(in.uint(kMaxPcrs - 1));
    if (pcr <= previous) in.fail("PCRs do not ascend");
    out.pcrs.push_back(static_cast<std::uint8_t>(pcr));
    previous = pcr;
  }
  return out;
}

Digest read_digest(cbor::Reader& in) { return Digest::of(in.bytes(32, 32)); }

void read_field(cbor::Reader& in, std::int64_t key, ReportContext& out) {
  switch (key) {
    case 0: out.profile = static_cast<std::uint8_t>(in.uint(0)); return;
    case 1: out.freshness = static_cast<FreshnessMode>(in.uint(2)); return;
    case 2: out.role = static_cast<Role>(in.uint(1)); return;
    case 3: out.service = in.text(ReportContext::kMaxLabel); return;
    case 4:
      for (std::size_t n = in.array(ReportContext::kMaxAnchors); n > 0 && in.good(); n--)
        out.anchors.push_back(read_anchor(in));
      return;
    case 5: out.pcrs = read_pcrs(in); return;
    case 6:
      for (std::size_t n = in.array(ReportContext::kMaxMetadata); n > 0 && in.good(); n--)
        out.metadata.push_back(read_digest(in));
      return;
    case 7: out.known_key = read_digest(in); return;
    case 8: out.epoch_id = read_digest(in); return;
    default: in.fail("unknown field " + std::to_string(key));
  }
}

Status check_whole(const ReportContext& context, unsigned seen) {
  constexpr unsigned kMandatory = 0b1011111;  // all but PCRs, known key and Epoch ID
  if ((seen & kMandatory) != kMandatory) return Error{Errc::malformed, "report context: a mandatory field is absent"};
  if (context.anchors.empty()) return Error{Errc::malformed, "report context: no anchor"};
  bool tpm = false;
  for (std::size_t i = 0; i < context.anchors.size(); i++) {
    tpm = tpm || context.anchors[i].kind == AnchorKind::tpm;
    for (std::size_t k = 0; k < i; k++)
      if (context.anchors[k].kind == context.anchors[i].kind)
        return Error{Errc::malformed, "report context: two anchors of one kind"};
  }
  if (tpm != context.pcrs.has_value()) return Error{Errc::malformed, "report context: PCR selection and TPM anchor do not go together"};
  bool keyed = context.freshness != FreshnessMode::nonce;
  if ((keyed && context.known_key.empty()) || (context.freshness == FreshnessMode::epoch_id) == context.epoch_id.empty())
    return Error{Errc::malformed, "report context: freshness mode and keys do not go together"};
  return ok();
}

}  // namespace

const char* anchor_name(AnchorKind kind) {
  constexpr const char* names[] = {"sw", "tpm", "snp", "tdx", "sgx", "azure"};
  auto i = static_cast<std::size_t>(kind);
  return i < std::size(names) ? names[i] : "unknown";
}

Result<Bytes> encode_context(const ReportContext& c) {
  if (c.service.size() > ReportContext::kMaxLabel || c.anchors.size() > ReportContext::kMaxAnchors ||
      c.metadata.size() > ReportContext::kMaxMetadata)
    return Error{Errc::denied, "report context: label, anchors or metadata exceed their bounds"};
  cbor::Writer out;
  out.map(6U + (c.pcrs ? 1 : 0) + (c.known_key.empty() ? 0 : 1) + (c.epoch_id.empty() ? 0 : 1));
  out.uint(0), out.uint(c.profile);
  out.uint(1), out.uint(static_cast<std::uint64_t>(c.freshness));
  out.uint(2), out.uint(static_cast<std::uint64_t>(c.role));
  out.uint(3), out.text(c.service);
  out.uint(4), out.array(c.anchors.size());
  for (const AnchorIdentity& anchor : c.anchors) write_anchor(out, anchor);
  if (c.pcrs) {
    out.uint(5), out.array(2), out.uint(static_cast<std::uint64_t>(c.pcrs->bank));
    out.array(c.pcrs->pcrs.size());
    for (std::uint8_t pcr : c.pcrs->pcrs) out.uint(pcr);
  }
  out.uint(6), out.array(c.metadata.size());
  for (const Digest& digest : c.metadata) out.bytes(digest.view());
  if (!c.known_key.empty()) out.uint(7), out.bytes(c.known_key.view());
  if (!c.epoch_id.empty()) out.uint(8), out.bytes(c.epoch_id.view());
  return std::move(out).finish();
}

Result<ReportContext> decode_context(View bytes) {
  cbor::Reader in(bytes);
  ReportContext out;
  unsigned seen = 0;
  std::int64_t key = -1;
  for (std::size_t n = in.map(9); n > 0 && in.good(); n--) {
    key = in.key(key);
    read_field(in, key, out);
    if (in.good()) seen |= 1U << key;
  }
  CHECK_OK(in.done("report context"));
  CHECK_OK(check_whole(out, seen));
  return out;
}

}  // namespace attest
