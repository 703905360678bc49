// metadata_publish.h: the commands around set lists.
#pragma once
#include "apps/attestctl/commands.h"

namespace attest::ctl {

void add_metadata_publish(CLI::App& metadata, Session& session);
void add_metadata_follow(CLI::App& metadata, Session& session);

}  // namespace attest::ctl
