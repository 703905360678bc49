// commands.h: one function a command, each in the file of its name. main.cc lists them.
#pragma once
#include "apps/attestctl/session.h"

namespace attest::ctl {

void add_ca(CLI::App& app, Session& session);  // ca_init.cc, ca_certify.cc
void add_ca_init(CLI::App& ca, Session& session);
void add_ca_certify(CLI::App& ca, Session& session);
void add_setup(CLI::App& app, Session& session);
void add_enroll(CLI::App& app, Session& session);
void add_enroll_key(CLI::App& enroll, Session& session);
void add_status(CLI::App& app, Session& session);
void add_generate(CLI::App& app, Session& session);
void add_verify(CLI::App& app, Session& session);
void add_explain(CLI::App& app, Session& session);
void add_verdicts(CLI::App& app, Session& session);
void add_key(CLI::App& app, Session& session);
void add_metadata(CLI::App& app, Session& session);  // metadata.cc and metadata_*.cc
void add_metadata_create(CLI::App& metadata, Session& session);
void add_create_image(CLI::App& create, Session& session);   // metadata/create_image.cc
void add_create_policy(CLI::App& create, Session& session);  // metadata/create_policy.cc
void add_metadata_convert(CLI::App& metadata, Session& session);
void add_metadata_fetch(CLI::App& metadata, Session& session);
void add_metadata_verify(CLI::App& metadata, Session& session);
void add_metadata_sign(CLI::App& metadata, Session& session);
void add_metadata_show(CLI::App& metadata, Session& session);
void add_metadata_import(CLI::App& metadata, Session& session);
void add_metadata_list(CLI::App& metadata, Session& session);
void add_metadata_allow(CLI::App& metadata, Session& session);
void add_measure(CLI::App& app, Session& session);
void add_publish(CLI::App& app, Session& session);  // publish/publish.cc
void add_policy(CLI::App& app, Session& session);
void add_reload(CLI::App& app, Session& session);
void add_compare(CLI::App& app, Session& session);
void add_reference(CLI::App& app, Session& session);  // reference.cc, reference_*.cc
void add_predict(CLI::App& app, Session& session);
void add_inspect(CLI::App& app, Session& session);
void add_appraise(CLI::App& app, Session& session);
void add_metrics(CLI::App& app, Session& session);
void add_top(CLI::App& app, Session& session);
void add_doctor(CLI::App& app, Session& session);
void add_dial(CLI::App& app, Session& session);  // atls/: attested TLS inside the stream
void add_listen(CLI::App& app, Session& session);
void add_request(CLI::App& app, Session& session);
void add_serve(CLI::App& app, Session& session);
void add_proxy(CLI::App& app, Session& session);

}  // namespace attest::ctl
