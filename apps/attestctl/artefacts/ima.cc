// Kind "ima": the kernel's list of measured files, binary or as text.
#include "apps/attestctl/artefacts/eventlog_facts.h"
#include "apps/attestctl/artefacts/ima_facts.h"
#include "apps/attestctl/artefacts/kinds.h"
#include "apps/attestctl/artefacts/pcr_values.h"
#include "evidence/core/hex.h"

namespace attest::ctl {
namespace {

// A binary list begins with a PCR, a hash of any bank's length, and a template's name.
bool looks_like(View bytes) {
  if (ima::looks_like_ascii(bytes)) return true;
  for (std::size_t size : {20U, 32U, 48U, 64U}) {
    Reader in(bytes);
    std::uint32_t pcr = in.u32le();
    in.take(size);
    std::string_view name = as_text(in.take32le(kMaxImaTemplateName));
    if (in.good() && pcr < 24 && ima::template_fields(name)) return true;
  }
  return false;
}

Result<ArtefactAppraisal> appraise(const ArtefactInput& input) {
  TRY(ReadImaList read, read_ima(input.file.bytes));
  ImaOptions options;
  options.at = input.at;
  TRY(options.rules, read_ima_rules(input.policy));
  if (const Bytes* pcrs = input.companion("pcrs")) {
    TRY(options.pcrs, read_pcr_values(*pcrs));
  }
  if (const Bytes* keys = input.companion("keys")) {
    TRY(options.keys, parse_ima_keys(*keys));
  }
  if (const Bytes* firmware = input.companion("eventlog")) {
    TRY(TcgEventLog log, parse_tcg_event_log(*firmware, TcgLogEnd::padded));
    TRY(options.firmware, replay_banks(log));
  }
  TRY(ImaJudgement judgement, judge_ima(read.list, read.hash_size, options));
  ArtefactAppraisal out;
  out.facts = ima_facts(read, judgement);
  out.checks = std::move(judgement.checks.checks);
  return out;
}

Result<Facts> inspect(const ArtefactInput& input) {
  TRY(ReadImaList read, read_ima(input.file.bytes));
  TRY(ImaJudgement judgement, judge_ima(read.list, read.hash_size, {}));
  Facts out = ima_facts(read, judgement);
  out["list"] = ima_entry_facts(read.list);
  return out;
}

}  // namespace

ArtefactKind ima_kind() {
  return {"ima", "IMA measurement list, binary or text (--with pcrs=FILE, eventlog=FILE, keys=FILE)", looks_like, inspect,
          appraise};
}

}  // namespace attest::ctl
