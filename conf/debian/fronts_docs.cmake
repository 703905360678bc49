# Copyright and changelog of attest-cmc-fronts. CPack runs this between installing and packing.
set(doc "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share/doc/attest-cmc-fronts")
file(MAKE_DIRECTORY "${doc}")
configure_file("${CPACK_ATTEST_DEBIAN}/copyright" "${doc}/copyright" COPYONLY)
file(READ "${CPACK_ATTEST_DEBIAN}/changelog.in" changelog)
string(REPLACE "attest-provider (" "attest-cmc-fronts (" changelog "${changelog}")
string(CONFIGURE "${changelog}" changelog @ONLY)
file(WRITE "${doc}/changelog" "${changelog}")
execute_process(COMMAND gzip -9nf "${doc}/changelog" COMMAND_ERROR_IS_FATAL ANY)
