// consistency.h: do the parts of an evidence message belong together?
#pragma once
#include "verifier/case.h"

namespace attest {

// check_role: the evidence was made by the side that has to prove itself.
Failed check_role(const Question& question, const ReportContext& context);
// check_parts: the anchors present are exactly those of the context, in its order, none twice; metadata sent in full is
// listed in the context by its hash, none twice; quote, key and Epoch ID are there as the freshness mode says. Without anchors (known key) the quote judged
// before takes their place.
Failed check_parts(const Evidence& evidence, const ReportContext& context);
// qualifying_data is what every anchor must have signed for this question: it covers binder or nonce, the context, and
// the batch. malformed if the path has not the length its index and count demand.
Result<Digest> qualifying_data(const Question& question, const Evidence& evidence);

AnchorKind kind_of(const Anchor& anchor);

}  // namespace attest
