// dcap_facts.h: Intel's quotes and collateral as facts.
#pragma once
#include "apps/attestctl/artefacts/artefact.h"
#include "evidence/dcap/quote.h"
#include "verifier/dcap/quote.h"

namespace attest::ctl {

Facts quote_facts(const Quote& quote);
Facts certificate_facts(const DcapCertificate& certificate);
Facts crl_facts(const DcapCrl& crl);
Facts tcb_info_facts(const TcbInfo& info);
Facts identity_facts(const EnclaveIdentity& identity);
// judgement_facts is what became known of a quote on its way; what was not reached is left out.
Facts judgement_facts(const QuoteJudgement& judgement);

}  // namespace attest::ctl
