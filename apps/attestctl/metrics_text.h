// metrics_text.h: the daemon's state in the text format of Prometheus (version 0.0.4).
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "evidence/core/time.h"

namespace attest::ctl {

using Json = nlohmann::json;

// metrics_text writes the answer of the control call "status". Foreign text in labels is escaped.
std::string metrics_text(const Json& status, UnixTime now);
// metrics_down is what a scrape gets while the daemon does not answer.
std::string metrics_down();

}  // namespace attest::ctl
